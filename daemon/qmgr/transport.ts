/**
 * The deliveries that wait for one transport, and the choice of the next one. Every step costs the same however much
 * waits: destinations that may be delivered to and have work stand in rings, one ring per size class. The choice goes
 * round the classes and round the destinations of a class, so that a mailing list holds up neither a single message nor
 * another destination, and is itself not held up by a stream of single messages.
 */
import type { DsnDetail } from "../delivery/types.ts";
import { Destination, type Line } from "./destination.ts";
import { type Entry, SIZE_CLASSES } from "./message.ts";
import type { TransportSettings } from "./settings.ts";
import type { Clock, Timer, TransportStats } from "./types.ts";

/** Idle destinations are kept for their connections' sake until there are this many. */
const MOST_IDLE = 4096;

/** An entry that was chosen, and where it goes. */
export interface Selection {
  readonly destination: Destination;
  readonly entry: Entry;
}

export interface TransportContext {
  readonly clock: Clock;
  /** Seconds that a dead destination is left alone (`minimal_backoff_time`). */
  deadTime(): number;
  /** Seconds that a broken transport is left alone (`transport_retry_time`). */
  retryTime(): number;
  /** Called when a pause is over and deliveries may start again. */
  wake(transport: Transport): void;
}

/** One transport with its destinations. */
export class Transport {
  busy = 0;
  /** Why it is out of order. */
  trouble: DsnDetail | undefined;
  readonly #destinations = new Map<string, Destination>();
  readonly #rings: (Destination | undefined)[] = new Array(SIZE_CLASSES).fill(undefined);
  #nextClass = 0;
  #paused = false;
  #sweepAt = MOST_IDLE;
  #retryTimer: Timer | undefined;
  #pauseTimer: Timer | undefined;

  constructor(
    readonly name: string,
    public settings: TransportSettings,
    /** Deliveries at a time, 0: any number. */
    public limit: number,
    private readonly context: TransportContext,
  ) {}

  /** Takes other settings over; what is under way and what waits stays. */
  configure(settings: TransportSettings, limit: number): void {
    this.settings = settings;
    this.limit = limit;
    for (const destination of this.#destinations.values()) destination.window.configure(settings);
  }

  /** The destination with this key; made if there is none. */
  destination(key: string, nexthop: string): Destination {
    let destination = this.#destinations.get(key);
    if (destination === undefined) {
      destination = new Destination(key, nexthop, this.settings);
      if (this.#destinations.size >= this.#sweepAt) this.#sweep();
      this.#destinations.set(key, destination);
    }
    return destination;
  }

  /** Lets an entry wait for its turn. */
  add(destination: Destination, entry: Entry): void {
    // With only one class it is a plain queue.
    const sizeClass = this.settings.preemptive ? entry.message.sizeClass : 0;
    const line = destination.push(entry, sizeClass);
    if (destination.ready) this.#link(destination, line, sizeClass);
  }

  /** May a delivery start, as far as the transport is concerned? */
  get ready(): boolean {
    return this.trouble === undefined && !this.#paused && (this.limit === 0 || this.busy < this.limit);
  }

  /** Chooses the next delivery and counts it as under way. */
  select(): Selection | undefined {
    if (!this.ready) return undefined;
    for (let step = 0; step < SIZE_CLASSES; step++) {
      const sizeClass = (this.#nextClass + step) % SIZE_CLASSES;
      const destination = this.#rings[sizeClass];
      if (destination === undefined) continue;
      this.#nextClass = (sizeClass + 1) % SIZE_CLASSES;
      const line = destination.lines[sizeClass]!;
      const entry = destination.shift(line);
      if (line.head === undefined) this.#unlink(destination, line, sizeClass);
      else this.#rings[sizeClass] = line.following;
      destination.busy += 1;
      this.busy += 1;
      if (!destination.ready) this.#unlinkAll(destination);
      // Unlike the delay per destination, which runs from the end of a delivery, this one runs from its start.
      if (this.settings.transportDelay > 0) this.#pauseAll();
      return { destination, entry };
    }
    return undefined;
  }

  /** A delivery is over: makes its place free and starts the pauses that main.cf asks for. */
  done(destination: Destination): void {
    destination.busy -= 1;
    this.busy -= 1;
    const { clock } = this.context;
    const now = clock.now();
    // Connections are worth keeping once deliveries follow one another closely.
    const backToBack = destination.lastDone + 1 >= now;
    if (!destination.reuseConnections) destination.reuseConnections = backToBack;
    else if (!backToBack && destination.busy <= 1) destination.reuseConnections = false;
    destination.lastDone = now;
    if (this.settings.destinationDelay > 0 && !destination.window.dead) this.#pause(destination);
    if (destination.ready) this.#linkAll(destination);
    if (destination.idle && !destination.window.dead && !destination.paused) destination.window.reset();
  }

  /** A destination is not to be tried for a while. Returns the entries that waited for it. */
  kill(destination: Destination, trouble: DsnDetail): Entry[] {
    destination.trouble = trouble;
    destination.timer?.cancel();
    destination.timer = this.context.clock.after(this.context.deadTime(), () => this.revive(destination));
    this.#unlinkAll(destination);
    return takeAll(destination);
  }

  /** A dead destination may be tried again. */
  revive(destination: Destination): void {
    if (destination.trouble === undefined) return;
    destination.trouble = undefined;
    destination.timer?.cancel();
    destination.timer = undefined;
    destination.paused = false;
    if (destination.window.dead) destination.window.revive(destination.busy);
    if (destination.ready) this.#linkAll(destination);
    this.context.wake(this);
  }

  /** The whole transport is out of order for a while. Returns everything that waited for it. */
  suspend(trouble: DsnDetail): Selection[] {
    this.trouble = trouble;
    this.#retryTimer?.cancel();
    this.#retryTimer = this.context.clock.after(this.context.retryTime(), () => this.resume());
    const waited: Selection[] = [];
    for (const destination of this.#destinations.values()) {
      if (destination.waiting === 0) continue;
      this.#unlinkAll(destination);
      for (const entry of takeAll(destination)) waited.push({ destination, entry });
    }
    return waited;
  }

  /** The transport may be tried again. */
  resume(): void {
    if (this.trouble === undefined) return;
    this.trouble = undefined;
    this.#retryTimer?.cancel();
    this.#retryTimer = undefined;
    this.context.wake(this);
  }

  /** Forgets that it or any of its destinations is in trouble (`postqueue -f`). */
  forgive(): void {
    this.resume();
    for (const destination of this.#destinations.values()) this.revive(destination);
  }

  /** The destination with the most deliveries waiting and under way, for complaints about a full active queue. */
  busiest(): Destination | undefined {
    let most: Destination | undefined;
    for (const destination of this.#destinations.values()) {
      if (destination.waiting + destination.busy > (most === undefined ? 0 : most.waiting + most.busy)) {
        most = destination;
      }
    }
    return most;
  }

  /** Ends all timers. */
  stop(): void {
    this.#retryTimer?.cancel();
    this.#pauseTimer?.cancel();
    for (const destination of this.#destinations.values()) destination.timer?.cancel();
  }

  stats(): TransportStats {
    const dead = [...this.#destinations.values()]
      .filter((destination) => destination.trouble !== undefined)
      .map(({ key, trouble }) => ({ destination: key, reason: trouble!.reason }));
    const base = { name: this.name, busy: this.busy, destinations: this.#destinations.size, dead };
    return this.trouble === undefined ? base : { ...base, suspended: this.trouble.reason };
  }

  #pause(destination: Destination): void {
    destination.paused = true;
    this.#unlinkAll(destination);
    destination.timer?.cancel();
    destination.timer = this.context.clock.after(this.settings.destinationDelay, () => {
      destination.timer = undefined;
      destination.paused = false;
      if (destination.ready) this.#linkAll(destination);
      this.context.wake(this);
    });
  }

  #pauseAll(): void {
    this.#paused = true;
    this.#pauseTimer?.cancel();
    this.#pauseTimer = this.context.clock.after(this.settings.transportDelay, () => {
      this.#pauseTimer = undefined;
      this.#paused = false;
      this.context.wake(this);
    });
  }

  #sweep(): void {
    for (const [key, destination] of this.#destinations) {
      if (destination.idle && destination.timer === undefined) this.#destinations.delete(key);
    }
    this.#sweepAt = Math.max(MOST_IDLE, this.#destinations.size * 2);
  }

  /** Puts a destination at the end of a class's ring: behind all others, just before the one that is next. */
  #link(destination: Destination, line: Line, sizeClass: number): void {
    if (line.following !== undefined) return;
    const first = this.#rings[sizeClass];
    if (first === undefined) {
      line.previous = destination;
      line.following = destination;
      this.#rings[sizeClass] = destination;
      return;
    }
    const firstLine = first.lines[sizeClass]!;
    const last = firstLine.previous!;
    line.previous = last;
    line.following = first;
    last.lines[sizeClass]!.following = destination;
    firstLine.previous = destination;
  }

  #unlink(destination: Destination, line: Line, sizeClass: number): void {
    const { previous, following } = line;
    if (following === undefined || previous === undefined) return;
    if (following === destination) {
      this.#rings[sizeClass] = undefined;
    } else {
      previous.lines[sizeClass]!.following = following;
      following.lines[sizeClass]!.previous = previous;
      if (this.#rings[sizeClass] === destination) this.#rings[sizeClass] = following;
    }
    line.previous = undefined;
    line.following = undefined;
  }

  #linkAll(destination: Destination): void {
    destination.lines.forEach((line, sizeClass) => {
      if (line?.head !== undefined) this.#link(destination, line, sizeClass);
    });
  }

  #unlinkAll(destination: Destination): void {
    destination.lines.forEach((line, sizeClass) => {
      if (line !== undefined) this.#unlink(destination, line, sizeClass);
    });
  }
}

/** Takes everything that waits for a destination, smaller messages first. */
function takeAll(destination: Destination): Entry[] {
  const entries: Entry[] = [];
  for (const line of destination.lines) {
    while (line?.head !== undefined) entries.push(destination.shift(line));
  }
  return entries;
}
