/** Rows as an aligned table, JSON lines or CSV. */
import { printable } from "../core/bytes/mod.ts";
import { print } from "./queue_tool.ts";
import { terminalSize } from "./terminal_size.ts";

export type Format = "table" | "json" | "csv";

/** A column: what it is called in each form, and how a row fills it. */
export interface Column<Row> {
  readonly title: string;
  /** Name in JSON and CSV. */
  readonly name: string;
  readonly value: (row: Row) => string | number | boolean | readonly string[];
  /** How the value looks in a table, if different. */
  readonly shown?: (row: Row) => string;
  /** Flush right. */
  readonly right?: boolean;
  /** Columns wide; without it, as wide as the widest value. */
  readonly width?: number;
}

/** The form that the options ask for. */
export function formatOf(options: { format?: Format; json?: boolean; csv?: boolean }): Format {
  return options.format ?? (options.json === true ? "json" : options.csv === true ? "csv" : "table");
}

/** Columns of the terminal, or of a wide page where the output goes elsewhere. */
export function outputWidth(): number {
  if (!Deno.stdout.isTerminal()) return 200;
  return Math.max(terminalSize().columns, 40);
}

/** Text cut to a width, with a sign that it was. */
function cut(text: string, width: number): string {
  const characters = [...text];
  return characters.length <= width ? text : characters.slice(0, Math.max(width - 1, 0)).join("") + "…";
}

function csvField(value: string | number | boolean | readonly string[]): string {
  const text = typeof value === "object" ? value.join(" ") : String(value);
  // A spreadsheet takes a leading =, +, - or @ for a formula.
  const safe = typeof value !== "number" && /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

/** Writes rows as they come. Tables get widths from their columns, or from the first rows. */
export class RowWriter<Row> {
  #started = false;
  #held = "";
  /** False once the reader of the output is gone. */
  open = true;

  constructor(
    private readonly columns: readonly Column<Row>[],
    private readonly format: Format,
    private readonly width = outputWidth(),
  ) {}

  write(rows: readonly Row[]): boolean {
    const widths = this.format === "table" ? this.#begin(rows) : [];
    if (this.format === "csv" && !this.#started) {
      this.#held += this.columns.map(({ name }) => name).join(",") + "\r\n";
    }
    this.#started = true;
    for (const row of rows) this.#held += this.#line(row, widths);
    return this.flush();
  }

  flush(): boolean {
    if (this.#held !== "" && this.open) this.open = print(this.#held);
    this.#held = "";
    return this.open;
  }

  #widths: number[] = [];

  #begin(rows: readonly Row[]): number[] {
    if (this.#started) return this.#widths;
    this.#widths = this.columns.map((column) =>
      column.width ??
        rows.reduce((most, row) => Math.max(most, [...this.#cell(column, row)].length), column.title.length)
    );
    const titles = this.columns.map((column, index) => this.#pad(column.title, this.#widths[index]!, column));
    this.#held += titles.join("  ").trimEnd() + "\n";
    return this.#widths;
  }

  #cell(column: Column<Row>, row: Row): string {
    if (column.shown !== undefined) return printable(column.shown(row));
    const value = column.value(row);
    return printable(typeof value === "object" ? value.join(" ") : String(value));
  }

  #pad(text: string, width: number, column: Column<Row>): string {
    const blanks = " ".repeat(Math.max(width - [...text].length, 0));
    return column.right === true ? blanks + text : text + blanks;
  }

  #line(row: Row, widths: readonly number[]): string {
    switch (this.format) {
      case "json":
        return JSON.stringify(Object.fromEntries(this.columns.map(({ name, value }) => [name, value(row)]))) +
          "\n";
      case "csv":
        return this.columns.map(({ value }) => csvField(value(row))).join(",") + "\r\n";
      case "table": {
        const cells = this.columns.map((column, index) => {
          const last = index === this.columns.length - 1;
          const cell = this.#cell(column, row);
          const width = widths[index]!;
          return last || column.width === undefined
            ? this.#pad(cell, width, column)
            : this.#pad(cut(cell, width), width, column);
        });
        return cut(cells.join("  ").trimEnd(), this.width) + "\n";
      }
    }
  }
}

/** `3d4h`, `12m`, `7s`: an age in its two largest units. */
export function shortAge(seconds: number): string {
  const whole = Math.max(Math.floor(seconds), 0);
  const days = Math.floor(whole / 86400);
  const hours = Math.floor(whole / 3600) % 24;
  const minutes = Math.floor(whole / 60) % 60;
  if (days > 0) return `${days}d${hours}h`;
  if (hours > 0) return `${hours}h${minutes}m`;
  return minutes > 0 ? `${minutes}m` : `${whole}s`;
}

/** `1.2M`: bytes in a handy unit. */
export function shortSize(bytes: number): string {
  if (bytes < 1024) return String(bytes);
  const units = ["k", "M", "G", "T"];
  let value = bytes;
  let unit = -1;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${value < 10 ? value.toFixed(1) : Math.round(value)}${units[unit]}`;
}
