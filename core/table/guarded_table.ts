import type { OpenContext } from "./context.ts";
import { foldAscii, foldOther, isUtf8 } from "./fold.ts";
import { type MaybePromise, type Table, TableError } from "./types.ts";

/** What is said where a table's type can't list its entries. */
export function noListing({ type, name }: { readonly type: string; readonly name: string }): string {
  return `table ${type}:${name}: sequence operation is not supported`;
}

/**
 * What all table types have in common: keys are folded where that applies, keys that should be UTF-8 and are not are not
 * found, and results that are not UTF-8 are an error. With `debug` every lookup is logged.
 */
export class GuardedTable implements Table {
  readonly #fold: boolean;

  constructor(
    readonly inner: Table,
    private readonly context: Pick<OpenContext, "flags" | "log">,
    private readonly debug: boolean,
  ) {
    this.#fold = context.flags.foldCase && !inner.matchesPatterns;
  }

  get type(): string {
    return this.inner.type;
  }

  get name(): string {
    return this.inner.name;
  }

  get label(): string {
    return this.inner.label ?? `${this.type}:${this.name}`;
  }

  get matchesPatterns(): boolean {
    return this.inner.matchesPatterns;
  }

  lookup(key: string): MaybePromise<string | undefined> {
    if (!isUtf8(key) && this.#utf8) {
      this.#warn(`non-UTF-8 key "${key}": malformed UTF-8 or invalid codepoint`);
      return undefined;
    }
    const answer = this.inner.lookup(this.#folded(key));
    if (answer instanceof Promise) return answer.then((value) => this.#checked(key, value));
    return this.#checked(key, answer);
  }

  entries(): Iterable<readonly [string, string]> | AsyncIterable<readonly [string, string]> {
    if (this.inner.entries === undefined) {
      throw new TableError("configuration", noListing(this));
    }
    return this.inner.entries();
  }

  remove(key: string, behind: (table: Table) => MaybePromise<boolean>): MaybePromise<boolean> {
    const { inner } = this;
    if (inner.remove !== undefined) return inner.remove(this.#folded(key), behind);
    throw new TableError(
      "configuration",
      `table ${this.type}:${this.name}: delete operation is not supported`,
    );
  }

  close(): void {
    this.inner.close();
  }

  /** Asked last, because finding out may take time and is of no use where all is ASCII. */
  get #utf8(): boolean {
    return this.context.flags.utf8;
  }

  #folded(key: string): string {
    return this.#fold ? foldAscii(key) ?? foldOther(key, this.#utf8) : key;
  }

  #checked(key: string, value: string | undefined): string | undefined {
    if (this.debug) {
      const shown = value === undefined ? "not found" : `"${value}"`;
      this.context.log.info(`${this.type}:${this.name} lookup: "${key}" = ${shown}`);
    }
    if (value === undefined || isUtf8(value) || !this.#utf8) return value;
    const problem = `key "${key}": non-UTF-8 value "${value}": malformed UTF-8 or invalid codepoint`;
    this.#warn(problem);
    throw new TableError("configuration", `table ${this.label}: query error`);
  }

  #warn(problem: string): void {
    this.context.log.warning(`${this.label}: ${problem.toWellFormed().replaceAll("\ufffd", "?")}`);
  }
}
