import { lookupUser } from "../../system/mod.ts";
import type { OpenContext } from "../context.ts";
import { expandQuery } from "../query_template.ts";
import { readSettings, type TableSettings } from "../table_settings.ts";
import type { Table } from "../types.ts";
import { type FailureWords, type Server, ServerPool } from "./server_pool.ts";
import { Answers, checkedTemplate } from "../answers.ts";

/** Most simultaneous connections to one database server. */
const CONNECTIONS = 8;

/** The parameters that mysql_table(5) and pgsql_table(5) share. */
export interface SqlSettings {
  readonly hosts: readonly string[];
  readonly user: string;
  readonly password: string;
  readonly dbname: string;
  readonly query: string;
  readonly idleSeconds: number;
  readonly retrySeconds: number;
  /** Milliseconds that connecting, and each query, may take. */
  readonly timeoutMs: number;
  readonly all: TableSettings;
}

/** A database client as a table needs it. */
export interface SqlClient<S extends Server, C> {
  readonly servers: readonly S[];
  /** What warnings of failures begin with. */
  readonly words: FailureWords;
  connect(server: S, onLost: () => void): Promise<C>;
  close(connection: C): void;
  /** Makes text safe between single quotes on this connection. */
  quote(connection: C, text: string): string;
  /** Runs a query; the values of all columns of all rows, in order, without NULLs. */
  ask(connection: C, query: string): Promise<string[]>;
}

/**
 * Reads the shared parameters. Throws `TableError`.
 * @param legacyQuery the query that the parameters of old releases stand for
 */
export function readSqlSettings(
  context: OpenContext,
  legacyQuery: (settings: TableSettings) => string,
): SqlSettings {
  const all = readSettings(context);
  const hosts = all.string("hosts", "").split(/[\s,]+/).filter((host) => host !== "");
  return {
    hosts: hosts.length === 0 ? ["localhost"] : hosts,
    user: all.string("user", ""),
    password: all.string("password", ""),
    dbname: all.string("dbname", ""),
    query: checkedTemplate(all, "query", all.string("query", "") || legacyQuery(all)),
    idleSeconds: all.int("idle_interval", 60, 1),
    retrySeconds: all.int("retry_interval", 60, 1),
    timeoutMs: all.int("timeout", 30, 1) * 1000,
    all,
  };
}

/** The login name of clients that are given none: that of the process's user, as the databases' own libraries have it. */
export function processUser(): string {
  return lookupUser(Deno.uid() ?? 0)?.name ?? "";
}

/** A table that a database answers. */
export function sqlTable<S extends Server, C>(
  context: OpenContext,
  settings: SqlSettings,
  client: SqlClient<S, C>,
): Table {
  const { type, name } = context;
  const answers = new Answers(
    context,
    settings.all,
    settings.all.filled("result_format", "%s"),
    settings.all.int("expansion_limit", 0),
  );
  const pool = new ServerPool<S, C>({
    title: `${type}:${name}`,
    servers: client.servers,
    shuffle: true,
    retrySeconds: settings.retrySeconds,
    idleSeconds: settings.idleSeconds,
    connections: CONNECTIONS,
    log: context.log,
    words: client.words,
    connect: (server, onLost) => client.connect(server, onLost),
    close: (connection) => client.close(connection),
  });
  return {
    type,
    name,
    matchesPatterns: false,
    async lookup(key) {
      if (!await answers.worthAsking(key)) return undefined;
      // Without a connection a key can't be quoted, but whether there is something to ask doesn't need one.
      if (expandQuery(settings.query, key, (text) => text) === undefined) return undefined;
      const values = await pool.use((connection) => {
        const query = expandQuery(settings.query, key, (text) => client.quote(connection, text));
        return client.ask(connection, query!);
      });
      return answers.join(values, key);
    },
    close: () => pool.close(),
  };
}
