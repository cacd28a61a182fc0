/** Octets of a message that stay in memory; more goes to a file. */
const MOST_IN_MEMORY = 256 * 1024;
const PIECE = 65536;

/**
 * Content that waits until the client has sent all of it (`smtpd_proxy_options = speed_adjust`). Small messages stay in
 * memory; the rest goes to a file without a name, which nobody finds when this process dies.
 */
export class ReplayFile {
  #pieces: Uint8Array[] = [];
  #size = 0;
  #file: Deno.FsFile | undefined;

  constructor(private readonly queueDirectory: string) {}

  /** Throws when the file can't be made or written. */
  append(bytes: Uint8Array): void {
    this.#pieces.push(bytes.slice());
    this.#size += bytes.length;
    if (this.#file === undefined && this.#size <= MOST_IN_MEMORY) return;
    this.#file ??= this.#create();
    for (const piece of this.#pieces) {
      for (let at = 0; at < piece.length;) at += this.#file.writeSync(piece.subarray(at));
    }
    this.#pieces = [];
  }

  /** Everything, in order. */
  *pieces(): Generator<Uint8Array> {
    if (this.#file !== undefined) {
      this.#file.seekSync(0, Deno.SeekMode.Start);
      const room = new Uint8Array(PIECE);
      for (let count = this.#file.readSync(room); count !== null; count = this.#file.readSync(room)) {
        yield room.subarray(0, count);
      }
    }
    yield* this.#pieces;
  }

  close(): void {
    this.#file?.close();
    this.#file = undefined;
    this.#pieces = [];
  }

  #create(): Deno.FsFile {
    const path = `${this.queueDirectory}/incoming/replay.${Deno.pid}.${crypto.randomUUID()}`;
    const file = Deno.openSync(path, { read: true, write: true, createNew: true, mode: 0o600 });
    Deno.removeSync(path);
    return file;
  }
}
