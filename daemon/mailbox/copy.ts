import { writeSync } from "node:fs";
import { ByteBuffer } from "../../core/bytes/mod.ts";
import { type ContentReader, RecordType } from "../../core/queue/mod.ts";

/** What is put around the content when a message becomes mailbox text. */
export interface CopyForm {
  /** Lines before the content, without line ends: the mbox `From ` line, `Return-Path:`, `Delivered-To:` ... */
  readonly prepend: readonly string[];
  /** Write `>` before a line that begins with `From ` (after any number of `>`): mbox. */
  readonly quoteFrom: boolean;
  /** End with an empty line: mbox. */
  readonly blankLine: boolean;
}

const LF = 10;
const GREATER = 0x3e;
const FROM = [0x46, 0x72, 0x6f, 0x6d, 0x20];
/** Bytes that are collected before they are written. */
const CHUNK = 65536;

/** True if the record begins with `>`...`From `. */
function looksLikeFromLine(bytes: Uint8Array, start: number, end: number): boolean {
  let at = start;
  while (at < end && bytes[at] === GREATER) at += 1;
  return FROM.every((code, index) => at + index < end && bytes[at + index] === code);
}

/**
 * Copies a message to an open file as lines that end in LF. Synchronous, so that it can run with a recipient's rights.
 * Returns the bytes written. Throws what the file system or the queue file throws; the caller undoes a partial copy.
 */
export function copyMessage(reader: ContentReader, fd: number, form: CopyForm): number {
  const out = new ByteBuffer(8192);
  let written = 0;
  const drain = () => {
    let bytes: Uint8Array = out.view();
    written += bytes.length;
    while (bytes.length > 0) bytes = bytes.subarray(writeSync(fd, bytes));
    out.clear();
  };
  for (const line of form.prepend) {
    out.appendText(line);
    out.appendByte(LF);
  }
  let atLineStart = true;
  while (reader.next()) {
    const { bytes, start, end } = reader;
    if (form.quoteFrom && atLineStart && looksLikeFromLine(bytes, start, end)) out.appendByte(GREATER);
    out.append(bytes.subarray(start, end));
    atLineStart = reader.type === RecordType.Normal;
    if (atLineStart) out.appendByte(LF);
    if (out.length >= CHUNK) drain();
  }
  if (!atLineStart) out.appendByte(LF);
  if (form.blankLine) out.appendByte(LF);
  drain();
  return written;
}
