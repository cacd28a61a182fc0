import type { ByteChannel } from "../../core/smtp/mod.ts";

/** Most bytes that an idle server may say before we look. */
const IDLE_ROOM = 256;

/**
 * A connection that can be left idle. While it is, one read is under way, so that a server which closes the
 * connection (or says something that nobody asked for) is noticed before the session is used again.
 */
export class IdleChannel implements ByteChannel {
  /** The server closed or spoke while the connection was idle. */
  spoiled = false;
  #idleRead: Promise<number | null> | undefined;
  #idleBuffer: Uint8Array | undefined;
  /** What an idle read brought and nobody took yet. */
  #rest: Uint8Array | undefined;

  constructor(readonly connection: ByteChannel) {}

  /** Begins to watch; `gone` is called once if the server closes or speaks. */
  watch(gone: () => void): void {
    if (this.#idleRead === undefined) {
      this.#idleBuffer ??= new Uint8Array(IDLE_ROOM);
      this.#idleRead = this.connection.read(this.#idleBuffer);
    }
    const read = this.#idleRead;
    const notice = () => {
      // Not idle any more: the answer to a command, which `read` hands out.
      if (this.#idleRead !== read) return;
      this.spoiled = true;
      gone();
    };
    read.then(notice, notice);
  }

  async read(into: Uint8Array): Promise<number | null> {
    if (this.#rest !== undefined) return this.#takeRest(into);
    const read = this.#idleRead;
    if (read === undefined) return await this.connection.read(into);
    this.#idleRead = undefined;
    const count = await read;
    if (count === null) return null;
    this.#rest = this.#idleBuffer!.subarray(0, count);
    return this.#takeRest(into);
  }

  #takeRest(into: Uint8Array): number {
    const rest = this.#rest!;
    const count = Math.min(rest.length, into.length);
    into.set(rest.subarray(0, count));
    this.#rest = count < rest.length ? rest.subarray(count) : undefined;
    return count;
  }

  write(bytes: Uint8Array): Promise<number> {
    return this.connection.write(bytes);
  }

  close(): void {
    this.connection.close();
  }
}
