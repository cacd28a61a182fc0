import { decodeText } from "../bytes/mod.ts";
import { logicalLines, splitNameValue } from "../config/mod.ts";
import type { OpenContext } from "./context.ts";
import { reasonOf } from "../errors/mod.ts";
import { TableError } from "./types.ts";

/** The parameters of a table that needs more than a name: a server, a query. */
export class TableSettings {
  constructor(
    /** Where they come from, for messages. */
    readonly source: string,
    private readonly get: (name: string) => string | undefined,
    /** What their names begin with in main.cf. */
    private readonly prefix = "",
  ) {}

  /** A parameter, or undefined if it isn't set. */
  optional(name: string): string | undefined {
    return this.get(name);
  }

  string(name: string, standard: string): string {
    return this.get(name) ?? standard;
  }

  /** A value that may be left out and must not be empty. Throws `TableError`. */
  filled(name: string, standard: string): string {
    const value = this.get(name) ?? standard;
    if (value !== "") return value;
    throw this.#wrong("bad string length 0 < 1:", name, " = ");
  }

  /** Throws `TableError` if it isn't set or is empty. */
  required(name: string): string {
    return this.filled(name, "");
  }

  /**
   * A whole number. Throws `TableError` for anything else.
   * @param least the smallest that makes sense; undefined for any
   */
  int(name: string, standard: number, least?: number): number {
    const value = this.get(name);
    if (value === undefined) return standard;
    const number = /^[-+]?\d{1,10}$/.test(value) ? Number(value) : NaN;
    if (!(Math.abs(number) < 2 ** 31)) {
      throw this.#wrong("bad numerical configuration:", name, ` = ${value}`);
    }
    if (least !== undefined && number < least) {
      throw this.#wrong("invalid", name, ` parameter value ${number} < ${least}`);
    }
    return number;
  }

  bool(name: string, standard: boolean): boolean {
    const value = this.get(name)?.toLowerCase();
    if (value === undefined) return standard;
    if (value === "yes" || value === "no") return value === "yes";
    throw this.#wrong("bad boolean configuration:", name, ` = ${value}`);
  }

  /** An error in Postfix's words, which name the file or, of main.cf, the whole parameter. */
  #wrong(before: string, name: string, after: string): TableError {
    const place = this.prefix === "" ? `${this.source}: ` : "";
    return new TableError("configuration", `${place}${before} ${this.prefix}${name}${after}`, true);
  }
}

/**
 * The parameters of a table: `name = value` lines of the file that the table is named after or, for a name that begins
 * neither with `/` nor with `.`, main.cf parameters that begin with the name and an underscore. Throws `TableError`.
 */
export function readSettings(context: OpenContext): TableSettings {
  const { name, config, settings } = context;
  if (settings !== undefined) return new TableSettings(name, (parameter) => settings.get(parameter));
  if (!name.startsWith("/") && !name.startsWith(".")) {
    const prefix = `${name}_`;
    const get = (parameter: string) =>
      config?.isSet(prefix + parameter) === true ? config.string(prefix + parameter) : undefined;
    return new TableSettings(`main.cf ${prefix}`, get, prefix);
  }
  let text: string;
  try {
    text = decodeText(Deno.readFileSync(name));
  } catch (error) {
    throw new TableError("temporary", `open ${name}: ${reasonOf(error)}`, true);
  }
  const values = new Map<string, string>();
  for (const { text: line, line: number } of logicalLines(text)) {
    const part = splitNameValue(line);
    if (!part.ok) throw new TableError("configuration", `${name}, line ${number}: ${part.problem}`, true);
    values.set(part.name, part.value);
  }
  return new TableSettings(name, (parameter) => values.get(parameter));
}
