import type { ByteSource } from "./byte_source.ts";
import { RecordWalker } from "./record_walker.ts";
import { type ContentReader, QueueFileError, RecordType } from "./types.ts";

/** Reads the content segment of a queue file up to its `X` record. */
export class SourceContentReader implements ContentReader {
  readonly #walker: RecordWalker;
  readonly #offset: number;

  constructor(source: ByteSource, file: string, offset: number) {
    this.#walker = new RecordWalker(source, file, offset);
    this.#offset = offset;
  }

  get type(): number {
    return this.#walker.type;
  }
  get bytes(): Uint8Array {
    return this.#walker.bytes;
  }
  get start(): number {
    return this.#walker.start;
  }
  get end(): number {
    return this.#walker.end;
  }

  next(): boolean {
    const walker = this.#walker;
    while (walker.next()) {
      if (walker.type === RecordType.Normal || walker.type === RecordType.Continued) return true;
      if (walker.type === RecordType.Extracted) return false;
      if (walker.type === RecordType.Padding) continue;
      const name = String.fromCharCode(walker.type);
      throw new QueueFileError(
        `${walker.file}: Unexpected record type '${name}' in the content at offset ${walker.offset}`,
        "corrupt",
      );
    }
    throw new QueueFileError(`${walker.file}: the content ends without an end record`, "corrupt");
  }

  rewind(): void {
    this.#walker.seek(this.#offset);
  }

  close(): void {
    this.#walker.source.close();
  }
}
