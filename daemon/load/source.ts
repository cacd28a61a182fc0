import { writeAll } from "../../core/bytes/mod.ts";
import { reasonOf } from "../../core/errors/mod.ts";
import type { Address } from "./address.ts";
import { LineReader } from "./line_reader.ts";

/** What is sent, and how. */
export interface SourceOptions {
  readonly address: Address;
  readonly sessions: number;
  readonly messages: number;
  readonly recipients: number;
  readonly sender: string;
  readonly recipient: string;
  readonly hostname: string;
  readonly subject: string | undefined;
  /** Bytes of the body; undefined for a few short lines. */
  readonly length: number | undefined;
  /** Ready-made content instead, with CR LF and dots doubled. */
  readonly content: Uint8Array | undefined;
  /** More than one message over a connection. */
  readonly keepConnections: boolean;
  /** A number that never repeats in front of every recipient. */
  readonly numberRecipients: boolean;
  readonly lmtp: boolean;
  /** As clients of old did it: no HELO and no message headers. */
  readonly old: boolean;
  /** Go on when the server refuses something. */
  readonly tolerant: boolean;
  /** Seconds to wait before the next message of a session. */
  readonly interval: () => number;
  /** A failed connection is tried again this often. */
  readonly connectAttempts: number;
  readonly onMessage?: (count: number) => void;
  readonly onLine?: (line: string) => void;
}

/** The server refused or the connection broke; `message` is the command's. */
export class SourceError extends Error {
  override readonly name = "SourceError";
}

const encoder = new TextEncoder();
const pause = (seconds: number) => new Promise((done) => setTimeout(done, seconds * 1000));
const LINE_LENGTH = 80;

/** A body of `length` bytes, and a line end: lines of 80 bytes that begin with their number's last digit, and what is left. */
function bodyOf(length: number): string {
  let text = "";
  let left = length;
  for (let line = 1; left > LINE_LENGTH; line++, left -= LINE_LENGTH) {
    text += `${line % 10}${"X".repeat(LINE_LENGTH - 3)}\r\n`;
  }
  return `${text}${"X".repeat(left)}\r\n`;
}

const SHORT_BODY = [1, 2, 3, 4].map((number) => `La de da de da ${number}.\r\n`).join("");

/** Sends all messages over that many sessions at a time. Throws `SourceError`. */
export async function sendMail(options: SourceOptions): Promise<void> {
  let left = options.messages;
  let sent = 0;
  let sequence = 0;
  const shared = {
    take: () => left > 0 && left-- > 0,
    done() {
      sent += 1;
      options.onMessage?.(sent);
    },
    next: () => ++sequence,
    body: options.content ??
      encoder.encode(options.length === undefined ? SHORT_BODY : bodyOf(options.length)),
  };
  await Promise.all(
    Array.from({ length: Math.min(options.sessions, options.messages) }, () => runSession(options, shared)),
  );
}

interface Shared {
  /** Takes one of the messages that are left. */
  take(): boolean;
  done(): void;
  /** Counts recipients. */
  next(): number;
  readonly body: Uint8Array;
}

async function runSession(options: SourceOptions, shared: Shared): Promise<void> {
  let client: Client | undefined;
  try {
    while (shared.take()) {
      if (client === undefined) {
        client = new Client(await connect(options), options);
        await client.greet();
      }
      await client.send(shared);
      shared.done();
      if (!options.keepConnections) {
        await client.quit();
        client = undefined;
      }
      const seconds = options.interval();
      if (seconds > 0) await pause(seconds);
    }
    await client?.quit();
  } finally {
    client?.close();
  }
}

async function connect({ address, connectAttempts }: SourceOptions): Promise<Deno.Conn> {
  for (let attempt = 1;; attempt++) {
    try {
      if (address.transport === "unix") return await Deno.connect({ transport: "unix", path: address.path });
      const connection = await Deno.connect({ hostname: address.hostname, port: address.port });
      connection.setNoDelay(true);
      return connection;
    } catch (error) {
      if (attempt < connectAttempts) {
        await pause(0.01);
        continue;
      }
      throw new SourceError(`connect: ${reasonOf(error)}`);
    }
  }
}

class Client {
  readonly #reader: LineReader;

  constructor(private readonly connection: Deno.Conn, private readonly options: SourceOptions) {
    this.#reader = new LineReader(connection);
  }

  async greet(): Promise<void> {
    await this.#expect("", "2", "waiting for the greeting");
    if (this.options.old) return;
    await this.#expect(
      `${this.options.lmtp ? "LHLO" : "HELO"} ${this.options.hostname}`,
      "2",
      "sending HELO",
    );
  }

  /** One message. */
  async send(shared: Shared): Promise<void> {
    const { sender, recipient, recipients, numberRecipients, lmtp } = this.options;
    await this.#expect(`MAIL FROM:<${sender}>`, "2", "sending sender");
    for (let left = recipients; left > 0; left--) {
      const number = numberRecipients ? String(shared.next()) : left > 1 ? String(left) : "";
      await this.#expect(`RCPT TO:<${number}${recipient}>`, "2", "sending recipient");
    }
    await this.#expect("DATA", "3", "sending DATA");
    if (this.options.content === undefined && !this.options.old) await this.#write(this.#head());
    await this.#write(shared.body);
    await this.#expect(".", "2", "sending end of data");
    for (let more = 1; lmtp && more < recipients; more++) {
      await this.#expect("", "2", "waiting for a recipient's reply");
    }
  }

  #head(): Uint8Array {
    const { sender, recipient, subject, hostname } = this.options;
    const id = `${Math.floor(Date.now() / 1000).toString(16)}.${crypto.randomUUID().slice(0, 8)}`;
    return encoder.encode(
      `From: <${sender}>\r\nTo: <${recipient}>\r\nDate: ${
        new Date().toUTCString().replace("GMT", "+0000 (UTC)")
      }\r\nMessage-Id: <${id}@${hostname}>\r\n` +
        (subject === undefined ? "" : `Subject: ${subject}\r\n`) + "\r\n",
    );
  }

  async quit(): Promise<void> {
    await this.#expect("QUIT", "2", "sending QUIT");
    this.close();
  }

  close(): void {
    try {
      this.connection.close();
    } catch {
      // It is closed already.
    }
  }

  async #write(bytes: Uint8Array): Promise<void> {
    try {
      await writeAll(this.connection, bytes);
    } catch {
      throw new SourceError("lost connection while sending message");
    }
  }

  /** Sends a command (nothing if empty) and reads the reply. */
  async #expect(command: string, wanted: string, doing: string): Promise<void> {
    if (command !== "") {
      this.options.onLine?.(command);
      await this.#write(encoder.encode(command + "\r\n"));
    }
    for (;;) {
      const line = await this.#reader.line().catch(() => undefined);
      if (line === undefined) throw new SourceError(`lost connection while ${doing}`);
      this.options.onLine?.(`<<< ${line}`);
      if (line[3] === "-") continue;
      if (line[0] === wanted || this.options.tolerant) return;
      throw new SourceError(`${doing}: ${line}`);
    }
  }
}
