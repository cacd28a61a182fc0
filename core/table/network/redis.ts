import { createClient, RESP_TYPES } from "@redis/client";
import { Buffer } from "node:buffer";
import { decodeText } from "../../bytes/mod.ts";
import type { OpenContext } from "../context.ts";
import { expandQuery } from "../query_template.ts";
import { readSettings, type TableSettings } from "../table_settings.ts";
import { type Table, TableError } from "../types.ts";
import { type Endpoint, endpointLabel, parseEndpoint } from "./endpoint.ts";
import { refuseSensitive } from "./refuse_sensitive.ts";
import { ServerLost, within } from "./server_lost.ts";
import { type Server, ServerPool } from "./server_pool.ts";
import { Answers, checkedTemplate } from "../answers.ts";
import { readTlsFiles } from "./tls_files.ts";

const DEFAULT_PORT = 6379;
/** Most simultaneous connections to one server. */
const CONNECTIONS = 8;

interface RedisServer extends Server {
  readonly endpoint: Endpoint;
}

type RedisClient = ReturnType<typeof makeClient>;
/** What a command can give: text, a number, nothing, or several of them. */
type Reply = Uint8Array | string | number | bigint | boolean | null | undefined | readonly Reply[] | object;

/** `redis:file`: a command for a Redis or Valkey server, with the parameters of our own manual page. */
export function openRedis(context: OpenContext): Table {
  const { type, name } = context;
  const settings = readSettings(context);
  if (settings.string("password", "") === "") refuseSensitive(context);
  const words = checkedTemplate(settings, "query", settings.string("query", "GET %s")).trim().split(/\s+/);
  const answers = new Answers(
    context,
    settings,
    settings.filled("result_format", "%s"),
    settings.int("expansion_limit", 0),
  );
  const timeoutMs = settings.int("timeout", 10, 1) * 1000;
  const hosts = settings.string("hosts", "127.0.0.1").split(/[\s,]+/).filter((host) => host !== "");
  const connectionSettings = readConnectionSettings(settings);
  const pool = new ServerPool<RedisServer, RedisClient>({
    title: `${type}:${name}`,
    servers: hosts.map((host) => serverOf(host, settings.source)),
    shuffle: true,
    retrySeconds: settings.int("retry_interval", hosts.length > 1 ? 60 : 0, 0),
    idleSeconds: settings.int("idle_interval", 60, 1),
    connections: CONNECTIONS,
    log: context.log,
    connect: (server, onLost) => connect(server.endpoint, connectionSettings, timeoutMs, onLost),
    close: (client) => client.destroy(),
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
      const values = await pool.use((client) => ask(client, command as string[], timeoutMs));
      return answers.join(values, key);
    },
    close: () => pool.close(),
  };
}

interface ConnectionSettings {
  readonly username: string;
  readonly password: string;
  readonly database: number;
  /** Options of `tls.connect`, or undefined for plain connections. */
  readonly tls: Record<string, unknown> | undefined;
}

function readConnectionSettings(settings: TableSettings): ConnectionSettings {
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

function makeClient(endpoint: Endpoint, settings: ConnectionSettings, timeoutMs: number) {
  const { username, password, database } = settings;
  const common = { connectTimeout: timeoutMs, reconnectStrategy: false } as const;
  const socket = endpoint.kind === "unix"
    ? { path: endpoint.path, ...common }
    : settings.tls === undefined
    ? { host: endpoint.host, port: endpoint.port, ...common }
    : { host: endpoint.host, port: endpoint.port, tls: true as const, ...settings.tls, ...common };
  return createClient({
    socket,
    RESP: 2,
    database,
    disableOfflineQueue: true,
    disableClientInfo: true,
    maintNotifications: "disabled",
    ...(username === "" ? {} : { username }),
    ...(password === "" ? {} : { password }),
    commandOptions: { typeMapping: { [RESP_TYPES.BLOB_STRING]: Buffer } },
  });
}

async function connect(
  endpoint: Endpoint,
  settings: ConnectionSettings,
  timeoutMs: number,
  onLost: () => void,
): Promise<RedisClient> {
  const client = makeClient(endpoint, settings, timeoutMs);
  client.on("error", onLost);
  client.on("end", onLost);
  try {
    await within(timeoutMs, client.connect());
    return client;
  } catch (error) {
    client.destroy();
    throw error;
  }
}

async function ask(client: RedisClient, command: readonly string[], timeoutMs: number): Promise<string[]> {
  const reply = await within(
    timeoutMs,
    client.sendCommand<Reply>(command).catch((error) => {
      // Errors that the server sends have a class of their own, or one derived from it.
      throw /^[A-Z]+ /.test(String(error?.message)) ? error : new ServerLost(String(error?.message ?? error));
    }),
  );
  return valuesOf(reply);
}

/** The texts in a reply. A number 0 is the "no" of commands such as SISMEMBER and EXISTS. */
function valuesOf(reply: Reply): string[] {
  if (reply === null || reply === undefined || reply === false || reply === 0 || reply === 0n) return [];
  if (reply instanceof Uint8Array) return [decodeText(reply)];
  if (Array.isArray(reply)) return reply.flatMap(valuesOf);
  return [String(reply)];
}
