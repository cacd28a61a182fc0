import { BufferPool, type ByteBuffer } from "../../core/bytes/mod.ts";
import { type ContentReader, RecordType } from "../../core/queue/mod.ts";

/** What a message looks like outside the queue. */
export interface TextForm {
  /** Lines before the content, without line ends: the mbox `From ` line, `Return-Path:`, `Delivered-To:` ... */
  readonly prepend: readonly string[];
  /** Write `>` before a line that begins with `From `. */
  readonly quoteFrom?: boolean;
  /** Write `.` before a line that begins with `.`. */
  readonly quoteDots?: boolean;
  /** End with an empty line. */
  readonly blankLine?: boolean;
  /** LF if absent. */
  readonly lineEnd?: Uint8Array;
}

const LF = Uint8Array.of(10);
const DOT = 0x2e;
const FROM = [0x46, 0x72, 0x6f, 0x6d, 0x20];
/** Bytes that are collected before they are handed out. */
const CHUNK = 65536;

/** Room for a message of ordinary size, used again for the next one. */
const buffers = new BufferPool(8192, 2 * CHUNK, 8);

function startsWithFrom(bytes: Uint8Array, start: number, end: number): boolean {
  if (end - start < FROM.length || bytes[start] !== FROM[0]) return false;
  return FROM.every((code, index) => bytes[start + index] === code);
}

/**
 * The message as a delivery writes it, in pieces that are valid until the next one is asked for. Throws `QueueFileError`
 * where the queue file does.
 */
export function* messageText(reader: ContentReader, form: TextForm): Generator<Uint8Array<ArrayBuffer>> {
  const out = buffers.take();
  try {
    yield* pieces(out, reader, form);
  } finally {
    buffers.give(out);
  }
}

function* pieces(
  out: ByteBuffer,
  reader: ContentReader,
  form: TextForm,
): Generator<Uint8Array<ArrayBuffer>> {
  const lineEnd = form.lineEnd ?? LF;
  const { quoteFrom = false, quoteDots = false } = form;
  for (const line of form.prepend) {
    out.appendText(line);
    out.append(lineEnd);
  }
  let atLineStart = true;
  while (reader.next()) {
    const { bytes, start, end } = reader;
    if (atLineStart && start < end) {
      if (quoteDots && bytes[start] === DOT) out.appendByte(DOT);
      else if (quoteFrom && startsWithFrom(bytes, start, end)) out.appendByte(0x3e);
    }
    out.append(bytes.subarray(start, end));
    atLineStart = reader.type === RecordType.Normal;
    if (atLineStart) out.append(lineEnd);
    if (out.length >= CHUNK) {
      yield out.view();
      out.clear(2 * CHUNK);
    }
  }
  if (!atLineStart) out.append(lineEnd);
  if (form.blankLine === true) out.append(lineEnd);
  yield out.view();
}
