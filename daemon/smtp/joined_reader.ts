import { memorySource, RecordWalker } from "../../core/queue/mod.ts";
import type { ContentReader } from "../../core/queue/types.ts";

/** Records in memory, and behind them what a reader has left. Can be read once. */
export class JoinedReader implements ContentReader {
  readonly #walker: RecordWalker;
  #inMemory = true;

  /** @param hasMore whether what `rest` has left follows; it is closed with this reader in any case */
  constructor(memory: Uint8Array, private readonly rest: ContentReader, private readonly hasMore: boolean) {
    this.#walker = new RecordWalker(memorySource(memory), "filtered content");
  }

  get #current(): Pick<ContentReader, "type" | "bytes" | "start" | "end"> {
    return this.#inMemory ? this.#walker : this.rest;
  }
  get type(): number {
    return this.#current.type;
  }
  get bytes(): Uint8Array {
    return this.#current.bytes;
  }
  get start(): number {
    return this.#current.start;
  }
  get end(): number {
    return this.#current.end;
  }

  next(): boolean {
    if (this.#inMemory && this.#walker.next()) return true;
    this.#inMemory = false;
    return this.hasMore && this.rest.next();
  }

  rewind(): void {
    throw new Error("Filtered content is read once");
  }

  close(): void {
    this.rest.close();
  }
}
