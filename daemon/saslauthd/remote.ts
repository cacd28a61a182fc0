/** Conversations with the servers that know the passwords. */
import { decodeText, writeAll } from "../../core/bytes/mod.ts";
import { servicePorts } from "../../core/system/mod.ts";

/** Seconds that a remote server gets. */
export const TIMEOUT = 30;

/** Bytes that a remote server may say. */
const MOST_BYTES = 65536;

/** Connects, lets `talk` speak, and closes. Rejects when the time is over. @param port a number or a service's name */
export async function withConnection<T>(
  host: string,
  port: string,
  seconds: number,
  talk: (conn: Deno.Conn, write: (bytes: Uint8Array) => Promise<void>) => Promise<T>,
): Promise<T> {
  const conn = await Deno.connect({
    hostname: host,
    port: portNumber(port),
    signal: AbortSignal.timeout(seconds * 1000),
  });
  let late = false;
  const close = () => {
    try {
      conn.close();
    } catch {
      // It was closed when the time was up.
    }
  };
  const timer = setTimeout(() => {
    late = true;
    close();
  }, seconds * 1000);
  const write = (bytes: Uint8Array) => writeAll(conn, bytes);
  try {
    return await talk(conn, write);
  } catch (error) {
    if (late) throw new Error(`${host}/${port} did not answer within ${seconds} seconds`);
    throw error;
  } finally {
    clearTimeout(timer);
    close();
  }
}

const SERVICES: ReadonlyMap<string, number> = new Map([
  ["imap", 143],
  ["imap2", 143],
  ["http", 80],
  ["www", 80],
]);

/** The number of a port that is given as one or by the name of a service. Throws for other words. */
export function portNumber(port: string): number {
  const number = /^\d{1,5}$/.test(port)
    ? Number(port)
    : SERVICES.get(port.toLowerCase()) ?? servicePorts("tcp").get(port);
  if (number === undefined || number < 1 || number > 65535) throw new Error(`unknown port "${port}"`);
  return number;
}

/** Reads line by line, without the line ends. Rejects when the server ends the conversation. */
export function lineReader(conn: Deno.Conn): () => Promise<string> {
  let unread = "";
  let total = 0;
  const buffer = new Uint8Array(4096);
  return async () => {
    for (;;) {
      const end = unread.indexOf("\n");
      if (end >= 0) {
        const line = unread.slice(0, end).replace(/\r$/, "");
        unread = unread.slice(end + 1);
        return line;
      }
      const count = await conn.read(buffer);
      total += count ?? 0;
      if (count === null || total > MOST_BYTES) throw new Error("the remote server ended the conversation");
      unread += decodeText(buffer.subarray(0, count));
    }
  };
}
