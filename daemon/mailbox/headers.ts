import { toExternal } from "../../core/address/mod.ts";
import type { Config } from "../../core/config/types.ts";
import { longDate } from "../../core/date/mod.ts";

/** An address as headers have it; nothing for the empty one. */
function external(address: string): string {
  return address === "" ? "" : toExternal(address);
}

/** An address comes from outside: a line end in it must not begin another header line. */
function oneLine(text: string): string {
  return text.replace(/[\r\n\0]/g, "?");
}

/** The line that begins a message in an mbox file. @param sender internal form, never empty */
export function fromLine(sender: string, when = new Date()): string {
  return oneLine(`From ${external(sender)}  ${longDate(when)} ${when.getFullYear()}`);
}

/** The envelope sender. */
export function returnPath(sender: string): string {
  return oneLine(`Return-Path: <${external(sender)}>`);
}

/** The header line that tells the original recipient; none if that is not known or not to be told. */
export type OriginalTo = (original: string) => readonly string[];

/** Makes them as `enable_original_recipient` says. */
export function originalToLines(config: Config): OriginalTo {
  if (!config.bool("enable_original_recipient")) return () => [];
  return (original) => original === "" ? [] : [oneLine(`X-Original-To: ${external(original)}`)];
}

/** The recipient, which breaks loops. */
export function deliveredTo(address: string): string {
  return oneLine(`Delivered-To: ${external(address)}`);
}
