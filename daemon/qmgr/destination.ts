import type { DsnDetail } from "../delivery/types.ts";
import { ConcurrencyWindow } from "./concurrency.ts";
import { type Entry, SIZE_CLASSES } from "./message.ts";
import type { TransportSettings } from "./settings.ts";
import type { Timer } from "./types.ts";

/** Entries waiting in one size class: first in, first out. */
export interface Line {
  head: Entry | undefined;
  tail: Entry | undefined;
  /** Neighbours in the transport's ring of destinations that have work in this class; undefined: not in it. */
  previous: Destination | undefined;
  following: Destination | undefined;
}

/** A place that a transport delivers to: a next hop, or one recipient where a delivery takes only one. */
export class Destination {
  readonly window: ConcurrencyWindow;
  readonly lines: (Line | undefined)[] = new Array(SIZE_CLASSES).fill(undefined);
  /** Entries waiting and deliveries under way. */
  waiting = 0;
  busy = 0;
  /** Why it is dead, with the prefix that deferred mail shows. */
  trouble: DsnDetail | undefined;
  /** Waits until its rate delay is over. */
  paused = false;
  /** The timer that ends its death or its pause. */
  timer: Timer | undefined;
  /** Seconds, end of the latest delivery. */
  lastDone = 0;
  /** Agents may look for, and leave behind, an open connection. */
  reuseConnections = false;

  constructor(
    /** Lower case, unique within the transport. */
    readonly key: string,
    /** What the agent is told. */
    readonly nexthop: string,
    settings: TransportSettings,
  ) {
    this.window = new ConcurrencyWindow(settings);
  }

  /** May a delivery to it start? */
  get ready(): boolean {
    return !this.paused && this.busy < this.window.size;
  }

  get idle(): boolean {
    return this.waiting === 0 && this.busy === 0;
  }

  /** Appends an entry to its class's line. */
  push(entry: Entry, sizeClass: number): Line {
    let line = this.lines[sizeClass];
    if (line === undefined) {
      line = { head: undefined, tail: undefined, previous: undefined, following: undefined };
      this.lines[sizeClass] = line;
    }
    if (line.tail === undefined) line.head = entry;
    else line.tail.next = entry;
    line.tail = entry;
    this.waiting += 1;
    return line;
  }

  /** Takes the first entry of a line that has one. */
  shift(line: Line): Entry {
    const entry = line.head!;
    line.head = entry.next;
    if (line.head === undefined) line.tail = undefined;
    entry.next = undefined;
    this.waiting -= 1;
    return entry;
  }
}
