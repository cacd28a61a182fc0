import { DnsError } from "./types.ts";

interface Entry<T> {
  readonly expires: number;
  readonly value: T | DnsError;
}

/** The longest that an answer is believed, in seconds, whatever its time to live says. */
const LONGEST = 86400;

/** Answers, and the news that there is none, until their time to live is over; the oldest go when it is full. */
export class AnswerCache<T> {
  readonly #entries = new Map<string, Entry<T>>();

  /** @param limit number of answers, @param now milliseconds of a steady clock */
  constructor(readonly limit: number, readonly now: () => number = () => performance.now()) {}

  get(key: string): T | DnsError | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    if (entry.expires > this.now()) return entry.value;
    this.#entries.delete(key);
    return undefined;
  }

  /** @param ttl seconds; 0 keeps nothing */
  set(key: string, value: T | DnsError, ttl: number): void {
    if (ttl <= 0) return;
    this.#entries.delete(key);
    this.#entries.set(key, { expires: this.now() + Math.min(ttl, LONGEST) * 1000, value });
    if (this.#entries.size <= this.limit) return;
    const oldest = this.#entries.keys().next().value;
    if (oldest !== undefined) this.#entries.delete(oldest);
  }

  clear(): void {
    this.#entries.clear();
  }

  get size(): number {
    return this.#entries.size;
  }
}
