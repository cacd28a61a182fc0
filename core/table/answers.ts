import type { OpenContext } from "./context.ts";
import { isUtf8 } from "./fold.ts";
import { keyFilter } from "./key_filter.ts";
import { expandQuery, expandResult, isTemplate } from "./query_template.ts";
import type { TableSettings } from "./table_settings.ts";
import { type MaybePromise, TableError } from "./types.ts";
import { queryError } from "./query_error.ts";

/** A template of the settings, checked. Throws `TableError` for a `%` that means nothing. */
export function checkedTemplate(settings: TableSettings, kind: "query" | "result", template: string): string {
  if (isTemplate(template)) return template;
  throw new TableError(
    "configuration",
    `db_common_parse: ${settings.source}: Invalid ${kind} template: ${template}`,
    true,
  );
}

/** What all types that are asked by templates have in common: `domain`, `result_format` and `expansion_limit`. */
export class Answers {
  readonly #format: string;
  /** The part of the format that the key alone decides. */
  readonly #keyFormat: string;
  readonly #accepts: (key: string) => MaybePromise<boolean>;
  readonly #plain: boolean;

  /**
   * @param format the value of `result_format`
   * @param limit most values of an answer, 0 for any number
   */
  constructor(
    private readonly context: OpenContext,
    settings: TableSettings,
    format: string,
    readonly limit: number,
  ) {
    this.#format = checkedTemplate(settings, "result", format);
    this.#keyFormat = this.#format.replace(/%[sud%]/g, "");
    this.#plain = this.#format === "%s";
    this.#accepts = keyFilter(settings.string("domain", ""), context.tables, context);
  }

  /** Is the key one to ask the server for at all? */
  worthAsking(key: string): MaybePromise<boolean> {
    if (key === "" || !isUtf8(key)) return false;
    if (this.#keyFormat !== "" && expandQuery(this.#keyFormat, key, (text) => text) === undefined) {
      return false;
    }
    return this.#accepts(key);
  }

  /**
   * The answer made of the values that the server gave: formatted and joined by commas, or undefined for none. Throws
   * `TableError` when there are more than `expansion_limit` allows.
   */
  join(values: Iterable<string>, key: string): string | undefined {
    const results: string[] = [];
    for (const value of values) this.#take(value, results, key);
    return joined(results);
  }

  /** The same for values that come one after the other; no more of them are asked for than `expansion_limit` allows. */
  async joinLater(values: AsyncIterable<string>, key: string): Promise<string | undefined> {
    const results: string[] = [];
    for await (const value of values) this.#take(value, results, key);
    return joined(results);
  }

  #take(value: string, results: string[], key: string): void {
    const { type, name, log } = this.context;
    if (value === "") {
      log.warning(`table "${type}:${name}": empty lookup result for: "${key}" -- ignored`);
      return;
    }
    const result = this.#plain ? value : expandResult(this.#format, value, key);
    if (result === undefined) return;
    results.push(result);
    if (this.limit > 0 && results.length > this.limit) {
      throw queryError(
        this.context,
        `dict_${type}_lookup: ${name}: Expansion limit exceeded for key: '${key}'`,
      );
    }
  }
}

function joined(results: readonly string[]): string | undefined {
  const text = results.join(",");
  return text === "" ? undefined : text;
}
