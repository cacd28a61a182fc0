import { decodeText, encodeText } from "../../bytes/mod.ts";
import type { OpenContext } from "../context.ts";
import { type Table, TableError } from "../types.ts";
import { parseEndpoint } from "./endpoint.ts";
import { queryError } from "../query_error.ts";
import { refuseSensitive } from "./refuse_sensitive.ts";
import { wirePool } from "./wire_pool.ts";
import type { Wire } from "./wire.ts";

/** Milliseconds for connecting and for each operation. */
const TIMEOUT_MS = 100_000;
/** Most octets of a reply (socketmap_table(5)). */
const LONGEST_REPLY = 100_000;
/** Seconds after which an unused connection is closed. */
const IDLE_SECONDS = 10;

const COLON = 0x3a;
const COMMA = 0x2c;

/** `socketmap:inet:host:port:name` and `socketmap:unix:path:name`: the lookup protocol of socketmap_table(5). */
export function openSocketmap(context: OpenContext): Table {
  const { type, name } = context;
  refuseSensitive(context);
  const split = /^((?:inet|unix):.+):([^:]+)$/s.exec(name);
  const endpoint = split === null ? undefined : parseEndpoint(split[1]!);
  if (split === null || endpoint === undefined) {
    throw new TableError(
      "configuration",
      `${type}:${name}: need ${type}:inet:host:port:socketmap-name or ${type}:unix:pathname:socketmap-name`,
      true,
    );
  }
  const map = split[2]!;
  const pool = wirePool(context, endpoint, TIMEOUT_MS, IDLE_SECONDS);
  return {
    type,
    name,
    matchesPatterns: true,
    lookup: (key) => pool.use((wire) => ask(wire, map, key, context)),
    close: () => pool.close(),
  };
}

async function ask(wire: Wire, map: string, key: string, context: OpenContext): Promise<string | undefined> {
  const request = encodeText(`${map} ${key}`);
  const framed = new Uint8Array(request.length + 12);
  const length = encodeText(`${request.length}:`);
  framed.set(length);
  framed.set(request, length.length);
  framed[length.length + request.length] = COMMA;
  await wire.write(framed.subarray(0, length.length + request.length + 1));
  const reply = decodeText(await readNetstring(wire, context));
  const space = reply.indexOf(" ");
  const status = space < 0 ? reply : reply.slice(0, space);
  const text = space < 0 ? "" : reply.slice(space + 1);
  switch (status) {
    case "OK":
      return text;
    case "NOTFOUND":
      return undefined;
    case "PERM":
      throw refused("configuration", context, "permanent", text);
    case "TEMP":
      throw refused("temporary", context, "temporary", text);
    case "TIMEOUT":
      throw refused("temporary", context, "timeout", text);
    default:
      wire.close();
      throw broken(context, `unexpected reply: ${status.slice(0, 100)}`);
  }
}

/** One netstring. Throws `TableError` where the server doesn't speak the protocol; the connection is closed then. */
async function readNetstring(wire: Wire, context: OpenContext): Promise<Uint8Array> {
  const unreadable = (problem: string) => {
    wire.close();
    return broken(context, problem);
  };
  let digits: string;
  try {
    digits = decodeText(await wire.readUntil(COLON, 9));
  } catch (error) {
    throw error instanceof RangeError ? unreadable("input format error") : error;
  }
  if (!/^\d+$/.test(digits)) throw unreadable("input format error");
  const length = Number(digits);
  if (length > LONGEST_REPLY) throw unreadable("input exceeds size limit");
  const bytes = await wire.readExactly(length + 1);
  if (bytes[length] !== COMMA) throw unreadable("input format error");
  return bytes.subarray(0, length);
}

/** The server says that it can't answer. */
function refused(
  kind: "temporary" | "configuration",
  context: OpenContext,
  status: string,
  reason: string,
): TableError {
  const text = `${context.type}:${context.name} socketmap server ${status} error`;
  return queryError(context, reason === "" ? text : `${text}: ${reason}`, kind);
}

/** What the server says makes no sense. */
function broken(context: OpenContext, problem: string): TableError {
  return queryError(context, `table ${context.type}:${context.name} lookup error: ${problem}`);
}
