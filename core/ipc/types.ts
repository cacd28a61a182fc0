/** `nul`: `name\0value\0 ... \0`, what nearly all services speak; `plain`: `name=value` lines and an empty one. */
export type AttributeForm = "nul" | "plain";

/** Anything bytes can be read from, such as a `Deno.Conn` or a `Deno.FsFile`. */
export interface ByteSource {
  /** Reads into `buffer`; the number of bytes, or null at the end. */
  read(buffer: Uint8Array): Promise<number | null>;
}

/**
 * The other side did not keep to the protocol. `eof`: it closed in the middle of a list (or before it);
 * `syntax`: bytes that are no attribute list; `order`: another attribute than the expected one; `limit`: a name, a
 * value or a list larger than the reader accepts.
 */
export class AttributeError extends Error {
  override readonly name = "AttributeError";
  constructor(readonly kind: "eof" | "syntax" | "order" | "limit", message: string) {
    super(message);
  }
}
