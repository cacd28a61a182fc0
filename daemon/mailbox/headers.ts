import { toExternal } from "../../core/address/mod.ts";
import type { Config } from "../../core/config/types.ts";

const DAYS = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/** asctime(3) in local time, as mbox files have it. */
function asctime(date: Date): string {
  const two = (value: number) => String(value).padStart(2, "0");
  const day = String(date.getDate()).padStart(2);
  const clock = `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
  return `${DAYS[date.getDay()]} ${MONTHS[date.getMonth()]} ${day} ${clock} ${date.getFullYear()}`;
}

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
  return oneLine(`From ${external(sender)}  ${asctime(when)}`);
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
