import { decodeText } from "../../bytes/mod.ts";
import type { OpenContext } from "../context.ts";
import { expandQuery } from "../query_template.ts";
import { readSettings, type TableSettings } from "../table_settings.ts";
import { type Table, TableError } from "../types.ts";
import { type Endpoint, endpointLabel, parseEndpoint } from "./endpoint.ts";
import { refuseSensitive } from "./refuse_sensitive.ts";
import { RedisConnection, type RedisLogin, type Reply } from "./redis_connection.ts";
import { type Server, ServerPool } from "./server_pool.ts";
import { Answers, checkedTemplate } from "../answers.ts";
import { readTlsFiles } from "./tls_files.ts";

const DEFAULT_PORT = 6379;
/** Most simultaneous connections to one server. */
const CONNECTIONS = 8;

interface RedisServer extends Server {
  readonly endpoint: Endpoint;
}

/** `redis:file`: a command for a Redis or Valkey server, with the parameters of our own manual page. */
export function openRedis(context: OpenContext): Table {
  const { type, name } = context;
  const settings = readSettings(context);
  if (settings.string("password", "") === "") refuseSensitive(context);
  const words = readQuery(settings);
  const answers = new Answers(
    context,
    settings,
    settings.filled("result_format", "%s"),
    settings.int("expansion_limit", 0),
  );
  const timeoutMs = settings.int("timeout", 10, 1) * 1000;
  const hosts = settings.filled("hosts", "127.0.0.1").split(/[\s,]+/).filter((host) => host !== "");
  const login = readLogin(settings);
  const pool = new ServerPool<RedisServer, RedisConnection>({
    title: `${type}:${name}`,
    servers: hosts.map((host) => serverOf(host, settings.source)),
    shuffle: true,
    retrySeconds: settings.int("retry_interval", hosts.length > 1 ? 60 : 0, 0),
    idleSeconds: settings.int("idle_interval", 60, 1),
    connections: CONNECTIONS,
    log: context.log,
    connect: (server, onLost) => RedisConnection.open(server.endpoint, login, timeoutMs, onLost),
    close: (connection) => connection.close(),
  });
  return {
    type,
    name,
    matchesPatterns: false,
    async lookup(key) {
      if (!await answers.worthAsking(key)) return undefined;
      // Each word is an argument of its own, so nothing in a key can add another.
      const command = words.map((word) => expandQuery(word, key, (text) => text));
      if (command.includes(undefined)) return undefined;
      const values = await pool.use(async (connection) =>
        valuesOf(await connection.command(command as string[]))
      );
      return answers.join(values, key);
    },
    close: () => pool.close(),
  };
}

/** The words of the command. Throws `TableError`, also where a key would be the command. */
function readQuery(settings: TableSettings): string[] {
  const query = checkedTemplate(settings, "query", settings.filled("query", "GET %s"));
  const words = query.split(/\s+/).filter((word) => word !== "");
  if (!words[0]!.includes("%")) return words;
  throw new TableError(
    "configuration",
    `${settings.source}: query: need the name of a command before anything of the key, not ${query}`,
    true,
  );
}

function readLogin(settings: TableSettings): RedisLogin {
  const files = readTlsFiles({
    caFile: settings.optional("tls_CAfile"),
    caDirectory: settings.optional("tls_CApath"),
    cert: settings.optional("tls_cert_file"),
    key: settings.optional("tls_key_file"),
  });
  return {
    username: settings.string("user", ""),
    password: settings.string("password", ""),
    database: settings.int("dbname", 0, 0),
    tls: settings.bool("tls", false)
      ? { ...files, rejectUnauthorized: settings.bool("tls_verify_cert", true) }
      : undefined,
  };
}

function serverOf(host: string, source: string): RedisServer {
  const endpoint = parseEndpoint(host, DEFAULT_PORT);
  if (endpoint === undefined) {
    throw new TableError(
      "configuration",
      `${source}: hosts: need host, host:port or unix:/path, not ${host}`,
      true,
    );
  }
  return { endpoint, label: endpointLabel(endpoint), rank: endpoint.kind === "unix" ? 0 : 1 };
}

/** The texts in a reply. A number 0 is the "no" of commands such as SISMEMBER and EXISTS. Throws an error that stands in it. */
function valuesOf(reply: Reply): string[] {
  if (reply === null || reply === false || reply === 0 || reply === 0n) return [];
  if (reply instanceof Uint8Array) return [decodeText(reply)];
  if (reply instanceof Error) throw reply;
  if (Array.isArray(reply)) return reply.flatMap(valuesOf);
  return [String(reply)];
}
