/**
 * The conversation with the content filter in front of the queue (SMTPD_PROXY_README): one connection a message, no
 * pipelining, the client's MAIL and RCPT commands as they came.
 */
import { decodeText } from "../../core/bytes/mod.ts";
import { reasonOf } from "../../core/errors/mod.ts";
import { type CoarseTimer, encodeXtext, SmtpStream, SmtpStreamError } from "../../core/smtp/mod.ts";
import { printable } from "./printable.ts";
import type { ProxyFilterSettings } from "./settings.ts";

/** What clients are told when the filter is in trouble: nothing that is not their business. */
const FILTER_TROUBLE = "451 4.3.0 Error: queue file write error";

/** The filter said no, or nothing that can be understood. */
export class ProxyFilterError extends Error {
  override readonly name = "ProxyFilterError";
  /** @param reply what the client gets, in wire form without the last line end */
  constructor(readonly reply: string, message: string) {
    super(message);
  }

  /** The filter said no: those are its own words. */
  get refused(): boolean {
    return this.reply !== FILTER_TROUBLE;
  }
}

/** What the filter is told about the client, if it asks; undefined values are not available. */
export type FilterAttributes = readonly (readonly [name: string, value: string | undefined])[];

/** One who opens connections for `host:port`, `inet:host:port` and `unix:path`. */
async function connect(endpoint: string, queueDirectory: string): Promise<Deno.Conn> {
  if (endpoint.startsWith("unix:")) {
    const path = endpoint.slice("unix:".length);
    return await Deno.connect({
      transport: "unix",
      path: path.startsWith("/") ? path : `${queueDirectory}/${path}`,
    });
  }
  const place = endpoint.replace(/^inet:/, "");
  const colon = place.lastIndexOf(":");
  const host = colon < 0 ? "" : place.slice(0, colon).replace(/^\[(.*)\]$/, "$1");
  const port = Number(place.slice(colon + 1));
  if (!Number.isInteger(port) || port < 1 || port > 65535) {
    throw new Error(`"${place}" has no port number; write host:port`);
  }
  const connection = await Deno.connect({ hostname: host === "" ? "localhost" : host, port });
  connection.setNoDelay(true);
  return connection;
}

const LINE_LIMIT = 4096;
const MOST_LINES = 1000;
/** XFORWARD commands are not longer than any SMTP command (RFC 5321 section 4.5.3.1.4). */
const COMMAND_LIMIT = 512;

interface FilterReply {
  readonly code: number;
  /** In wire form, without the last line end. */
  readonly text: string;
}

/** A connection to the filter. Every method rejects with `ProxyFilterError`, which is in the log then. */
export class ProxyFilter {
  #stream: SmtpStream | undefined;
  /** The last reply, for the log. */
  lastReply = "";

  constructor(
    private readonly settings: ProxyFilterSettings,
    private readonly queueDirectory: string,
    private readonly timer: CoarseTimer,
    private readonly warn: (text: string) => void,
  ) {}

  /** Connects, says EHLO and XFORWARD, and sends MAIL. */
  async open(attributes: FilterAttributes, mail: string): Promise<void> {
    await this.#connect();
    const greeting = await this.#reply();
    this.#require(greeting, "connection request", 2, true);
    const ehlo = await this.#command(`EHLO ${this.settings.heloName}`, 2, true);
    for (const command of xforwardCommands(ehlo.text, attributes)) await this.#command(command, 2, true);
    await this.command(mail, 2);
  }

  /** Sends a command of the client. Its refusal is for the client. */
  async command(text: string, wanted: 2 | 3): Promise<void> {
    await this.#command(text, wanted, false);
  }

  /** Sends a piece of the content in wire form. */
  async content(bytes: Uint8Array): Promise<void> {
    const stream = this.#connected();
    try {
      await stream.write(bytes);
    } catch (error) {
      throw this.#lost(error);
    }
  }

  /** Ends the content. @returns the filter's whole reply, success or not */
  async end(): Promise<FilterReply> {
    this.#connected().out.appendText(".\r\n");
    return await this.#reply();
  }

  /** Says QUIT where the filter still listens, and does not wait for its answer. */
  async quit(): Promise<void> {
    const stream = this.#stream;
    if (stream === undefined) return;
    this.#stream = undefined;
    stream.out.clear();
    stream.out.appendText("QUIT\r\n");
    try {
      await stream.flush();
    } catch {
      // It went first.
    }
    stream.close();
  }

  /** Ends the connection at once, so that the filter sees that there is no message. */
  drop(): void {
    this.#stream?.close();
    this.#stream = undefined;
  }

  async #connect(): Promise<void> {
    const { endpoint, timeout } = this.settings;
    let expired = false;
    let clock: ReturnType<typeof setTimeout> | undefined;
    const opening = connect(endpoint, this.queueDirectory);
    try {
      const late = new Promise<never>((_, reject) => {
        clock = setTimeout(() => {
          expired = true;
          reject(new Error("Connection timed out"));
        }, timeout * 1000);
      });
      this.#stream = new SmtpStream(await Promise.race([opening, late]), this.timer);
      this.#stream.setTimeout(timeout);
    } catch (error) {
      if (expired) opening.then((connection) => connection.close(), () => {});
      throw this.#trouble(`connect to proxy filter ${endpoint}: ${reasonOf(error)}`);
    } finally {
      clearTimeout(clock);
    }
  }

  async #command(text: string, wanted: 2 | 3, ours: boolean): Promise<FilterReply> {
    this.#connected().out.appendText(text + "\r\n");
    const reply = await this.#reply();
    this.#require(reply, text, wanted, ours);
    return reply;
  }

  /** @param ours a command of our own: its refusal tells clients nothing */
  #require(reply: FilterReply, command: string, wanted: 2 | 3, ours: boolean): void {
    if (Math.floor(reply.code / 100) === wanted) return;
    const { endpoint } = this.settings;
    const text = `proxy ${endpoint} rejected "${printable(command)}": "${printable(reply.text)}"`;
    const refuses = !ours && reply.code >= 400;
    this.warn(text);
    throw new ProxyFilterError(refuses ? reply.text : FILTER_TROUBLE, text);
  }

  /** Reads a reply; what is none is logged and passed over. */
  async #reply(): Promise<FilterReply> {
    const stream = this.#connected();
    const lines: string[] = [];
    try {
      await stream.flush();
      for (let count = 0; count < MOST_LINES; count++) {
        const line = await stream.readLine(LINE_LIMIT);
        if (line === null) throw new SmtpStreamError("lost", "The filter closed the connection");
        const text = decodeText(line);
        const match = /^([1-5]\d\d)(?:([ -]).*)?$/s.exec(text);
        if (match === null) {
          this.warn(
            `received garbage from proxy ${this.settings.endpoint}: ${printable(text).slice(0, 100)}`,
          );
          continue;
        }
        lines.push(text);
        if (match[2] === "-") continue;
        this.lastReply = lines.join("\r\n");
        return { code: Number(match[1]), text: this.lastReply };
      }
    } catch (error) {
      throw this.#lost(error);
    }
    throw this.#trouble(`endless reply from proxy ${this.settings.endpoint}`);
  }

  #connected(): SmtpStream {
    if (this.#stream === undefined) throw new ProxyFilterError(FILTER_TROUBLE, "the filter is not connected");
    return this.#stream;
  }

  #lost(error: unknown): Error {
    if (!(error instanceof SmtpStreamError)) {
      return error instanceof Error ? error : new Error(String(error));
    }
    const what = error.kind === "timeout" ? "timeout talking to proxy" : "lost connection with proxy";
    return this.#trouble(`${what} ${this.settings.endpoint}`);
  }

  #trouble(text: string): ProxyFilterError {
    this.drop();
    this.lastReply = FILTER_TROUBLE;
    this.warn(text);
    return new ProxyFilterError(FILTER_TROUBLE, text);
  }
}

/** The XFORWARD commands for what the reply to EHLO asks for. */
function xforwardCommands(ehlo: string, attributes: FilterAttributes): string[] {
  const line = ehlo.split("\r\n").find((each) => /^250[ -]XFORWARD(?: |$)/i.test(each));
  if (line === undefined) return [];
  const wanted = new Set(line.slice(4).toUpperCase().split(/\s+/).slice(1));
  const commands: string[] = [];
  let command = "XFORWARD";
  for (const [name, value] of attributes) {
    if (!wanted.has(name)) continue;
    const word = ` ${name}=${value === undefined ? "[UNAVAILABLE]" : encodeXtext(value)}`;
    if (command.length + word.length > COMMAND_LIMIT) {
      commands.push(command);
      command = "XFORWARD";
    }
    command += word;
  }
  return command === "XFORWARD" ? commands : [...commands, command];
}
