import { DatabaseSync } from "node:sqlite";
import type { OpenContext } from "./context.ts";
import { keyFilter } from "./key_filter.ts";
import { expandQuery, expandResult, unknownLetter } from "./query_template.ts";
import { readSettings, type TableSettings } from "./table_settings.ts";
import { stampOf } from "./watched_file.ts";
import { type MaybePromise, type Table, TableError } from "./types.ts";
import { reasonOf } from "./reason.ts";

/** What the parameters of sqlite_table(5) say. */
interface SqliteSettings {
  readonly path: string;
  readonly query: string;
  readonly resultFormat: string;
  readonly limit: number;
  readonly accepts: (key: string) => MaybePromise<boolean>;
}

/** `sqlite:file`: a query on an SQLite database, opened read-only (sqlite_table(5)). */
export function openSqlite(context: OpenContext): Table {
  const { type, name } = context;
  let settings: SqliteSettings | undefined;
  let connection: Connection | undefined;
  const ask = (key: string): string | undefined => {
    const query = expandQuery(settings!.query, key, quoteText);
    if (query === undefined) return undefined;
    connection ??= new Connection(settings!.path);
    return joinResults(connection.rows(query), key, settings!, context);
  };
  return {
    type,
    name,
    matchesPatterns: false,
    lookup(key) {
      settings ??= understand(readSettings(context), context);
      const accepted = settings.accepts(key);
      if (accepted instanceof Promise) return accepted.then((yes) => yes ? ask(key) : undefined);
      return accepted ? ask(key) : undefined;
    },
    close() {
      connection?.close();
      connection = undefined;
    },
  };
}

function understand(settings: TableSettings, context: OpenContext): SqliteSettings {
  const query = settings.optional("query") ?? legacyQuery(settings);
  const resultFormat = settings.string("result_format", "%s");
  for (const [name, template] of [["query", query], ["result_format", resultFormat]] as const) {
    const letter = unknownLetter(template, "sudSUD123456789");
    if (letter !== undefined) {
      throw new TableError("configuration", `${settings.source}: Invalid ${name} template: %${letter}`, true);
    }
  }
  if (/"[^"]*%[sudSUD1-9][^"]*"/.test(query)) {
    context.log.warning(
      `${context.type}:${context.name}: query has "%..." in double quotes: use single quotes, only they are safe`,
    );
  }
  return {
    path: settings.required("dbpath"),
    query,
    resultFormat,
    limit: settings.int("expansion_limit", 0, 0),
    accepts: keyFilter(settings.string("domain", ""), context.tables, context),
  };
}

/** The query that the parameters of Postfix before 2.2 stand for. */
function legacyQuery(settings: TableSettings): string {
  const [field, table, where] = ["select_field", "table", "where_field"].map((name) =>
    settings.required(name)
  );
  return `SELECT ${field} FROM ${table} WHERE ${where} = '%s' ${
    settings.string("additional_conditions", "")
  }`;
}

/** A part of a key as it stands between single quotes; a NUL, which would end the statement, can't be in an address. */
function quoteText(text: string): string {
  return text.replaceAll("\0", "").replaceAll("'", "''");
}

/** An open database; opened again when the file was replaced. */
class Connection {
  #database: DatabaseSync | undefined;
  #stamp = "";

  constructor(private readonly path: string) {}

  /** The first column of every row; Postfix looks at no other. */
  rows(query: string): unknown[] {
    try {
      const rows = this.#current().prepare(query).all() as Record<string, unknown>[];
      return rows.map((row) => Object.values(row)[0]);
    } catch (error) {
      throw new TableError("temporary", `table sqlite: ${this.path}: ${reasonOf(error)}`);
    }
  }

  #current(): DatabaseSync {
    const info = Deno.statSync(this.path);
    const stamp = stampOf(info).split(":", 2).join(":");
    if (this.#database !== undefined && stamp === this.#stamp) return this.#database;
    this.close();
    this.#database = new DatabaseSync(this.path, { readOnly: true });
    this.#stamp = stamp;
    return this.#database;
  }

  close(): void {
    this.#database?.close();
    this.#database = undefined;
  }
}

function joinResults(
  values: readonly unknown[],
  key: string,
  settings: SqliteSettings,
  context: OpenContext,
): string | undefined {
  const results: string[] = [];
  for (const value of values) {
    if (value === null || value === undefined) continue;
    const result = expandResult(settings.resultFormat, String(value), key);
    if (result === undefined) continue;
    results.push(result);
    if (settings.limit > 0 && results.length > settings.limit) {
      throw new TableError(
        "temporary",
        `table ${context.type}:${context.name}: expansion limit of ${settings.limit} exceeded for key: '${key}'`,
      );
    }
  }
  return results.length === 0 ? undefined : results.join(",");
}
