import { decodeText, encodeText } from "../../bytes/mod.ts";
import type { OpenContext } from "../context.ts";
import { keyFilter } from "../key_filter.ts";
import { expandQuery } from "../query_template.ts";
import { readSettings } from "../table_settings.ts";
import { type Table, TableError } from "../types.ts";
import { parseEndpoint } from "./endpoint.ts";
import { queryError } from "../query_error.ts";
import { refuseSensitive } from "./refuse_sensitive.ts";
import { checkedTemplate } from "../answers.ts";
import { wirePool } from "./wire_pool.ts";
import type { Wire } from "./wire.ts";

const NEWLINE = 0x0a;
/** Seconds after which an unused connection is closed. */
const IDLE_SECONDS = 60;

/** What a conversation with a memcache server needs to know. */
interface Limits {
  readonly title: string;
  readonly longestLine: number;
  readonly longestData: number;
}

/**
 * `memcache:file`: a memcache server, with another table behind it if `backup` names one (memcache_table(5)). The protocol
 * is the server's text protocol.
 */
export function openMemcache(context: OpenContext): Table {
  const { type, name } = context;
  refuseSensitive(context);
  const settings = readSettings(context);
  const server = settings.string("memcache", "inet:localhost:11211");
  const endpoint = /^(?:inet|unix):/.test(server) ? parseEndpoint(server) : undefined;
  if (endpoint === undefined) {
    throw new TableError(
      "configuration",
      `${settings.source}: memcache: need inet:host:port or unix:/path`,
      true,
    );
  }
  if (settings.string("key_digest", "") !== "") {
    throw new TableError(
      "configuration",
      `${settings.source}: key_digest is not supported; leave it out`,
      true,
    );
  }
  const keyFormat = checkedTemplate(settings, "query", settings.string("key_format", "%s"));
  const accepts = keyFilter(settings.string("domain", ""), context.tables, context);
  const limits: Limits = {
    title: settings.source,
    longestLine: settings.int("line_size_limit", 1024, 1),
    longestData: settings.int("data_size_limit", 10240, 1),
  };
  const storing = `${settings.int("flags", 0)} ${settings.int("ttl", 3600)}`;
  const tries = settings.int("max_try", 2, 1);
  const pauseMs = settings.int("retry_pause", 1, 1) * 1000;
  const pool = wirePool(context, endpoint, settings.int("timeout", 2, 1) * 1000, IDLE_SECONDS);
  const backupName = settings.string("backup", "");
  const backup = backupName === "" ? undefined : context.open(backupName);

  /**
   * Does a command, again if the server was reached and then lost; undefined when that doesn't help or the server's answer
   * makes no sense.
   */
  const command = async <T>(
    work: (wire: Wire) => Promise<T>,
  ): Promise<{ readonly result: T } | undefined> => {
    for (let attempt = 1;; attempt++) {
      let reached = false;
      try {
        const answer = await pool.tryUse((wire) => {
          reached = true;
          return work(wire);
        });
        if (answer !== undefined || !reached || attempt >= tries) return answer;
      } catch (error) {
        if (error instanceof TableError) return undefined;
        throw error;
      }
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
  };

  return {
    type,
    name,
    matchesPatterns: false,
    async lookup(key) {
      const wanted = key === "" ? undefined : expandQuery(keyFormat, key, (text) => text);
      if (wanted === undefined || !isValidKey(wanted) || !await accepts(key)) return undefined;
      const cached = await command((wire) => get(wire, wanted, limits, context));
      if (cached?.result !== undefined) return cached.result;
      if (backup === undefined) {
        if (cached === undefined) throw new TableError("temporary", `table ${type}:${name}: query error`);
        return undefined;
      }
      const value = await backup.lookup(key);
      // A cache that can't take the value costs a lookup in the table behind it, the next time too.
      if (value !== undefined && cached !== undefined) {
        await command((wire) => set(wire, wanted, value, storing, limits, context));
      }
      return value;
    },
    async remove(key, behind) {
      const wanted = key === "" ? undefined : expandQuery(keyFormat, key, (text) => text);
      if (wanted === undefined || !isValidKey(wanted) || !await accepts(key)) return false;
      // What the table behind it says counts; the cache only must not go on knowing the key.
      const kept = backup === undefined ? undefined : await behind(backup);
      const cached = await command((wire) => remove(wire, wanted, limits, context));
      if (kept !== undefined) return kept;
      if (cached === undefined) throw new TableError("temporary", `table ${type}:${name}: delete error`);
      return cached.result;
    },
    async *entries() {
      if (backup === undefined) {
        context.log.warning(`database ${type}:${name}: listing entries takes a backup database`);
      } else yield* backup.entries!();
    },
    close: () => pool.close(),
  };
}

/** A key ends at white space in the protocol, so it can't hold any. */
function isValidKey(key: string): boolean {
  // deno-lint-ignore no-control-regex
  return key !== "" && !/[\x00-\x20\x7f]/.test(key);
}

async function get(
  wire: Wire,
  key: string,
  limits: Limits,
  context: OpenContext,
): Promise<string | undefined> {
  await wire.write(encodeText(`get ${key}\r\n`));
  const header = await readLine(wire, limits, context);
  if (header === "END") return undefined;
  const match = /^VALUE \S+ \d+ (\d{1,9})(?: \d+)?$/.exec(header);
  if (match === null || Number(match[1]) > limits.longestData) {
    throw unexpected(wire, header, limits, context);
  }
  const length = Number(match[1]);
  const data = await wire.readExactly(length + 2);
  const end = await readLine(wire, limits, context);
  if (end !== "END" || data[length] !== 0x0d || data[length + 1] !== NEWLINE) {
    throw unexpected(wire, end, limits, context);
  }
  return decodeText(data.subarray(0, length));
}

async function set(
  wire: Wire,
  key: string,
  value: string,
  storing: string,
  limits: Limits,
  context: OpenContext,
): Promise<void> {
  const data = encodeText(value);
  const head = encodeText(`set ${key} ${storing} ${data.length}\r\n`);
  const request = new Uint8Array(head.length + data.length + 2);
  request.set(head);
  request.set(data, head.length);
  request.set([0x0d, NEWLINE], head.length + data.length);
  await wire.write(request);
  const reply = await readLine(wire, limits, context);
  if (reply !== "STORED") throw unexpected(wire, reply, limits, context);
}

/** False if the server did not have the key. */
async function remove(wire: Wire, key: string, limits: Limits, context: OpenContext): Promise<boolean> {
  await wire.write(encodeText(`delete ${key}\r\n`));
  const reply = await readLine(wire, limits, context);
  if (reply === "DELETED") return true;
  if (reply === "NOT_FOUND") return false;
  throw unexpected(wire, reply, limits, context);
}

async function readLine(wire: Wire, limits: Limits, context: OpenContext): Promise<string> {
  try {
    return decodeText(await wire.readUntil(NEWLINE, limits.longestLine)).replace(/\r$/, "");
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw unexpected(wire, `a line longer than ${limits.longestLine}`, limits, context);
  }
}

/** A reply that can't be used; what comes after it on this connection can't be told apart from it. */
function unexpected(wire: Wire, reply: string, limits: Limits, context: OpenContext): TableError {
  wire.close();
  return queryError(context, `${limits.title}: unexpected memcache server reply: ${reply.slice(0, 100)}`);
}
