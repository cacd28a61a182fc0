import type { TableLog } from "./context.ts";
import { type MaybePromise, type Table, TableError } from "./types.ts";

/** The tables of one parameter, asked in order. */
export class TableList {
  constructor(
    readonly tables: readonly Table[],
    /** The parameter's name, for the log. */
    readonly title: string,
    private readonly log: TableLog,
  ) {}

  get isEmpty(): boolean {
    return this.tables.length === 0;
  }

  /**
   * The first table's value for the key. Throws (or rejects with) `TableError` when a table fails before one answers; it
   * is in the log then.
   * @param partial the key is a part of what is looked for (a domain, a user name): tables that match patterns are left out
   */
  lookup(key: string, partial = false): MaybePromise<string | undefined> {
    return this.#from(0, key, partial);
  }

  #from(first: number, key: string, partial: boolean): MaybePromise<string | undefined> {
    if (key === "") return undefined;
    for (let index = first; index < this.tables.length; index++) {
      const table = this.tables[index]!;
      if (partial && table.matchesPatterns) continue;
      let answer: MaybePromise<string | undefined>;
      try {
        answer = table.lookup(key);
      } catch (error) {
        throw this.#failed(table, key, error);
      }
      if (answer instanceof Promise) {
        return answer.then(
          (value) => value === undefined ? this.#from(index + 1, key, partial) : this.#found(value, key),
          (error) => {
            throw this.#failed(table, key, error);
          },
        );
      }
      if (answer !== undefined) return this.#found(answer, key);
    }
    return undefined;
  }

  #found(value: string, key: string): string {
    if (value !== "") return value;
    this.log.warning(`${this.title} lookup of ${key} returns an empty string result`);
    this.log.warning(`${this.title} should return NO RESULT in case of NOT FOUND`);
    throw new TableError("configuration", `${this.title} lookup of ${key} returns an empty string result`);
  }

  #failed(table: Table, key: string, error: unknown): unknown {
    if (!(error instanceof TableError)) return error;
    warnUnavailable(table, error, this.log);
    this.log.warning(`${table.type}:${table.name} lookup error for "${key.slice(0, 100)}"`);
    return error;
  }
}

/** Says why a table can't be opened; each lookup that needs it does so. */
export function warnUnavailable(table: Table, error: TableError, log: TableLog): void {
  if (error.unavailable) log.warning(`${table.type}:${table.name} is unavailable. ${error.message}`);
}
