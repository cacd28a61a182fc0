// @ts-types="@types/pg"
import pg from "pg";
import { messageOf } from "../../errors/mod.ts";
import type { OpenContext } from "../context.ts";
import type { TableSettings } from "../table_settings.ts";
import { type Table, TableError } from "../types.ts";
import { parseEndpoint } from "./endpoint.ts";
import { legacySelect } from "../legacy_query.ts";
import { ServerLost, within } from "./server_lost.ts";
import type { Server } from "./server_pool.ts";
import { processUser, readSqlSettings, type SqlClient, sqlTable } from "./sql_table.ts";

const DEFAULT_PORT = 5432;
const URI = /^postgres(?:ql)?:\/\//;
const DEFAULT_SOCKETS = "/var/run/postgresql";

interface PgServer extends Server {
  readonly where: pg.ClientConfig;
  /** Is TLS tried first, as libpq does where nothing else is asked for? Cleared when the server has none. */
  preferTls: boolean;
}

interface PgSession {
  readonly client: pg.Client;
  /** Does a backslash stand for itself between quotes here? */
  readonly plainBackslash: boolean;
}

/** Columns as the server sends them. */
const RAW_TEXT = { getTypeParser: () => (text: unknown) => text };

/** `pgsql:file`: a query on a PostgreSQL server (pgsql_table(5)). */
export function openPgsql(context: OpenContext): Table {
  const settings = readSqlSettings(context, legacyQuery);
  // A URI may name the database, or leave it to the server.
  if (!settings.hosts.every((host) => URI.test(host))) settings.all.required("dbname");
  const encoding = settings.all.string("encoding", "UTF8");
  if (!/^(?:utf-?8|unicode|sql_ascii)$/i.test(encoding)) {
    context.log.warning(
      `${context.type}:${context.name}: encoding = ${encoding} is not supported: text is sent and read as UTF8`,
    );
  }
  const shared: pg.ClientConfig = {
    ...(settings.user === "" ? {} : { user: settings.user }),
    ...(settings.password === "" ? {} : { password: settings.password }),
    ...(settings.dbname === "" ? {} : { database: settings.dbname }),
    connectionTimeoutMillis: settings.timeoutMs,
    types: RAW_TEXT as unknown as NonNullable<pg.ClientConfig["types"]>,
  };
  const client: SqlClient<PgServer, PgSession> = {
    servers: settings.hosts.map((host) => serverOf(host, settings.all)),
    words: {
      connect: (label) => `connect to pgsql server ${label}`,
      query: (label) => `pgsql query failed: fatal error from host ${label}`,
    },
    connect: (server, onLost) => connectAsPreferred(server, shared, settings.timeoutMs, onLost),
    close: (session) => hangUp(session.client),
    quote: (session, text) => {
      const quoted = text.replaceAll("\0", "").replaceAll("'", "''");
      return session.plainBackslash ? quoted : quoted.replaceAll("\\", "\\\\");
    },
    ask: (session, query) => ask(session.client, query, settings.timeoutMs),
  };
  return sqlTable(context, settings, client);
}

/** A function's name, or the parts of a SELECT, of the parameters before the year 2004. */
function legacyQuery(settings: TableSettings): string {
  const name = settings.optional("select_function");
  return name === undefined ? legacySelect(settings) : `SELECT ${name}('%s')`;
}

function serverOf(text: string, settings: TableSettings): PgServer {
  if (URI.test(text)) {
    const host = /^[^/]*\/\/(?:[^@/]*@)?([^/?]*)/.exec(text)?.[1];
    const preferTls = host !== undefined && host !== "" && !/[?&](?:sslmode|host)=/.test(text);
    return {
      label: host === undefined || host === "" ? "postgresql" : host,
      rank: 1,
      where: uri(text, settings),
      preferTls,
    };
  }
  const directory = /^(?:unix:|inet:)?(\/.*)$/.exec(text)?.[1];
  if (directory !== undefined) {
    return { label: text, rank: 0, where: unixSocket(directory), preferTls: false };
  }
  const endpoint = parseEndpoint(text, DEFAULT_PORT);
  if (endpoint === undefined || endpoint.kind === "unix") {
    throw new TableError(
      "configuration",
      `${settings.source}: hosts: need postgresql://..., host, host:port or unix:/directory`,
      true,
    );
  }
  return {
    label: text,
    rank: 1,
    where: { host: endpoint.host, port: endpoint.port },
    preferTls: true,
  };
}

function uri(text: string, settings: TableSettings): pg.ClientConfig {
  if (!URL.canParse(text)) {
    throw new TableError("configuration", `${settings.source}: hosts: bad postgresql:// URI`, true);
  }
  // The package's own idea of sslmode differs from libpq's.
  const compatible = /[?&]sslmode=/.test(text) && !text.includes("uselibpqcompat=");
  return { connectionString: compatible ? `${text}&uselibpqcompat=true` : text };
}

/** A directory of sockets; a port may be part of a socket's own name. */
function unixSocket(path: string): pg.ClientConfig {
  const socket = /^(.*)\/\.s\.PGSQL\.(\d+)$/.exec(path);
  if (socket !== null) return { host: socket[1]!, port: Number(socket[2]) };
  const port = /^(.*):(\d+)$/.exec(path);
  if (port !== null) return { host: port[1]!, port: Number(port[2]) };
  return { host: path || DEFAULT_SOCKETS, port: DEFAULT_PORT };
}

/** The same with the process's user where nothing else is said; beside a URI, the other parameters say nothing. */
function withUser(config: pg.ClientConfig): pg.ClientConfig {
  const text = config.connectionString;
  if (text === undefined) return config.user === undefined ? { ...config, user: processUser() } : config;
  if (/^[^/]*\/\/[^/?]*@/.test(text) || /[?&]user=/.test(text)) return config;
  const user = `user=${encodeURIComponent(processUser())}`;
  return { ...config, connectionString: `${text}${text.includes("?") ? "&" : "?"}${user}` };
}

async function connectAsPreferred(
  server: PgServer,
  shared: pg.ClientConfig,
  timeoutMs: number,
  onLost: () => void,
): Promise<PgSession> {
  const config = withUser({ ...shared, ...server.where });
  if (server.preferTls) {
    try {
      return await connect({ ...config, ssl: { rejectUnauthorized: false } }, timeoutMs, onLost);
    } catch (error) {
      if (!(error instanceof Error) || !/does not support SSL/.test(error.message)) throw error;
      server.preferTls = false;
    }
  }
  return await connect(config, timeoutMs, onLost);
}

async function connect(config: pg.ClientConfig, timeoutMs: number, onLost: () => void): Promise<PgSession> {
  const client = new pg.Client(config);
  client.on("error", onLost);
  client.on("end", onLost);
  try {
    await within(timeoutMs, client.connect());
    await ask(client, "SET client_encoding TO 'UTF8'", timeoutMs);
    const [answer] = await ask(client, "SHOW standard_conforming_strings", timeoutMs);
    return { client, plainBackslash: answer === "on" };
  } catch (error) {
    hangUp(client);
    throw error;
  }
}

/** Ends a connection without waiting, whatever state it is in. */
function hangUp(client: pg.Client): void {
  const { stream } = (client as unknown as { connection: { stream: { destroy(): void } } }).connection;
  stream.destroy();
}

async function ask(client: pg.Client, query: string, timeoutMs: number): Promise<string[]> {
  const answer = await within(
    timeoutMs,
    client.query({ text: query, rowMode: "array" }).catch((error) => {
      // Errors that a server sends have a severity. FATAL ones end the connection.
      throw error instanceof pg.DatabaseError && error.severity !== "FATAL"
        ? error
        : new ServerLost(messageOf(error));
    }),
  );
  // Of several statements the last one counts, as for the library of the database.
  const results = [answer].flat() as pg.QueryArrayResult[];
  return (results.at(-1)?.rows ?? []).flat().filter((value: unknown) => typeof value === "string");
}
