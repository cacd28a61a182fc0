/** Who knows passwords, for saslauthd. */
import { createHash, timingSafeEqual } from "node:crypto";
import { encodeText } from "../../core/bytes/mod.ts";
import { DEFAULT_SASLDB, openSasldb } from "../../core/sasl/mod.ts";

/** A login as a client asked about it. */
export interface Login {
  readonly login: string;
  readonly password: string;
  readonly service: string;
  readonly realm: string;
}

/** Resolves to `OK` or `NO`, with a reason behind a blank. */
export type Mechanism = (login: Login) => Promise<string>;

function same(a: string, b: string): boolean {
  const digest = (text: string) => createHash("sha256").update(encodeText(text)).digest();
  return timingSafeEqual(digest(a), digest(b));
}

/** Passwords of the SASL password file. */
export function sasldbMechanism(hostname: string, path = DEFAULT_SASLDB): Mechanism {
  const store = openSasldb(path);
  return async ({ login, password, realm }) => {
    const at = login.indexOf("@");
    const user = at < 0 ? login : login.slice(0, at);
    const stored = await store.password(user, at < 0 ? realm || hostname : login.slice(at + 1));
    return stored !== undefined && same(new TextDecoder("latin1").decode(stored), latin1(password))
      ? "OK"
      : "NO";
  };
}

function latin1(text: string): string {
  return new TextDecoder("latin1").decode(encodeText(text));
}

/** Seconds that a remote server gets. */
const TIMEOUT = 30;

/** Logs in to an IMAP server. @param server `host` or `host/port` */
export function rimapMechanism(server: string): Mechanism {
  const [host = "", port = "143"] = server.split("/");
  return async ({ login, password }) => {
    const conn = await Deno.connect({ hostname: host, port: Number(port) });
    const timer = setTimeout(() => conn.close(), TIMEOUT * 1000);
    try {
      const lines = lineReader(conn);
      const greeting = await lines();
      if (!/^\* OK/i.test(greeting)) {
        return "NO [ALERT] unexpected response from remote authentication server";
      }
      const bytes = (text: string) => `{${encodeText(text).length}}\r\n`;
      for (
        const piece of [
          `saslauthd LOGIN ${bytes(login)}`,
          `${login} ${bytes(password)}`,
          `${password}\r\n`,
        ]
      ) {
        if (!piece.startsWith("saslauthd LOGIN") && !(await lines()).startsWith("+")) {
          return "NO remote server rejected your credentials";
        }
        const data = encodeText(piece);
        for (let sent = 0; sent < data.length;) sent += await conn.write(data.subarray(sent));
      }
      for (;;) {
        const line = await lines();
        if (/^saslauthd OK/i.test(line)) return "OK remote authentication successful";
        if (/^saslauthd /i.test(line)) return "NO remote server rejected your credentials";
      }
    } finally {
      clearTimeout(timer);
      try {
        conn.close();
      } catch {
        // The time was up.
      }
    }
  };
}

const MOST_BYTES = 65536;

function lineReader(conn: Deno.Conn): () => Promise<string> {
  let unread = "";
  let total = 0;
  const buffer = new Uint8Array(4096);
  return async () => {
    for (;;) {
      const end = unread.indexOf("\n");
      if (end >= 0) {
        const line = unread.slice(0, end);
        unread = unread.slice(end + 1);
        return line;
      }
      const count = await conn.read(buffer);
      total += count ?? 0;
      if (count === null || total > MOST_BYTES) throw new Error("the IMAP server ended the conversation");
      unread += new TextDecoder("latin1").decode(buffer.subarray(0, count));
    }
  };
}
