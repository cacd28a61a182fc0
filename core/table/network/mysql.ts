import { isIP } from "node:net";
import type { Connection, ConnectionOptions, TypeCastField } from "mysql2/promise";
import mysql from "mysql2/promise";
import { decodeText } from "../../bytes/mod.ts";
import { messageOf } from "../../errors/mod.ts";
import type { OpenContext, Opener } from "../context.ts";
import { type Table, TableError } from "../types.ts";
import { type Endpoint, parseEndpoint } from "./endpoint.ts";
import { type MysqlOptions, portOf, readMysqlOptions } from "./mysql_options.ts";
import { rehearseLogin } from "./mysql_rehearsal.ts";
import { legacySelect } from "../legacy_query.ts";
import { ServerLost, within } from "./server_lost.ts";
import type { Server } from "./server_pool.ts";
import { processUser, readSqlSettings, type SqlClient, type SqlSettings, sqlTable } from "./sql_table.ts";
import { readTlsFiles } from "./tls_files.ts";

const DEFAULT_PORT = 3306;
const DEFAULT_SOCKET = "/var/run/mysqld/mysqld.sock";

interface MysqlServer extends Server {
  readonly endpoint: Endpoint;
}

interface MysqlSession {
  readonly connection: Connection;
  /** Does a backslash stand for itself between quotes here? */
  readonly plainBackslash: boolean;
}

/** Loads all of the client package and gives the opener. */
export async function loadMysql(): Promise<Opener> {
  await rehearseLogin();
  return openMysql;
}

/** `mysql:file`: a query on a MySQL or MariaDB server (mysql_table(5)). */
function openMysql(context: OpenContext): Table {
  const settings = readSqlSettings(context, legacySelect);
  const { all } = settings;
  all.required("dbname");
  if (all.string("tls_ciphers", "") !== "") {
    context.log.warning(
      `${context.type}:${context.name}: tls_ciphers asks for TLS only: the ciphers are the runtime's`,
    );
  }
  const group = all.string("option_group", "client");
  const file = all.optional("option_file");
  const options: MysqlOptions = file === undefined && group === "" ? new Map() : readMysqlOptions(
    file,
    group,
    (text) => context.log.warning(`${context.type}:${context.name}: ${text}`),
  );
  const requireResult = all.bool("require_result_set", true);
  const connectOptions = sessionOptions(settings, options);
  const servers = settings.hosts.map((host) => serverOf(host, options, all.source));
  refuseUnnamed(servers, connectOptions, all.source);
  const client: SqlClient<MysqlServer, MysqlSession> = {
    servers,
    words: {
      connect: (label) => `connect to mysql server ${label}`,
      query: () => `${context.type}:${context.name}: query failed`,
    },
    connect: (server, onLost) => connect(server.endpoint, connectOptions, settings.timeoutMs, onLost),
    close: (session) => session.connection.destroy(),
    quote: (session, text) => session.plainBackslash ? text.replaceAll("'", "''") : escapeText(text),
    ask: (session, query) => ask(session.connection, query, requireResult, settings.timeoutMs),
  };
  return sqlTable(context, settings, client);
}

/** `localhost` means the UNIX socket whatever the port, as for every MySQL client. */
function serverOf(host: string, options: MysqlOptions, source: string): MysqlServer {
  const port = portOf(options) ?? DEFAULT_PORT;
  const endpoint: Endpoint | undefined = /^(?:inet:)?localhost(?::[^:]*)?$/.test(host)
    ? { kind: "unix", path: options.get("socket") ?? DEFAULT_SOCKET }
    : parseEndpoint(host, port);
  if (endpoint === undefined) {
    throw new TableError(
      "configuration",
      `${source}: hosts: need host, host:port or unix:/path, not ${host}`,
      true,
    );
  }
  return { endpoint, label: host, rank: endpoint.kind === "unix" ? 0 : 1 };
}

/** The client package compares certificates with host names only, so a check against an address would prove nothing. */
function refuseUnnamed(servers: readonly MysqlServer[], options: ConnectionOptions, source: string): void {
  if (typeof options.ssl !== "object" || options.ssl.rejectUnauthorized !== true) return;
  const unnamed = servers.find(({ endpoint }) => endpoint.kind === "inet" && isIP(endpoint.host) !== 0);
  if (unnamed === undefined) return;
  throw new TableError(
    "configuration",
    `${source}: hosts: tls_verify_cert needs a host name instead of ${unnamed.label}`,
    true,
  );
}

function sessionOptions(settings: SqlSettings, options: MysqlOptions): ConnectionOptions {
  const { all } = settings;
  const tls = readTlsFiles({
    caFile: all.optional("tls_CAfile") ?? options.get("ssl-ca"),
    caDirectory: all.optional("tls_CApath") ?? options.get("ssl-capath"),
    cert: all.optional("tls_cert_file") ?? options.get("ssl-cert"),
    key: all.optional("tls_key_file") ?? options.get("ssl-key"),
  });
  const verify = all.optional("tls_verify_cert") === undefined
    ? options.has("ssl-verify-server-cert")
    : all.bool("tls_verify_cert", false);
  const wanted = verify || all.bool("require_tls", false) || all.string("tls_ciphers", "") !== "" ||
    Object.keys(tls).length > 0;
  return {
    user: settings.user || options.get("user") || "",
    password: settings.password || options.get("password") || "",
    database: settings.dbname,
    charset: all.string("charset", "utf8mb4"),
    connectTimeout: settings.timeoutMs,
    // The row parser needs no generated code, and no secret can be asked for by the server's choice.
    disableEval: true,
    rowsAsArray: true,
    typeCast: (field: TypeCastField) => {
      const bytes = (field as unknown as { buffer(): Uint8Array | null }).buffer();
      return bytes === null ? null : decodeText(bytes);
    },
    ...(wanted
      ? {
        ssl: { ...tls, rejectUnauthorized: verify, verifyIdentity: verify } as NonNullable<
          ConnectionOptions["ssl"]
        >,
      }
      : {}),
  };
}

async function connect(
  endpoint: Endpoint,
  options: ConnectionOptions,
  timeoutMs: number,
  onLost: () => void,
): Promise<MysqlSession> {
  const where = endpoint.kind === "unix"
    ? { socketPath: endpoint.path }
    : { host: endpoint.host, port: endpoint.port };
  const connection = await within(
    timeoutMs,
    mysql.createConnection({ ...options, ...where, user: options.user || processUser() }),
    (late) => late.destroy(),
  );
  connection.on("error", onLost);
  connection.on("end", onLost);
  const mode = await ask(connection, "SELECT @@sql_mode", true, timeoutMs);
  return { connection, plainBackslash: mode.join().includes("NO_BACKSLASH_ESCAPES") };
}

async function ask(
  connection: Connection,
  query: string,
  requireResult: boolean,
  timeoutMs: number,
): Promise<string[]> {
  const [rows, fields] = await within(
    timeoutMs,
    connection.query(query).catch((error) => {
      // Errors that a server sends have a number; without one the connection broke.
      throw typeof error?.errno === "number" && error.errno > 0 && !error.fatal
        ? error
        : new ServerLost(messageOf(error));
    }),
  );
  const sets = resultSets(rows, fields);
  if (sets.length === 0) {
    if (requireResult) throw new Error("query returned no result set (require_result_set = yes)");
    return [];
  }
  if (sets.length > 1) throw new Error("multiple result sets returning data are not supported");
  return sets[0]!.flat().filter((value) => typeof value === "string");
}

/** The row sets among what a query gave; a stored procedure adds a status, and may give several. */
function resultSets(rows: unknown, fields: unknown): unknown[][][] {
  if (!Array.isArray(rows)) return [];
  // One result set: fields describe columns. Several: they are lists of such descriptions.
  const several = Array.isArray(fields) &&
    fields.some((field) => field === undefined || Array.isArray(field));
  if (!several) return [rows as unknown[][]];
  return rows.filter((set, index) => Array.isArray(set) && Array.isArray((fields as unknown[])[index]));
}

const ESCAPES: Readonly<Record<string, string>> = {
  "\0": "\\0",
  "\n": "\\n",
  "\r": "\\r",
  "\\": "\\\\",
  "'": "\\'",
  '"': '\\"',
  "\x1a": "\\Z",
};

function escapeText(text: string): string {
  // deno-lint-ignore no-control-regex
  return text.replace(/[\0\n\r\\'"\x1a]/g, (character) => ESCAPES[character]!);
}
