/** The greylist behind a socket: the policy protocol (SMTPD_POLICY_README), so that others can ask it as well. */
import { AttributeReader, AttributeWriter, type ByteSink, type ByteSource } from "../../core/ipc/mod.ts";
import type { Greylist } from "./types.ts";

/** Answers requests over a connection until the client closes it. Rejects with `AttributeError` for nonsense. */
export async function serveGreylist(connection: ByteSource & ByteSink, service: Greylist): Promise<void> {
  const reader = new AttributeReader(connection, "plain", { length: 8192, count: 200 });
  const writer = new AttributeWriter("plain");
  while (!await reader.atEnd()) {
    const request = await reader.rest();
    const { action } = await service.ask({
      clientAddress: request.get("client_address") ?? "",
      clientName: request.get("client_name") ?? "",
      sender: request.get("sender") ?? "",
      recipient: request.get("recipient") ?? "",
      instance: request.get("instance") ?? "",
    });
    await writer.text("action", action).end().flush(connection);
  }
}

/** One connection to the service. */
interface Connection {
  readonly conn: Deno.Conn;
  readonly reader: AttributeReader;
}

/** The greylist behind a socket. Connections are kept; `timeout` in seconds bounds each question. */
export function createGreylistClient(path: string, timeout: number): Greylist & { close(): void } {
  const idle: Connection[] = [];

  async function exchange({ conn, reader }: Connection, writer: AttributeWriter): Promise<string> {
    const timer = setTimeout(() => conn.close(), timeout * 1000);
    try {
      await writer.flush(conn);
      return (await reader.rest()).get("action") ?? "";
    } finally {
      clearTimeout(timer);
    }
  }

  return {
    async ask(question) {
      for (;;) {
        const kept = idle.pop();
        const conn = kept?.conn ?? await Deno.connect({ transport: "unix", path });
        const connection = kept ?? { conn, reader: new AttributeReader(conn, "plain") };
        const writer = new AttributeWriter("plain").text("request", "smtpd_access_policy")
          .text("client_address", question.clientAddress).text("client_name", question.clientName)
          .text("sender", question.sender).text("recipient", question.recipient)
          .text("instance", question.instance).end();
        try {
          const action = await exchange(connection, writer);
          if (action === "") throw new Error(`${path}: the answer has no action`);
          idle.push(connection);
          return { action };
        } catch (error) {
          try {
            conn.close();
          } catch {
            // The time was over.
          }
          // A service that was started anew has closed the connections that were idle.
          if (kept === undefined) throw error;
        }
      }
    },
    close() {
      for (const { conn } of idle.splice(0)) conn.close();
    },
  };
}
