import { encodeText } from "../../core/bytes/mod.ts";
import { lineReader, TIMEOUT, withConnection } from "./remote.ts";
import type { Mechanism } from "./types.ts";

const REJECTED = "NO [ALERT] Remote server rejected your credentials";

/** Logs in to an IMAP server (RFC 3501). @param server `host` or `host/port` */
export function rimapMechanism(server: string): Mechanism {
  const [host = "", port = "143"] = server.split("/");
  return ({ login, password }) =>
    withConnection(host, port, TIMEOUT, async (conn, write) => {
      const line = lineReader(conn);
      const greeting = await line();
      if (!/^\* OK/i.test(greeting)) {
        return "NO [ALERT] Unexpected response from remote authentication server";
      }
      const name = encodeText(login);
      // Literals carry any octet; the server asks for each (RFC 3501 section 4.3).
      for (const piece of [`{${name.length}}\r\n`, name, ` {${password.length}}\r\n`, password, "\r\n"]) {
        if (piece instanceof Uint8Array) {
          const reply = await line();
          if (!reply.startsWith("+")) return REJECTED;
          await write(piece);
        } else {
          await write(encodeText(piece.startsWith("{") ? `saslauthd LOGIN ${piece}` : piece));
        }
      }
      for (;;) {
        const reply = await line();
        if (/^saslauthd OK/i.test(reply)) return "OK remote authentication successful";
        if (/^saslauthd /i.test(reply)) return REJECTED;
      }
    });
}
