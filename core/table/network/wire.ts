import { reasonOf } from "../../errors/mod.ts";
import type { Endpoint } from "./endpoint.ts";
import { ServerLost, within } from "./server_lost.ts";

const EMPTY = new Uint8Array(0);

/** A connection for the protocols of our own: octets out, lines and counted octets in, nothing longer than it may take. */
export class Wire {
  /** Read from the server and not yet asked for. */
  #pending: Uint8Array = EMPTY;
  readonly #chunk = new Uint8Array(8192);

  private constructor(private readonly connection: Deno.Conn, private readonly timeoutMs: number) {}

  /**
   * Connects. Rejects with `ServerLost`.
   * @param timeoutMs the time that connecting and, later, each single operation may take
   */
  static async open(endpoint: Endpoint, timeoutMs: number): Promise<Wire> {
    const connecting: Promise<Deno.Conn> = endpoint.kind === "unix"
      ? Deno.connect({ transport: "unix", path: endpoint.path })
      : Deno.connect({ hostname: endpoint.host, port: endpoint.port });
    try {
      return new Wire(await within(timeoutMs, connecting, (late) => late.close()), timeoutMs);
    } catch (error) {
      throw lost(error);
    }
  }

  /** Sends all octets. */
  write(bytes: Uint8Array): Promise<void> {
    return this.#guarded(async () => {
      for (let at = 0; at < bytes.length;) at += await this.connection.write(bytes.subarray(at));
    });
  }

  /**
   * The octets before the next `delimiter`, which is taken off. Rejects with `ServerLost` when the server closes before it,
   * and with `RangeError` when more than `most` octets come without it.
   */
  readUntil(delimiter: number, most: number): Promise<Uint8Array> {
    return this.#guarded(async () => {
      let searched = 0;
      for (;;) {
        const end = this.#pending.indexOf(delimiter, searched);
        if (end >= 0 && end <= most) return this.#take(end, 1);
        if (end > most || this.#pending.length > most) throw new RangeError(`text longer than ${most}`);
        searched = this.#pending.length;
        await this.#fill();
      }
    });
  }

  /** Exactly so many octets. Rejects with `ServerLost` when the server closes before them. */
  readExactly(length: number): Promise<Uint8Array> {
    return this.#guarded(async () => {
      while (this.#pending.length < length) await this.#fill();
      return this.#take(length, 0);
    });
  }

  /** May be called again. */
  close(): void {
    try {
      this.connection.close();
    } catch {
      // It was closed before.
    }
  }

  #take(length: number, skip: number): Uint8Array {
    const taken = this.#pending.slice(0, length);
    this.#pending = this.#pending.subarray(length + skip);
    return taken;
  }

  async #fill(): Promise<void> {
    const count = await this.connection.read(this.#chunk);
    if (count === null) throw new ServerLost("Connection closed by the server");
    const joined = new Uint8Array(this.#pending.length + count);
    joined.set(this.#pending);
    joined.set(this.#chunk.subarray(0, count), this.#pending.length);
    this.#pending = joined;
  }

  /** Runs one operation under the time limit; after a failure the connection is closed. */
  async #guarded<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await within(this.timeoutMs, work());
    } catch (error) {
      this.close();
      throw error instanceof RangeError ? error : lost(error);
    }
  }
}

function lost(error: unknown): ServerLost {
  return error instanceof ServerLost ? error : new ServerLost(reasonOf(error));
}
