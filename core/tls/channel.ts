/** Brings byte channels and Node's TLS sockets together. */
import { Duplex } from "node:stream";
import type { TLSSocket } from "node:tls";
import { writeAll } from "../bytes/mod.ts";
import type { ByteChannel } from "../smtp/mod.ts";

/** Room for one read of encrypted input: a TLS record and what belongs to it. */
const READ_SIZE = 16384 + 512;
/** Milliseconds that the last encrypted output may take at the end. */
const FAREWELL_TIME = 5000;

/**
 * A byte channel as a Duplex stream, for the TLS engine to sit on.
 *
 * @param first input that was read from the channel already
 * @param sent sees what goes out
 * @param received sees what comes in
 */
export function duplexOver(
  channel: ByteChannel,
  first: Uint8Array,
  sent: ((bytes: Uint8Array) => void) | undefined,
  received: ((bytes: Uint8Array) => void) | undefined,
): Duplex {
  let waiting: Uint8Array | undefined = first.length > 0 ? first : undefined;
  const duplex = new Duplex({
    read() {
      if (waiting !== undefined) {
        const bytes = waiting;
        waiting = undefined;
        // Not before the socket on top is complete: input that it refuses while it is set up ends the whole process.
        setTimeout(() => duplex.push(bytes), 0);
        return;
      }
      const room = new Uint8Array(READ_SIZE);
      channel.read(room).then((count) => {
        if (count === null) {
          duplex.push(null);
          return;
        }
        // A small message must not hold on to a large buffer.
        const bytes = count < READ_SIZE / 4 ? room.slice(0, count) : room.subarray(0, count);
        received?.(bytes);
        duplex.push(bytes);
      }, (error) => duplex.destroy(error));
    },
    write(chunk: Uint8Array, _encoding, done) {
      sent?.(chunk);
      writeAll(channel, chunk).then(() => done(), done);
    },
    destroy(error, done) {
      try {
        channel.close();
      } catch {
        // It was closed by the peer or by an earlier error.
      }
      done(error);
    },
  });
  // Errors reach the TLS socket on top; without a listener they would end the process.
  duplex.on("error", () => {});
  return duplex;
}

/** The decrypted side of a TLS socket. */
export class TlsChannel implements ByteChannel {
  #error: Error | undefined;
  #ended = false;
  #wake: (() => void) | undefined;
  /** Decrypted input that was too long for the last read. */
  #rest: Uint8Array | undefined;

  constructor(readonly socket: TLSSocket) {
    const wake = () => {
      const resume = this.#wake;
      this.#wake = undefined;
      resume?.();
    };
    const end = () => {
      this.#ended = true;
      wake();
    };
    socket.on("readable", wake);
    socket.on("end", end);
    socket.on("close", end);
    socket.on("error", (error) => {
      this.#error ??= error;
      wake();
    });
  }

  async read(into: Uint8Array): Promise<number | null> {
    for (;;) {
      const chunk = this.#rest ?? this.socket.read() as Uint8Array | null;
      if (chunk !== null && chunk.length > 0) {
        const count = Math.min(chunk.length, into.length);
        into.set(count === chunk.length ? chunk : chunk.subarray(0, count));
        this.#rest = count < chunk.length ? chunk.subarray(count) : undefined;
        return count;
      }
      if (this.#error !== undefined) throw this.#error;
      if (this.#ended) return null;
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
  }

  write(bytes: Uint8Array): Promise<number> {
    return new Promise((resolve, reject) => {
      if (this.#error !== undefined) return reject(this.#error);
      if (this.socket.destroyed) return reject(new Error("The TLS connection is closed"));
      const gone = () => reject(this.#error ?? new Error("The TLS connection was closed"));
      this.socket.once("close", gone);
      // The caller may use its buffer again as soon as this resolves, but not before.
      this.socket.write(bytes, (error) => {
        this.socket.off("close", gone);
        if (error) reject(error);
        else resolve(bytes.length);
      });
    });
  }

  /** Says goodbye in TLS (RFC 8446 section 6.1) and closes the connection underneath. */
  close(): void {
    const { socket } = this;
    if (socket.destroyed) return;
    const cut = setTimeout(() => socket.destroy(), FAREWELL_TIME);
    Deno.unrefTimer(Number(cut));
    socket.once("close", () => clearTimeout(cut));
    socket.end(() => socket.destroy());
  }
}
