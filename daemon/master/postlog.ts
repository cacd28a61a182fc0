/**
 * postlogd(8): takes finished log lines of other programs (real Postfix's tools, postlog(1)) as datagrams and puts them
 * into this mail log.
 */
import { decodeText } from "../../core/bytes/mod.ts";
import type { LogEntry, LogLevel, LogSink } from "../../core/log/mod.ts";

/** `Nov 01 02:03:04 host postfix/postsuper[123]: warning: text` */
const LINE = /^\w{3} [ \d]\d \d\d:\d\d:\d\d \S+ ([^\s[]+)\[(\d+)\]: (?:(warning|error|fatal|panic): )?(.*)$/s;

/** The entry in a datagram; undefined if it is not a log line. */
export function parsePostlog(bytes: Uint8Array, now: number): LogEntry | undefined {
  const match = LINE.exec(decodeText(bytes).replace(/[\n\0]+$/, ""));
  if (match === null) return undefined;
  return {
    time: now,
    tag: match[1]!,
    pid: Number(match[2]),
    level: (match[3] ?? "info") as LogLevel,
    text: match[4]!,
  };
}

/** Serves the socket until it is closed. Throws if it can't be made. */
export function servePostlog(path: string, sink: LogSink): { close(): void } {
  try {
    if (Deno.lstatSync(path).isSocket) Deno.removeSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  const socket = Deno.listenDatagram({ transport: "unixpacket", path });
  Deno.chmodSync(path, 0o666);
  let closed = false;
  (async () => {
    const room = new Uint8Array(8192);
    while (!closed) {
      try {
        const [bytes] = await socket.receive(room);
        const entry = parsePostlog(bytes, Date.now());
        if (entry !== undefined) sink.write(entry);
      } catch {
        // Closed, or a datagram that could not be read: there is nobody to answer.
        if (!closed) await new Promise((done) => setTimeout(done, 100));
      }
    }
  })();
  return {
    close() {
      closed = true;
      socket.close();
    },
  };
}
