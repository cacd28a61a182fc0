/**
 * The way into the active queue: hand-overs with the envelope in them, and scans of incoming and deferred that take
 * turns, one file each, as long as there is room.
 */
import { messageOf } from "../../core/errors/mod.ts";
import type { Logger } from "../../core/log/mod.ts";
import { type Envelope, type Queue, QueueFileError, type QueueName } from "../../core/queue/types.ts";
import { ACTIVE } from "./message.ts";
import type { Clock } from "./types.ts";

/** Mode bits with a meaning of their own (docs/queue-files.md). */
const COMPLETE = 0o700;
const FORCE_EXPIRE = 0o010;
const UNTHROTTLE = 0o040;
/** A file that is still being delivered by an agent of a former life is looked at again after so many seconds. */
const BUSY_DELAY = 60;
/** Work is put down after so many milliseconds, so that deliveries go on during a scan. */
const TIME_SLICE = 8;

/** How a message got in, beyond its envelope. */
export interface Admission {
  readonly id: string;
  readonly envelope: Envelope;
  readonly forceExpire: boolean;
  readonly unthrottle: boolean;
  /** Somebody asked for this attempt: `defer_transports` does not hold the message back. */
  readonly asked: boolean;
  readonly hadDeferLog: boolean;
}

export interface IntakeDeps {
  readonly queue: Queue;
  readonly clock: Clock;
  readonly log: Logger;
  /** Is there room for one more message? */
  readonly hasRoom: () => boolean;
  readonly isActive: (id: string) => boolean;
  /** How many recipients of a message may be read at once. */
  readonly batchSize: () => number;
  readonly admit: (admission: Admission) => void;
  readonly corrupt: (id: string) => void;
}

/** What a scan is asked for beyond the files whose time has come. */
export interface ScanOptions {
  /** All files, whatever their time. */
  readonly ignoreTimes?: boolean;
  /** For `Admission.asked`. */
  readonly asked?: boolean;
}

/** One queue's scan. */
class Scan {
  #ids: Iterator<string> | undefined;
  #again = false;
  #options: ScanOptions = {};
  #nextOptions: ScanOptions = {};

  constructor(readonly queue: QueueName, private readonly files: Queue) {}

  get active(): boolean {
    return this.#ids !== undefined;
  }

  get ignoreTimes(): boolean {
    return this.#options.ignoreTimes === true;
  }

  get asked(): boolean {
    return this.#options.asked === true;
  }

  /** What the next scan is asked for, in addition. */
  remember({ ignoreTimes = false, asked = false }: ScanOptions): void {
    const next = this.#nextOptions;
    this.#nextOptions = {
      ignoreTimes: ignoreTimes || next.ignoreTimes === true,
      asked: asked || next.asked === true,
    };
  }

  /** Starts, or starts over once the scan that is under way has come to its end. */
  request(): void {
    if (this.#ids === undefined) this.#begin();
    else this.#again = true;
  }

  /** The next file; undefined at the end. */
  next(): string | undefined {
    const step = this.#ids?.next();
    if (step !== undefined && step.done !== true) return step.value;
    this.#ids = undefined;
    if (this.#again) this.#begin();
    return undefined;
  }

  #begin(): void {
    this.#ids = this.files.scan(this.queue)[Symbol.iterator]();
    this.#again = false;
    this.#options = this.#nextOptions;
    this.#nextOptions = {};
  }
}

/** What comes into the active queue, and when. */
export class Intake {
  readonly #incoming: Scan;
  readonly #deferred: Scan;
  #backlog = false;
  #pumping = false;
  #stopped = false;
  #pumped: Promise<void> = Promise.resolve();

  constructor(private readonly deps: IntakeDeps) {
    this.#incoming = new Scan("incoming", deps.queue);
    this.#deferred = new Scan("deferred", deps.queue);
  }

  /** Is there a scan that waits for room? */
  get waiting(): boolean {
    return this.#incoming.active || this.#deferred.active;
  }

  /** Files of incoming wait for a scan to reach them: newer messages are not to overtake them. */
  get backlog(): boolean {
    return this.#backlog;
  }

  /** Leaves a message for a scan to find. */
  leave(): void {
    this.#backlog = true;
    this.scan("incoming");
  }

  /** Asks something of the next scan of both queues, whoever starts it. */
  remember(options: ScanOptions): void {
    this.#incoming.remember(options);
    this.#deferred.remember(options);
  }

  scan(queue: "incoming" | "deferred"): void {
    if (this.#stopped) return;
    (queue === "incoming" ? this.#incoming : this.#deferred).request();
    this.pump();
  }

  /** Goes on scanning if there is room. */
  pump(): void {
    if (this.#pumping || this.#stopped || !this.waiting || !this.deps.hasRoom()) return;
    this.#pumping = true;
    this.#pumped = this.#run();
  }

  /** Ends all scans; resolves when the step under way is done. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#pumped;
  }

  async #run(): Promise<void> {
    const { deps } = this;
    try {
      // The caller goes on first; scans are never in the way of what it does.
      await Promise.resolve();
      let sliceEnd = performance.now() + TIME_SLICE;
      while (this.waiting && !this.#stopped && deps.hasRoom()) {
        this.#step(this.#incoming);
        if (!this.#incoming.active) this.#backlog = false;
        if (deps.hasRoom()) this.#step(this.#deferred);
        if (performance.now() < sliceEnd) continue;
        await deps.clock.yield();
        sliceEnd = performance.now() + TIME_SLICE;
      }
    } catch (error) {
      deps.log.warning(`queue scan: ${messageOf(error)}`);
    } finally {
      this.#pumping = false;
    }
  }

  /** Takes a file in if its time has come; passes over those whose time has not. */
  #step(scan: Scan): void {
    // Not one at a time: thousands of files with a time in the future are the ordinary content of deferred.
    for (let passed = 0; passed < 64; passed++) {
      const id = scan.next();
      if (id === undefined) return;
      try {
        if (this.#consider(scan, id)) return;
      } catch (error) {
        if (error instanceof QueueFileError && error.kind === "missing") continue;
        this.deps.log.warning(`${id}: ${messageOf(error)}`);
      }
    }
  }

  #consider(scan: Scan, id: string): boolean {
    const { queue, clock, isActive } = this.deps;
    if (isActive(id)) return false;
    const info = queue.stat(scan.queue, id);
    if (info === undefined || !info.isFile || (info.mode & COMPLETE) !== COMPLETE) return false;
    if (!scan.ignoreTimes && info.mtime > clock.now() + 1) return false;
    const unthrottle = (info.mode & UNTHROTTLE) !== 0;
    if (unthrottle) queue.setMode(scan.queue, id, info.mode & ~UNTHROTTLE);
    queue.move(id, scan.queue, ACTIVE);
    const asked = unthrottle || scan.asked;
    return this.#readAndAdmit(id, { forceExpire: (info.mode & FORCE_EXPIRE) !== 0, unthrottle, asked });
  }

  /** Takes a message in whose envelope was handed over. False if its file is not in incoming any more. */
  handOver(id: string, envelope: Envelope): boolean {
    const { queue, admit, log } = this.deps;
    try {
      queue.move(id, "incoming", ACTIVE);
    } catch (error) {
      if (!(error instanceof QueueFileError) || error.kind !== "missing") {
        log.warning(`${id}: ${messageOf(error)}`);
      }
      return false;
    }
    queue.startAfresh(id);
    admit({ id, envelope, forceExpire: false, unthrottle: false, asked: false, hadDeferLog: false });
    return true;
  }

  #readAndAdmit(id: string, how: Pick<Admission, "forceExpire" | "unthrottle" | "asked">): boolean {
    const { queue, clock, log, admit, corrupt, batchSize } = this.deps;
    let envelope: Envelope;
    try {
      envelope = queue.readEnvelope(ACTIVE, id, { lock: true, recipientLimit: batchSize() });
    } catch (error) {
      if (!(error instanceof QueueFileError)) throw error;
      if (error.kind === "busy") {
        log.info(`${id}: skipped, still being delivered`, "skipped", { queue_id: id });
        queue.move(id, ACTIVE, "incoming", Math.floor(clock.now()) + BUSY_DELAY);
      } else if (error.kind === "corrupt") {
        log.warning(error.message);
        corrupt(id);
      } else {
        // Not read is not lost: it is tried again with the next scan.
        queue.move(id, ACTIVE, "deferred", Math.floor(clock.now()) + BUSY_DELAY);
        throw error;
      }
      return false;
    }
    const hadDeferLog = queue.hasLog("defer", id);
    // The log tells of the latest attempt only; this is a new one. An expired message needs it for its notice.
    if (hadDeferLog && !how.forceExpire) queue.removeLog("defer", id);
    admit({ id, envelope, ...how, hadDeferLog });
    return true;
  }
}
