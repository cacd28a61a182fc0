import { type ByteBuffer, encodeText } from "../bytes/mod.ts";
import { QueueFileError } from "./types.ts";

/** Longest length field that is understood: five groups of seven bits. */
const MAX_LENGTH_BYTES = 5;
const MAX_RECORD_LENGTH = 0x7fffffff;

/** Appends type and length of a record whose `length` data bytes the caller appends next. */
export function appendRecordHeader(buffer: ByteBuffer, type: number, length: number): void {
  buffer.appendByte(type);
  let rest = length;
  while (rest > 0x7f) {
    buffer.appendByte((rest & 0x7f) | 0x80);
    rest = Math.floor(rest / 128);
  }
  buffer.appendByte(rest);
}

/** Appends one record: type byte, length in seven-bit groups (least significant first), data. */
export function appendRecord(buffer: ByteBuffer, type: number, data: Uint8Array): void {
  appendRecordHeader(buffer, type, data.length);
  buffer.append(data);
}

/** Appends one record with text, in the octets of `encodeText`. */
export function appendTextRecord(buffer: ByteBuffer, type: number, text: string): void {
  for (let at = 0; at < text.length; at++) {
    if (text.charCodeAt(at) > 0x7f) {
      appendRecord(buffer, type, encodeText(text));
      return;
    }
  }
  appendRecordHeader(buffer, type, text.length);
  buffer.appendAscii(text);
}

/**
 * Walks over the records in a piece of memory and allocates nothing per record: after `next()` returned true, the
 * record's data is `bytes[start .. end)`.
 */
export class RecordCursor {
  type = 0;
  /** Index of the type byte of the current record. */
  at: number;
  start: number;
  end: number;

  /**
   * @param bytes records back to back, the last one possibly cut off
   * @param from index of the first type byte
   * @param limit longest record data that is accepted
   */
  constructor(readonly bytes: Uint8Array, from = 0, readonly limit = MAX_RECORD_LENGTH) {
    this.at = from;
    this.start = from;
    this.end = from;
  }

  /**
   * Goes to the next record. False: no whole record is left; `end` is where the rest starts (`bytes.length` if
   * nothing is left).
   * @throws QueueFileError `corrupt` for a length field that is too long or above the limit
   */
  next(): boolean {
    const bytes = this.bytes;
    const at = this.end;
    let index = at + 1;
    let length = 0;
    let scale = 1;
    for (;;) {
      if (index >= bytes.length) return false;
      const byte = bytes[index]!;
      index += 1;
      length += (byte & 0x7f) * scale;
      if (byte < 0x80) break;
      if (index - at > MAX_LENGTH_BYTES) {
        throw new QueueFileError(`Record at byte ${at} has a length field of more than 5 bytes`, "corrupt");
      }
      scale *= 128;
    }
    if (length > this.limit) {
      throw new QueueFileError(
        `Record at byte ${at} is ${length} bytes long; the limit is ${this.limit}`,
        "corrupt",
      );
    }
    if (index + length > bytes.length) return false;
    this.type = bytes[at]!;
    this.at = at;
    this.start = index;
    this.end = index + length;
    return true;
  }

  /** The data of the current record, without copying. */
  data(): Uint8Array {
    return this.bytes.subarray(this.start, this.end);
  }
}

/** One record as `readRecords` gives it. */
export interface QueueRecord {
  readonly type: number;
  /** Index of the type byte. */
  readonly offset: number;
  readonly data: Uint8Array;
}

/** All records from `offset` on, for code that is not in a hurry. Throws `QueueFileError` if the last one is cut off. */
export function* readRecords(bytes: Uint8Array, offset = 0): Generator<QueueRecord> {
  const cursor = new RecordCursor(bytes, offset);
  while (cursor.next()) yield { type: cursor.type, offset: cursor.at, data: cursor.data() };
  if (cursor.end < bytes.length) {
    throw new QueueFileError(`Record at byte ${cursor.end} is cut off`, "corrupt");
  }
}
