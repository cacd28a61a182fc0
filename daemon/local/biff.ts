import { createSocket, type Socket } from "node:dgram";
import { servicePorts } from "../../core/system/mod.ts";

let socket: Socket | undefined;

/**
 * Tells comsat(8) of new mail: `user@offset` and a zero octet, to the port of the service biff. Nobody waits for it, and
 * that no comsat runs is the usual case. Returns what is in the way of it, for the log.
 * @param offset where the message begins in the mailbox
 */
export function notifyBiff(user: string, offset: number): string | undefined {
  const port = servicePorts("udp").get("biff");
  if (port === undefined) return "service not found: biff/udp";
  try {
    if (socket === undefined) {
      socket = createSocket("udp4");
      socket.on("error", () => {});
      socket.unref();
    }
    socket.send(`${user}@${offset}\0`, port, "127.0.0.1", () => {});
  } catch {
    // The notice is a courtesy.
  }
  return undefined;
}
