/** Writing queue file records (docs/queue-files.md): type, length in groups of seven bits, data. */
import { type ByteBuffer, encodeText } from "../../core/bytes/mod.ts";

/** Appends type and length; the caller appends `length` bytes of data. */
export function appendRecordHead(buffer: ByteBuffer, type: number, length: number): void {
  buffer.appendByte(type);
  while (length >= 0x80) {
    buffer.appendByte((length & 0x7f) | 0x80);
    length >>>= 7;
  }
  buffer.appendByte(length);
}

export function appendRecord(buffer: ByteBuffer, type: number, data: Uint8Array): void {
  appendRecordHead(buffer, type, data.length);
  buffer.append(data);
}

export function appendTextRecord(buffer: ByteBuffer, type: number, text: string): void {
  appendRecord(buffer, type, encodeText(text));
}

/** The first record of a queue file: six numbers of 15 columns. */
export function sizeRecord(fields: readonly [number, number, number, number, number, number]): string {
  return fields.map((field) => String(field).padStart(15)).join(" ");
}
