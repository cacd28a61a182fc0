import { decodeFileContents } from "./file_contents.ts";
import { MakeError } from "./make_options.ts";
import type { TableLog } from "./context.ts";
import { type Table, TableError } from "./types.ts";

/** How postmap(1) and postalias(1) ask tables. */
export interface QueryOptions {
  /** Opens a `type:name`. Throws `TableError`. */
  readonly open: (spec: string) => Table;
  readonly log: TableLog;
  /** `-F`: values stand for the contents of files. */
  readonly fileContents: boolean;
}

/**
 * Asks tables one after the other; one behind a table that has the key is never opened. All methods throw `MakeError` with
 * what the command says after `fatal:`.
 */
export class TableQuery {
  readonly #opened: (Table | undefined)[] = [];

  constructor(
    private readonly specs: readonly string[],
    private readonly options: QueryOptions,
  ) {}

  /**
   * The first value for the key.
   * @param shown adds the suffix of index files to the table's name in warnings, as queries of many keys do
   */
  async first(key: string, shown: (table: Table) => string = nameOf): Promise<string | undefined> {
    return await this.#from(0, key, shown);
  }

  /** As `first`, without waiting where no table has to wait. */
  firstNow(key: string, shown: (table: Table) => string): string | undefined | Promise<string | undefined> {
    return this.#from(0, key, shown);
  }

  #from(
    first: number,
    key: string,
    shown: (table: Table) => string,
  ): string | undefined | Promise<string | undefined> {
    for (let index = first; index < this.specs.length; index++) {
      const value = this.#ask(this.#table(index), key, shown);
      if (value instanceof Promise) {
        return value.then((found) => found ?? this.#from(index + 1, key, shown));
      }
      if (value !== undefined) return value;
    }
    return undefined;
  }

  /** The text to print for an entry of the first table, with a warning if its key or value is empty. */
  entry(key: string, value: string): string | undefined {
    return this.#value(this.#table(0), key, value, nameOf, false);
  }

  /** All entries of the first table. */
  async *entries(): AsyncGenerator<readonly [string, string]> {
    if (this.specs.length === 0) return;
    const table = this.#table(0);
    if (table.entries === undefined) {
      throw new MakeError(`table ${nameOf(table)}: sequence operation is not supported`);
    }
    const iterator = this.#guard(table, () => table.entries!());
    try {
      for await (const [key, value] of iterator as AsyncIterable<readonly [string, string]>) {
        const shown = this.#value(table, key, value, nameOf, false);
        if (shown !== undefined) yield [key, shown];
      }
    } catch (error) {
      throw fatalQuery(table, error);
    }
  }

  #table(index: number): Table {
    const opened = this.#opened[index];
    if (opened !== undefined) return opened;
    try {
      return this.#opened[index] = this.options.open(this.specs[index]!);
    } catch (error) {
      if (error instanceof TableError) throw new MakeError(error.message);
      throw error;
    }
  }

  #ask(
    table: Table,
    key: string,
    shown: (table: Table) => string,
  ): string | undefined | Promise<string | undefined> {
    const answer = this.#guard(table, () => table.lookup(key));
    if (answer instanceof Promise) {
      return answer.then(
        (value) => this.#value(table, key, value, shown, true),
        (error) => {
          throw fatalQuery(table, error);
        },
      );
    }
    return answer === undefined ? undefined : this.#value(table, key, answer, shown, true);
  }

  #guard<T>(table: Table, work: () => T): T {
    try {
      return work();
    } catch (error) {
      throw fatalQuery(table, error);
    }
  }

  /** The value to print, with warnings about values that no table should have. */
  #value(
    table: Table,
    key: string,
    value: string | undefined,
    shown: (table: Table) => string,
    strict: boolean,
  ): string | undefined {
    if (value === undefined) return undefined;
    const said = `table ${shown(table)}`;
    // Whoever asks for an empty key means it; in a listing it is a mistake.
    if (key === "" && !strict) this.options.log.warning(`${said}: empty lookup key value is not allowed`);
    else if (value === "") this.#warnAboutEmpty(key, said);
    if (!this.options.fileContents) return value;
    const label = labelOf(table);
    const contents = decodeFileContents(value);
    if (contents !== undefined) return contents;
    this.options.log.warning(`table ${label}: key ${key}: malformed BASE64 value: ${value.slice(0, 30)}`);
    if (strict) throw new MakeError(`table ${label}: query error`);
    return undefined;
  }

  #warnAboutEmpty(key: string, name: string): void {
    const { log } = this.options;
    log.warning(`${name}: key ${key}: empty string result is not allowed`);
    log.warning(`${name} should return NO RESULT in case of NOT FOUND`);
  }
}

/** What messages about the query of many keys call a table. */
export function labelOf(table: Table): string {
  return table.label ?? nameOf(table);
}

function nameOf(table: Table): string {
  return `${table.type}:${table.name}`;
}

/** What the command says about an error of a table, or of one that it asks; other errors as they are. */
export function fatalQuery(table: Table, error: unknown): unknown {
  if (!(error instanceof TableError)) return error;
  const { message, unavailable } = error;
  const failed = unavailable ? null : /: query error(: [^:]+)?$/.exec(message);
  if (unavailable || (failed === null && /^(?:open|table|unknown|unsupported) /.test(message))) {
    return new MakeError(message);
  }
  return new MakeError(`table ${labelOf(table)}: query error${failed?.[1] ?? ""}`);
}
