import { decodeText, encodeText } from "../../bytes/mod.ts";
import type { OpenContext } from "../context.ts";
import { type Table, TableError } from "../types.ts";
import { parseEndpoint } from "./endpoint.ts";
import { queryError } from "../query_error.ts";
import { refuseSensitive } from "./refuse_sensitive.ts";
import { wirePool } from "./wire_pool.ts";
import type { Wire } from "./wire.ts";

/** Milliseconds for connecting and for each operation (tcp_table(5)). */
const TIMEOUT_MS = 100_000;
/** Most octets of a reply line, the newline included. */
const LONGEST_REPLY = 4096;
/** Seconds after which an unused connection is closed. */
const IDLE_SECONDS = 60;
/** Milliseconds to wait before each further attempt, so that a server that starts again is met. */
const PAUSES_MS = [50, 100, 200, 400, 800];

const NEWLINE = 0x0a;

/** `tcp:host:port`: the lookup protocol of tcp_table(5). */
export function openTcp(context: OpenContext): Table {
  const { type, name } = context;
  refuseSensitive(context);
  const endpoint = name.startsWith("unix:") ? undefined : parseEndpoint(name);
  if (endpoint === undefined) {
    throw new TableError("configuration", `${type}:${name}: need ${type}:host:port`, true);
  }
  const pool = wirePool(context, endpoint, TIMEOUT_MS, IDLE_SECONDS, {
    connect: () => `connect to TCP map ${name}`,
    query: () => `read TCP map reply from ${name}`,
  });
  return {
    type,
    name,
    matchesPatterns: true,
    async lookup(key) {
      for (const pause of PAUSES_MS) {
        const answer = await pool.tryUse((wire) => ask(wire, key, context));
        if (answer !== undefined) return answer.result;
        await new Promise((resolve) => setTimeout(resolve, pause));
      }
      return await pool.use((wire) => ask(wire, key, context));
    },
    close: () => pool.close(),
  };
}

async function ask(
  wire: Wire,
  key: string,
  context: OpenContext,
): Promise<string | undefined> {
  await wire.write(encodeText(`get ${quote(key)}\n`));
  let line: string;
  try {
    line = decodeText(await wire.readUntil(NEWLINE, LONGEST_REPLY - 1));
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw bad(wire, `read TCP map reply from ${context.name}: text longer than ${LONGEST_REPLY}`, context);
  }
  const match = /^([245])\d\d[ \t](.*)$/s.exec(line);
  const text = match === null ? undefined : unquote(match[2]!);
  if (match === null || text === undefined) {
    throw bad(
      wire,
      `read TCP map reply from ${context.name}: malformed reply: ${line.slice(0, 100)}`,
      context,
    );
  }
  if (match[1] === "5") return undefined;
  if (match[1] === "2") return text;
  throw queryError(context, `TCP map ${context.name}: ${text}`);
}

/** A reply that makes no sense: nothing that comes after it on this connection can be trusted. */
function bad(wire: Wire, problem: string, context: OpenContext): TableError {
  wire.close();
  return queryError(context, problem);
}

/** `%XX` for `%`, white space, and what does not print. */
function quote(key: string): string {
  let quoted = "";
  for (const byte of encodeText(key)) {
    quoted += byte > 0x20 && byte < 0x7f && byte !== 0x25
      ? String.fromCharCode(byte)
      : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
  }
  return quoted;
}

/** Undoes `quote`; undefined for a `%` without two hexadecimal digits. */
function unquote(text: string): string | undefined {
  if (!text.includes("%")) return text;
  if (/%(?![0-9A-Fa-f]{2})/.test(text)) return undefined;
  const bytes: number[] = [];
  const encoded = encodeText(text);
  for (let at = 0; at < encoded.length; at++) {
    if (encoded[at] !== 0x25) bytes.push(encoded[at]!);
    else {
      bytes.push(parseInt(String.fromCharCode(encoded[at + 1]!, encoded[at + 2]!), 16));
      at += 2;
    }
  }
  return decodeText(Uint8Array.from(bytes));
}
