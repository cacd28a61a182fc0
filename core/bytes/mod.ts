/**
 * Bytes and text: the growing buffer that records and SMTP output are written into, the one pair of functions that
 * turns octets into strings and back without losing any, and the form in which text from elsewhere is shown.
 */
export { BufferPool } from "./buffer_pool.ts";
export { ByteBuffer } from "./byte_buffer.ts";
export { printable } from "./printable.ts";
export { decodeText, encodeText } from "./text.ts";
export { writeAll } from "./write_all.ts";
