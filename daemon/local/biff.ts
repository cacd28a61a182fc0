import { createSocket, type Socket } from "node:dgram";

const PORT = 512;

let socket: Socket | undefined;

/**
 * Tells comsat(8) of new mail. Nobody waits for it, and that no comsat runs is the usual case.
 * @param offset where the message begins in the mailbox
 */
export function notifyBiff(user: string, offset: number): void {
  try {
    if (socket === undefined) {
      socket = createSocket("udp4");
      socket.on("error", () => {});
      socket.unref();
    }
    socket.send(`${user}@${offset}`, PORT, "127.0.0.1", () => {});
  } catch {
    // The notice is a courtesy.
  }
}
