/**
 * Bytes and text: the growing buffer that records and SMTP output are written into, and the one pair of functions
 * that turns octets into strings and back without losing any.
 */
export { BufferPool } from "./buffer_pool.ts";
export { ByteBuffer } from "./byte_buffer.ts";
export { decodeText, encodeText } from "./text.ts";
