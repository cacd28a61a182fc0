import { DatabaseSync, type SQLOutputValue, type StatementSync } from "node:sqlite";
import { decodeText } from "../bytes/mod.ts";
import type { OpenContext } from "./context.ts";
import { Answers, checkedTemplate } from "./answers.ts";
import { legacySelect } from "./legacy_query.ts";
import { expandQuery } from "./query_template.ts";
import { readSettings, type TableSettings } from "./table_settings.ts";
import { stampOf } from "./watched_file.ts";
import { type Table, TableError } from "./types.ts";
import { reasonOf } from "../errors/mod.ts";

/** What the parameters of sqlite_table(5) say. */
interface SqliteSettings {
  readonly path: string;
  readonly query: string;
  readonly answers: Answers;
}

/** `sqlite:file`: a query on an SQLite database, opened read-only (sqlite_table(5)). */
export function openSqlite(context: OpenContext): Table {
  const { type, name } = context;
  let settings: SqliteSettings | undefined;
  let connection: Connection | undefined;
  const ask = (key: string): string | undefined => {
    const query = expandQuery(settings!.query, key, quoteText);
    if (query === undefined) return undefined;
    connection ??= new Connection(settings!.path, name);
    return settings!.answers.join(connection.rows(query), key);
  };
  return {
    type,
    name,
    matchesPatterns: false,
    lookup(key) {
      settings ??= understand(readSettings(context), context);
      const accepted = settings.answers.worthAsking(key);
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
  const path = settings.required("dbpath");
  const written = checkedTemplate(settings, "query", settings.string("query", "") || legacySelect(settings));
  const query = singleQuoted(written);
  if (query !== written) {
    context.log.warning(
      `${context.type}:${context.name}: query has "%..." in double quotes: taken as single quotes, which are meant for values`,
    );
  }
  const format = settings.filled("result_format", "%s");
  return { path, query, answers: new Answers(context, settings, format, settings.int("expansion_limit", 0)) };
}

/** The query with single quotes around what parts of keys are put in: in double quotes they could end the literal. */
function singleQuoted(query: string): string {
  return query.replace(/'[^']*'|"([^"]*)"/g, (literal, text: string | undefined) => {
    if (text === undefined || !/%[sudSUD1-9]/.test(text.replaceAll("%%", ""))) return literal;
    return `'${text.replaceAll("'", "''")}'`;
  });
}

/** A part of a key as it stands between single quotes; a NUL, which would end the statement, can't be in an address. */
function quoteText(text: string): string {
  return text.replaceAll("\0", "").replaceAll("'", "''");
}

/** A column's text. Throws an `Error` for text that is not UTF-8, of which the runtime shows only what it understood. */
function textOf(value: Exclude<SQLOutputValue, null>): string {
  if (value instanceof Uint8Array) return decodeText(value);
  if (typeof value === "number") {
    const text = String(Number(value.toPrecision(15)));
    return /[.e]/.test(text) ? text : `${text}.0`;
  }
  if (typeof value === "string" && value.includes("\ufffd")) throw new Error("a value is not UTF-8");
  return String(value);
}

/** An open database; opened again when the file was replaced. */
class Connection {
  #database: DatabaseSync | undefined;
  #stamp = "";

  /** @param file the table's own name, for messages */
  constructor(private readonly path: string, private readonly file: string) {}

  /** The first column of every row, without NULLs; Postfix looks at no other. */
  rows(query: string): string[] {
    let database: DatabaseSync;
    try {
      database = this.#current();
    } catch (error) {
      throw this.#failed(`open ${this.path}`, error);
    }
    let statement: StatementSync;
    try {
      statement = database.prepare(query);
      statement.setReturnArrays(true);
      statement.setReadBigInts(true);
    } catch (error) {
      throw this.#failed("SQL prepare failed", error);
    }
    try {
      const rows = statement.all() as unknown as SQLOutputValue[][];
      return rows.map((row) => row[0]).filter((value) => value !== null && value !== undefined).map(textOf);
    } catch (error) {
      throw this.#failed(`SQL step failed for query '${query}'`, error);
    }
  }

  #failed(what: string, error: unknown): TableError {
    return new TableError(
      "temporary",
      `dict_sqlite_lookup: ${this.file}: ${what}: ${reasonOf(error)}`,
      true,
    );
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
