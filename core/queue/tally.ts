import { domainOf } from "./select.ts";
import type { ListedMessage, ListedRecipient } from "./types.ts";

/** What messages are grouped by. */
export type Grouping = "domain" | "sender" | "sender-domain" | "reason" | "queue";

export const GROUPINGS: readonly Grouping[] = ["domain", "sender", "sender-domain", "reason", "queue"];

/** One group of messages. */
export interface Group {
  readonly key: string;
  /** Messages; one that belongs to several groups counts in each. */
  messages: number;
  /** Recipients of these messages that belong to the group. */
  recipients: number;
  bytes: number;
  /** Arrival of the oldest, seconds. */
  oldest: number;
}

/** Numbers that differ from message to message would make every reason a group of its own. */
const PARTICULAR: readonly (readonly [RegExp, string])[] = [
  [/\[[0-9a-f.:]+\](:\d+)?/gi, "[…]"],
  [/<[^<>@\s]*@([^<>\s]*)>/g, "<…@$1>"],
  [/\b[0-9A-F]{10,}\b|\b\d{6,}\b/g, "#"],
];

function reasonKey(recipient: ListedRecipient): string {
  if (recipient.reason === "") return "(none)";
  return PARTICULAR.reduce((text, [pattern, stand]) => text.replace(pattern, stand), recipient.reason);
}

function keysOf(message: ListedMessage, by: Grouping): Map<string, number> {
  const { recipients } = message;
  switch (by) {
    case "sender":
      return new Map([[message.sender, recipients.length]]);
    case "sender-domain":
      return new Map([[domainOf(message.sender) || message.sender, recipients.length]]);
    case "queue":
      return new Map([[message.queue, recipients.length]]);
  }
  const keys = new Map<string, number>();
  for (const recipient of recipients) {
    const key = by === "reason" ? reasonKey(recipient) : domainOf(recipient.address) || recipient.address;
    keys.set(key, (keys.get(key) ?? 0) + 1);
  }
  return keys;
}

/** Counts messages by group. */
export class Tally {
  readonly #groups = new Map<string, Group>();
  constructor(readonly by: Grouping) {}

  add(message: ListedMessage): void {
    for (const [key, recipients] of keysOf(message, this.by)) {
      let group = this.#groups.get(key);
      if (group === undefined) {
        group = { key, messages: 0, recipients: 0, bytes: 0, oldest: message.time };
        this.#groups.set(key, group);
      }
      group.messages += 1;
      group.recipients += recipients;
      group.bytes += message.size;
      group.oldest = Math.min(group.oldest, message.time);
    }
  }

  /** The groups, largest first, names in order among equals. */
  top(limit = Infinity): Group[] {
    const groups = [...this.#groups.values()];
    groups.sort((a, b) => b.messages - a.messages || (a.key < b.key ? -1 : 1));
    return groups.slice(0, limit);
  }
}

/** One line of an age table: how many recipients (or messages) of a domain arrived in each span of time. */
export interface AgeRow {
  readonly key: string;
  total: number;
  readonly counts: number[];
}

/** How the columns of an age table are cut. */
export interface AgeScale {
  /** Minutes of the first column. */
  readonly first: number;
  readonly columns: number;
  /** Multiples of the first column's time instead of doubling. */
  readonly linear: boolean;
}

/** Upper limits of the columns in minutes; the last column has none. */
function ageLimits({ first, columns, linear }: AgeScale): number[] {
  return Array.from({ length: columns - 1 }, (_, column) => first * (linear ? column + 1 : 2 ** column));
}

/** Ages by domain, as qshape(1) tells them: recipients by their domain, or messages by the sender's. */
export class AgeTable {
  readonly limits: readonly number[];
  readonly #rows = new Map<string, AgeRow>();
  readonly #sum: AgeRow;

  constructor(scale: AgeScale, private readonly bySender: boolean, private readonly now: number) {
    this.limits = ageLimits(scale);
    this.#sum = { key: "TOTAL", total: 0, counts: new Array(scale.columns).fill(0) };
  }

  add(message: ListedMessage): void {
    const minutes = (this.now - message.time) / 60;
    const found = this.limits.findIndex((limit) => minutes < limit);
    const column = found < 0 ? this.limits.length : found;
    const addresses = this.bySender ? [message.sender] : message.recipients.map(({ address }) => address);
    for (const address of addresses) {
      const key = domainOf(address) || address;
      let row = this.#rows.get(key);
      if (row === undefined) {
        row = { key, total: 0, counts: new Array(this.limits.length + 1).fill(0) };
        this.#rows.set(key, row);
      }
      for (const counted of [row, this.#sum]) {
        counted.total += 1;
        counted.counts[column]! += 1;
      }
    }
  }

  /** The sum first, then the domains, largest first. */
  rows(limit = Infinity): AgeRow[] {
    const rows = [...this.#rows.values()].sort((a, b) => b.total - a.total || (a.key < b.key ? -1 : 1));
    return [this.#sum, ...rows.slice(0, limit)];
  }
}
