/** The protocol of Postfix's verify service (docs/ipc.md), both sides of it. */
import { writeAll } from "../../core/bytes/mod.ts";
import {
  announcement,
  AttributeError,
  AttributeReader,
  AttributeWriter,
  type ByteSink,
  type ByteSource,
  readAnnouncement,
} from "../../core/ipc/mod.ts";
import { type AddressAnswer, AddressStatus, type AddressVerification } from "./types.ts";

/** Status of a request itself. */
const REQUEST_OK = 0;
const REQUEST_BAD = -1;

const STATUSES: ReadonlySet<number> = new Set(Object.values(AddressStatus));

/** Answers requests over a connection until the client closes it. Rejects with `AttributeError` for nonsense. */
export async function serveVerify(
  connection: ByteSource & ByteSink,
  service: AddressVerification,
): Promise<void> {
  const writer = new AttributeWriter();
  await writeAll(connection, announcement("verify"));
  const reader = new AttributeReader(connection);
  while (!await reader.atEnd()) {
    const request = await reader.text("request");
    const address = await reader.text("address");
    if (request === "query") {
      await reader.end();
      const { status, text } = await service.query(address);
      writer.integer("status", REQUEST_OK).integer("recipient_status", status).text("reason", text);
    } else if (request === "update") {
      const status = await reader.integer("recipient_status");
      const text = await reader.text("reason");
      await reader.end();
      if (isStatus(status)) await service.update(address, { status, text });
      writer.integer("status", isStatus(status) ? REQUEST_OK : REQUEST_BAD);
    } else {
      await reader.rest();
      writer.integer("status", REQUEST_BAD);
    }
    await writer.end().flush(connection);
  }
}

/** The service behind a socket. Connections are kept; `timeout` in seconds bounds each request. */
export function createVerifyClient(path: string, timeout: number): AddressVerification & { close(): void } {
  const idle: Connection[] = [];

  async function exchange<T>(talk: (connection: Connection) => Promise<T>): Promise<T> {
    for (;;) {
      const kept = idle.pop();
      const connection = kept ?? await Connection.open(path);
      const timer = setTimeout(() => connection.giveUp(), timeout * 1000);
      try {
        const result = await talk(connection);
        idle.push(connection);
        return result;
      } catch (error) {
        connection.close();
        // A service that was started anew has closed the connections that were idle.
        if (kept !== undefined && !connection.timedOut && !connection.answered) continue;
        throw connection.timedOut ? new Error(`${path}: no answer in ${timeout} seconds`) : error;
      } finally {
        clearTimeout(timer);
      }
    }
  }

  return {
    query: (address) =>
      exchange(async (connection) => {
        await connection.send(new AttributeWriter().text("request", "query").text("address", address));
        await connection.status();
        const status = await connection.reader.integer("recipient_status");
        const text = await connection.reader.text("reason");
        await connection.reader.end();
        if (!isStatus(status)) throw new Error(`unknown address verification status ${status}`);
        return { status, text };
      }),
    update: (address, answer) =>
      exchange(async (connection) => {
        await connection.send(
          new AttributeWriter().text("request", "update").text("address", address)
            .integer("recipient_status", answer.status).text("reason", answer.text),
        );
        await connection.status();
        await connection.reader.end();
      }),
    close() {
      for (const connection of idle.splice(0)) connection.close();
    },
  };
}

function isStatus(status: number): status is AddressAnswer["status"] {
  return STATUSES.has(status);
}

/** A connection to the service. */
class Connection {
  readonly reader: AttributeReader;
  timedOut = false;
  /** Something of the answer to the present request has arrived. */
  answered = false;
  #greeted = false;
  #closed = false;

  private constructor(private readonly conn: Deno.Conn) {
    this.reader = new AttributeReader({
      read: async (into) => {
        const count = await conn.read(into);
        if (count !== null) this.answered = true;
        return count;
      },
    });
  }

  static async open(path: string): Promise<Connection> {
    return new Connection(await Deno.connect({ transport: "unix", path }));
  }

  /** Sends a request, behind the server's first words. */
  async send(request: AttributeWriter): Promise<void> {
    if (!this.#greeted) await readAnnouncement(this.reader, "verify");
    this.#greeted = true;
    this.answered = false;
    await request.end().flush(this.conn);
  }

  async status(): Promise<void> {
    const status = await this.reader.integer("status");
    if (status !== REQUEST_OK) throw new AttributeError("order", `verify service: request status ${status}`);
  }

  giveUp(): void {
    this.timedOut = true;
    this.close();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.conn.close();
  }
}
