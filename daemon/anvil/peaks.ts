import { shortDate } from "../../core/date/mod.ts";

interface Peak {
  value: number;
  readonly client: string;
  readonly time: number;
}

/** The highest values since the last report. */
export class Peaks {
  readonly #peaks = new Map<string, Peak>();

  /** @param unit seconds that rates are counted over */
  constructor(private readonly unit: number) {}

  rate(name: string, value: number, client: string, time: number): void {
    this.#note(`${name} rate`, value, client, time);
  }
  count(value: number, client: string, time: number): void {
    this.#note("connection count", value, client, time);
  }
  cacheSize(value: number, time: number): void {
    this.#note("cache size", value, "", time);
  }
  clear(): void {
    this.#peaks.clear();
  }

  /** The log lines, in the order in which anvil(8) writes them. */
  lines(): string[] {
    const lines: string[] = [];
    for (const title of ORDER) {
      const peak = this.#peaks.get(title);
      if (peak === undefined) continue;
      const value = title.endsWith(" rate") ? `${peak.value}/${this.unit}s` : String(peak.value);
      const client = peak.client === "" ? "" : ` for (${peak.client})`;
      lines.push(`statistics: max ${title} ${value}${client} at ${shortDate(new Date(peak.time))}`);
    }
    return lines;
  }

  #note(title: string, value: number, client: string, time: number): void {
    const peak = this.#peaks.get(title);
    if (peak === undefined || value > peak.value) this.#peaks.set(title, { value, client, time });
  }
}

const ORDER = [
  "connection rate",
  "connection count",
  "message rate",
  "recipient rate",
  "newtls rate",
  "auth rate",
  "cache size",
];
