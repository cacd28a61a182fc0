import { decodeText } from "../bytes/mod.ts";
import { logicalLines, splitNameValue } from "../config/mod.ts";
import type { OpenContext } from "./context.ts";
import { reasonOf } from "./reason.ts";
import { TableError } from "./types.ts";

/** The parameters of a table that needs more than a name: a server, a query. */
export class TableSettings {
  constructor(
    /** Where they come from, for messages. */
    readonly source: string,
    private readonly get: (name: string) => string | undefined,
  ) {}

  /** A parameter, or undefined if it isn't set. */
  optional(name: string): string | undefined {
    return this.get(name);
  }

  string(name: string, standard: string): string {
    return this.get(name) ?? standard;
  }

  /** Throws `TableError` if it isn't set. */
  required(name: string): string {
    const value = this.get(name);
    if (value === undefined || value === "") {
      throw new TableError("configuration", `${this.source}: missing required parameter: ${name}`, true);
    }
    return value;
  }

  /** A whole number. Throws `TableError` for anything else. */
  int(name: string, standard: number, least: number): number {
    const value = this.get(name);
    if (value === undefined) return standard;
    if (!/^\d{1,9}$/.test(value) || Number(value) < least) {
      throw new TableError(
        "configuration",
        `${this.source}: bad numerical configuration: ${name} = ${value}`,
        true,
      );
    }
    return Number(value);
  }

  bool(name: string, standard: boolean): boolean {
    const value = this.get(name)?.toLowerCase();
    if (value === undefined) return standard;
    if (value === "yes" || value === "no") return value === "yes";
    throw new TableError(
      "configuration",
      `${this.source}: bad boolean configuration: ${name} = ${value}`,
      true,
    );
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
    return new TableSettings(`main.cf ${name}_`, (parameter) => {
      const full = `${name}_${parameter}`;
      return config?.isSet(full) === true ? config.string(full) : undefined;
    });
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
