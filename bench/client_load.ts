/**
 * A load of SMTP sessions that smtp-source can't make: with TLS, with AUTH. One process, many sessions at a time, a
 * connection for each.
 *
 *   deno run -A bench/client_load.ts PORT COUNT SESSIONS [tls=CAFILE] [auth=USER:PASSWORD] [size=BYTES]
 */

const [port = "25", count = "1", sessions = "1", ...words] = Deno.args;
const options = new Map(words.map((word) => {
  const equals = word.indexOf("=");
  return [word.slice(0, equals), word.slice(equals + 1)] as const;
}));
const authorities = options.get("tls");
const caCerts = authorities === undefined ? [] : [Deno.readTextFileSync(authorities)];
const login = options.get("auth")?.split(":");
const initial = login === undefined ? "" : btoa(`\0${login[0]}\0${login[1]}`);
const size = Number(options.get("size") ?? "0");
const encoder = new TextEncoder();
const content = encoder.encode(`Subject: load\r\n\r\n${("x".repeat(78) + "\r\n").repeat(size / 80)}.\r\n`);

const bytes = new Map<string, Uint8Array<ArrayBuffer>>();

/** Sends a command and waits for the end of the reply, which has to begin with `code`. */
async function say(
  conn: Deno.Conn,
  command: string,
  code: string,
  room: Uint8Array<ArrayBuffer>,
): Promise<void> {
  let line = bytes.get(command);
  if (line === undefined) {
    line = encoder.encode(command);
    bytes.set(command, line);
  }
  if (line.length > 0) await conn.write(line);
  await answer(conn, code, room);
}

async function answer(conn: Deno.Conn, code: string, room: Uint8Array<ArrayBuffer>): Promise<void> {
  let length = 0;
  for (;;) {
    const read = await conn.read(room.subarray(length));
    if (read === null) throw new Error("the server closed the connection");
    length += read;
    if (room[length - 1] !== 10) continue;
    let start = room.lastIndexOf(10, length - 2) + 1;
    if (start < 0) start = 0;
    if (room[start + 3] === 32) break;
  }
  for (let at = 0; at < 3; at++) {
    if (room[at] !== code.charCodeAt(at)) {
      throw new Error(`expected ${code}: ${new TextDecoder().decode(room.subarray(0, length))}`);
    }
  }
}

async function session(room: Uint8Array<ArrayBuffer>): Promise<void> {
  const plain = await Deno.connect({ hostname: "127.0.0.1", port: Number(port) });
  // The last flight of a handshake and the command after it are two writes: they must not wait for each other.
  plain.setNoDelay(true);
  let conn: Deno.Conn = plain;
  try {
    await say(conn, "", "220", room);
    await say(conn, "EHLO load.example\r\n", "250", room);
    if (authorities !== undefined) {
      await say(conn, "STARTTLS\r\n", "220", room);
      const secure = await Deno.startTls(plain, { hostname: "localhost", caCerts });
      conn = secure;
      await say(conn, "EHLO load.example\r\n", "250", room);
    }
    if (login !== undefined) await say(conn, `AUTH PLAIN ${initial}\r\n`, "235", room);
    if (size > 0) {
      await say(conn, "MAIL FROM:<sender@example.org>\r\n", "250", room);
      await say(conn, "RCPT TO:<recipient@example.net>\r\n", "250", room);
      await say(conn, "DATA\r\n", "354", room);
      for (let sent = 0; sent < content.length;) sent += await conn.write(content.subarray(sent));
      await answer(conn, "250", room);
    }
    await say(conn, "QUIT\r\n", "221", room);
  } finally {
    conn.close();
  }
}

let left = Number(count);
await Promise.all(Array.from({ length: Number(sessions) }, async () => {
  const room = new Uint8Array(4096);
  while (left > 0) {
    left -= 1;
    await session(room);
  }
}));
