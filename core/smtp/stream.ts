import { ByteBuffer } from "../bytes/mod.ts";
import { messageOf } from "../errors/mod.ts";
import type { CoarseTimer, Expiring } from "./coarse_timer.ts";

/** What a stream needs of a connection: `Deno.Conn` has it, and so can a TLS layer on top of one. */
export interface ByteChannel {
  /** Reads into `into`; null at the end of the input. */
  read(into: Uint8Array): Promise<number | null>;
  /** Writes a part of `bytes` and says how many. */
  write(bytes: Uint8Array): Promise<number>;
  close(): void;
}

/** Why a conversation ended early. `lost`: the peer closed or reset the connection; `closed`: our side did. */
export class SmtpStreamError extends Error {
  override readonly name = "SmtpStreamError";
  constructor(readonly kind: "timeout" | "lost" | "closed", message: string, options?: ErrorOptions) {
    super(message, options);
  }
}

/** Room for one read while nothing but a command is expected: thousands of idle sessions must stay cheap. */
const SMALL_READ = 512;
/** Room for one read of message content, and of a long pipelined batch. */
const MEDIUM_READ = 8192;
/** Room for one read while more comes than fits: large messages. */
const LARGE_READ = 65536;
const EMPTY = new Uint8Array(0);
const LF = 10;
const CR = 13;

/** Read buffers that no stream uses at the moment, by their size, and how many of them are kept. */
const spareBuffers = new Map<number, Uint8Array<ArrayBuffer>[]>(
  [SMALL_READ, MEDIUM_READ, LARGE_READ].map((size) => [size, []]),
);
const MOST_SPARE_BUFFERS = 32;

/**
 * An SMTP conversation over a connection. Input arrives in lines (commands, replies) or as raw pieces (content);
 * output is collected in `out` and leaves with one write at `flush`. One reader and one writer at a time.
 */
export class SmtpStream implements Expiring {
  /** Output that has not been sent. */
  readonly out = new ByteBuffer(256);
  deadline = Infinity;
  #channel: ByteChannel;
  readonly #timer: CoarseTimer;
  /** Bytes read and not taken: `#input[#start .. #end]`. */
  #input: Uint8Array = EMPTY;
  #start = 0;
  #end = 0;
  /** How far the unfinished line at `#start` was searched for its end. */
  #searched = 0;
  /** Room for a read if nothing speaks for more. */
  #usual = SMALL_READ;
  /** Room for the next read. */
  #wanted = SMALL_READ;
  /** A read that began before anybody waited for it, and whether it has brought something. */
  #ahead: Promise<number | null> | undefined;
  #arrived = false;
  /** A read was begun and is not known to have ended: it may still write into the buffer. */
  #readPending = false;
  #interrupted = false;
  #closed = false;
  #giveUp: ((reason: SmtpStreamError) => void) | undefined;
  #timeoutMs = Infinity;
  #requestDeadline = Infinity;
  /** True if the line that was taken last ended in LF without CR. */
  bareLf = false;
  /** True if the line that was taken last was longer than its limit; the rest was dropped. */
  truncated = false;

  constructor(channel: ByteChannel, timer: CoarseTimer) {
    this.#channel = channel;
    this.#timer = timer;
    timer.watch(this);
  }

  /** The connection underneath. */
  get channel(): ByteChannel {
    return this.#channel;
  }

  /** How long a single read or write may take from now on, in seconds; 0 for ever. Ends a request deadline. */
  setTimeout(seconds: number): void {
    this.#timeoutMs = seconds > 0 ? seconds * 1000 : Infinity;
    this.#requestDeadline = Infinity;
  }

  /** Bounds everything from now to the next `setTimeout` or `setDeadline`, however many reads it takes. */
  setDeadline(seconds: number): void {
    this.#requestDeadline = seconds > 0 ? performance.now() + seconds * 1000 : Infinity;
  }

  /** Moves a request deadline into the future, as progress earns it; no effect without one. */
  extendDeadline(seconds: number, atMost: number): void {
    if (this.#requestDeadline === Infinity) return;
    const latest = performance.now() + atMost * 1000;
    this.#requestDeadline = Math.min(this.#requestDeadline + seconds * 1000, latest);
  }

  /** Bytes that arrived and were not taken yet. */
  get buffered(): number {
    return this.#end - this.#start;
  }

  /** A look at the bytes that arrived and were not taken yet; valid until the next read. */
  peek(): Uint8Array {
    return this.#input.subarray(this.#start, this.#end);
  }

  /** Is a whole line waiting? */
  hasLine(): boolean {
    return this.#lineEnd() >= 0;
  }

  /**
   * Takes a line that has arrived, without its CR LF or LF; undefined if there is none. The view is valid until the
   * next read. A line longer than `limit` is cut and `truncated` set.
   */
  takeLine(limit: number): Uint8Array | undefined {
    const at = this.#lineEnd();
    if (at < 0) return undefined;
    const start = this.#start;
    let end = at;
    this.bareLf = end === start || this.#input[end - 1] !== CR;
    while (end > start && this.#input[end - 1] === CR) end -= 1;
    this.#consume(at + 1 - start);
    this.truncated = end - start > limit;
    return this.#input.subarray(start, this.truncated ? start + limit : end);
  }

  /**
   * Waits for a line as `takeLine` describes it; null when the peer closed the connection (an unfinished last line is
   * dropped). What a line has beyond `limit` is dropped while it arrives, so that an endless line costs no memory.
   * Rejects with `SmtpStreamError`.
   */
  async readLine(limit: number): Promise<Uint8Array | null> {
    const ready = this.takeLine(limit);
    if (ready !== undefined) return ready;
    let dropped = false;
    for (;;) {
      const length = this.#end - this.#start;
      // Two bytes beyond the limit stay, so that a CR before the LF is seen as part of the line's end.
      if (length > limit + 2) {
        dropped = true;
        this.#input[this.#start + limit + 1] = this.#input[this.#end - 1]!;
        this.#end = this.#start + limit + 2;
        this.#searched = limit + 2;
      }
      if (!await this.fill()) return null;
      const line = this.takeLine(limit);
      if (line !== undefined) {
        this.truncated ||= dropped;
        return line;
      }
    }
  }

  /** Takes up to `most` bytes that have arrived; valid until the next read. */
  take(most = Infinity): Uint8Array {
    const count = Math.min(most, this.#end - this.#start);
    const bytes = this.#input.subarray(this.#start, this.#start + count);
    this.#consume(count);
    return bytes;
  }

  /** Takes `count` bytes that have arrived without looking at them. */
  skip(count: number): void {
    this.#consume(Math.min(count, this.#end - this.#start));
  }

  /** Says that much input is coming (`true`: content) or little (`false`: commands), to choose the buffer. */
  expectMuch(much: boolean): void {
    this.#usual = much ? MEDIUM_READ : SMALL_READ;
    this.#wanted = this.#usual;
  }

  /** Begins to read; `arrived` tells whether the peer sends something before it is waited for. */
  readAhead(): void {
    this.#makeRoom();
    const reading = this.#channel.read(this.#input);
    this.#readPending = true;
    this.#ahead = reading;
    reading.then((count) => this.#arrived = count !== null && this.#ahead === reading, () => {});
  }

  /** Has the peer sent something that nobody has waited for? */
  get arrived(): boolean {
    return this.#arrived || this.#end > this.#start;
  }

  /** Reads once and appends to what is buffered. False at the end of the input. Rejects with `SmtpStreamError`. */
  async fill(): Promise<boolean> {
    if (this.#interrupted) {
      this.#interrupted = false;
      throw new SmtpStreamError("closed", "The conversation was ended");
    }
    let reading = this.#ahead;
    if (reading === undefined) {
      this.#makeRoom();
      reading = this.#channel.read(this.#end === 0 ? this.#input : this.#input.subarray(this.#end));
      this.#readPending = true;
    } else {
      this.#ahead = undefined;
      this.#arrived = false;
    }
    const into = this.#input;
    const room = into.length - this.#end;
    const count = await this.#wait(reading);
    this.#readPending = false;
    if (count === null) return false;
    this.#end += count;
    if (count === room) this.#wanted = into.length < MEDIUM_READ ? MEDIUM_READ : LARGE_READ;
    else if (count < into.length / 16) this.#wanted = this.#usual;
    return true;
  }

  /** Sends everything in `out`. Rejects with `SmtpStreamError`. */
  async flush(): Promise<void> {
    const out = this.out;
    let sent = 0;
    while (sent < out.length) sent += await this.#wait(this.#channel.write(out.view(sent)));
    out.clear(LARGE_READ * 4);
  }

  /** Sends `bytes` after what is in `out`, without copying them. */
  async write(bytes: Uint8Array): Promise<void> {
    if (this.out.length > 0) await this.flush();
    let sent = 0;
    while (sent < bytes.length) sent += await this.#wait(this.#channel.write(bytes.subarray(sent)));
  }

  /** Goes on over `channel` (TLS over the present one). Throws if plaintext input is waiting (RFC 3207 section 6). */
  switchChannel(channel: ByteChannel): void {
    if (this.buffered > 0) throw new Error("There is plaintext input that was not read before TLS began");
    this.#channel = channel;
  }

  /** Closes the connection; what waits rejects with kind `closed`. May be called more than once. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#timer.unwatch(this);
    try {
      this.#channel.close();
    } catch {
      // The peer was faster.
    }
    if (!this.#readPending) this.#releaseInput();
    this.#giveUp?.(new SmtpStreamError("closed", "The connection was closed"));
  }

  /** Makes what waits at the moment, or the next wait, reject with kind `closed`; output can still be sent. */
  interrupt(): void {
    if (this.#giveUp === undefined) this.#interrupted = true;
    else this.#giveUp(new SmtpStreamError("closed", "The conversation was ended"));
  }

  expire(): void {
    this.#giveUp?.(new SmtpStreamError("timeout", "The peer did not answer in time"));
  }

  /** Waits for an operation of the channel or for the deadline, whichever comes first. */
  #wait<T>(operation: Promise<T>): Promise<T> {
    if (this.#closed) {
      operation.catch(() => {});
      return Promise.reject(new SmtpStreamError("closed", "The connection was closed"));
    }
    const limit = this.#timeoutMs === Infinity ? Infinity : performance.now() + this.#timeoutMs;
    this.deadline = Math.min(limit, this.#requestDeadline);
    return new Promise((resolve, reject) => {
      this.#giveUp = reject;
      operation.then(
        (value) => {
          this.#giveUp = undefined;
          this.deadline = Infinity;
          resolve(value);
        },
        (cause) => {
          this.#giveUp = undefined;
          this.deadline = Infinity;
          const message = messageOf(cause);
          reject(new SmtpStreamError(this.#closed ? "closed" : "lost", message, { cause }));
        },
      );
    });
  }

  #lineEnd(): number {
    const from = this.#start + this.#searched;
    if (from >= this.#end) return -1;
    const at = this.#input.indexOf(LF, from);
    if (at >= 0 && at < this.#end) return at;
    this.#searched = this.#end - this.#start;
    return -1;
  }

  #consume(count: number): void {
    this.#start += count;
    this.#searched = 0;
    if (this.#start === this.#end) this.#start = this.#end = 0;
  }

  /** Makes the input buffer fit for one more read: the right size, the rest of the input at its start. */
  #makeRoom(): void {
    const length = this.#end - this.#start;
    const current = this.#input;
    // Half of the buffer at least is free for the next read.
    let size = this.#wanted;
    while (length > size / 2) {
      size = size < MEDIUM_READ ? MEDIUM_READ : size < LARGE_READ ? LARGE_READ : size * 2;
    }
    const target = current.length === size ? current : spareBuffers.get(size)?.pop() ?? new Uint8Array(size);
    if (target === current) {
      if (this.#start > 0) current.copyWithin(0, this.#start, this.#end);
    } else {
      target.set(current.subarray(this.#start, this.#end));
      this.#releaseInput();
      this.#input = target;
    }
    this.#start = 0;
    this.#end = length;
  }

  #releaseInput(): void {
    const spare = spareBuffers.get(this.#input.length);
    if (spare !== undefined && spare.length < MOST_SPARE_BUFFERS) {
      spare.push(this.#input as Uint8Array<ArrayBuffer>);
    }
    this.#input = EMPTY;
  }
}
