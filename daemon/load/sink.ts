import { writeAll } from "../../core/bytes/mod.ts";
import type { Address } from "./address.ts";
import { LineReader } from "./line_reader.ts";

/** How the sink behaves. Commands are in upper case, `CONNECT` is the greeting, `.` the end of content. */
export interface SinkOptions {
  readonly address: Address;
  readonly backlog: number;
  readonly hostname: string;
  readonly lmtp: boolean;
  /** Like a server behind a firewall that hides the greeting; there is no EHLO then. */
  readonly masked: boolean;
  /** Keywords that are left out of the EHLO reply: `ESMTP` means no EHLO at all. */
  readonly without: ReadonlySet<string>;
  /** Commands that are refused for good, refused for now, or end the connection with or without a reply. */
  readonly hardRejects: ReadonlySet<string>;
  readonly softRejects: ReadonlySet<string>;
  readonly disconnects: ReadonlySet<string>;
  readonly farewells: ReadonlySet<string>;
  readonly hardReply: string;
  readonly softReply: string;
  /** Seconds before the reply to the end of content, and before other commands' replies. */
  readonly dataDelay: number;
  /** Seconds without input after which a session ends. */
  readonly timeout: number;
  /** Sessions at a time; further clients wait. */
  readonly mostSessions: number;
  /** After this many sessions or messages the sink ends; 0: never. */
  readonly sessionLimit: number;
  readonly messageLimit: number;
  /** Called for every line of the conversation. */
  readonly onLine?: (line: string) => void;
  /** Called when a count changed. */
  readonly onCount?: (counts: Readonly<SinkCounts>) => void;
}

export interface SinkCounts {
  sessions: number;
  quits: number;
  messages: number;
}

export interface Sink {
  /** Resolves when the limits are reached or the sink was stopped. */
  readonly finished: Promise<void>;
  readonly counts: Readonly<SinkCounts>;
  /** The port that it listens on; 0 for a UNIX socket. */
  readonly port: number;
  stop(): void;
}

const encoder = new TextEncoder();
const pause = (seconds: number) => new Promise((done) => setTimeout(done, seconds * 1000));
const UNKNOWN = "500 5.5.1 Error: unknown command";

/** Listens and swallows. Throws if the address can't be had. */
export function startSink(options: SinkOptions): Sink {
  const { address } = options;
  const listener: Deno.Listener<Deno.Conn> = address.transport === "unix"
    ? Deno.listen({ transport: "unix", path: address.path })
    : Deno.listen({ hostname: address.hostname, port: address.port, tcpBacklog: options.backlog });
  const counts: SinkCounts = { sessions: 0, quits: 0, messages: 0 };
  const finished = Promise.withResolvers<void>();
  const open = new Set<Deno.Conn>();
  let stopped = false;
  let waiting: (() => void) | undefined;

  function stop(): void {
    if (stopped) return;
    stopped = true;
    listener.close();
    for (const connection of open) close(connection);
    finished.resolve();
  }

  function counted(what: keyof SinkCounts): void {
    counts[what] += 1;
    options.onCount?.(counts);
  }

  (async () => {
    while (!stopped) {
      if (open.size >= options.mostSessions) await new Promise<void>((go) => waiting = go);
      let connection: Deno.Conn;
      try {
        connection = await listener.accept();
      } catch {
        if (stopped) return;
        await pause(0.1);
        continue;
      }
      open.add(connection);
      counted("sessions");
      void new Session(connection, options, (what) => {
        counted(what);
        if (what === "messages" && counts.messages === options.messageLimit) stop();
      }).run().finally(() => {
        open.delete(connection);
        close(connection);
        waiting?.();
        waiting = undefined;
        if (counts.sessions === options.sessionLimit) stop();
      });
    }
  })();

  return {
    finished: finished.promise,
    counts,
    port: listener.addr.transport === "tcp" ? listener.addr.port : 0,
    stop,
  };
}

function close(connection: Deno.Conn): void {
  try {
    connection.close();
  } catch {
    // It is closed already.
  }
}

class Session {
  readonly #reader: LineReader;
  #hasSender = false;
  #recipients = 0;
  #out = "";

  constructor(
    private readonly connection: Deno.Conn,
    private readonly options: SinkOptions,
    private readonly onEvent: (what: "quits" | "messages") => void,
  ) {
    this.#reader = new LineReader(connection);
  }

  /** Talks until the client quits or goes. Never rejects. */
  async run(): Promise<void> {
    const timer = { last: performance.now() };
    const watch = setInterval(() => {
      if (performance.now() - timer.last > this.options.timeout * 1000) close(this.connection);
    }, 1000);
    try {
      if (!await this.#answer("CONNECT", `220 ${this.#greeting()}`)) return;
      for (;;) {
        // Replies of a pipelined batch leave together.
        if (!this.#reader.hasLine) await this.#flush();
        const line = await this.#reader.line();
        timer.last = performance.now();
        if (line === undefined) return;
        this.options.onLine?.(line);
        if (!await this.#command(line)) return;
      }
    } catch {
      // The client is gone, or the time is over.
    } finally {
      clearInterval(watch);
    }
  }

  #greeting(): string {
    const { masked, without, hostname } = this.options;
    if (masked) return "********";
    return without.has("ESMTP") ? hostname : `${hostname} ESMTP`;
  }

  async #flush(): Promise<void> {
    const bytes = encoder.encode(this.#out);
    this.#out = "";
    await writeAll(this.connection, bytes);
  }

  /** Says `reply`, or what was ordered for the command instead; false ends the session. */
  async #answer(command: string, reply: string): Promise<boolean> {
    const { disconnects, farewells, hardRejects, softRejects, hardReply, softReply } = this.options;
    if (disconnects.has(command)) return false;
    const given = farewells.has(command)
      ? "421 4.0.0 Server closing connection"
      : hardRejects.has(command)
      ? hardReply
      : softRejects.has(command)
      ? softReply
      : reply;
    this.#out += given + "\r\n";
    if (farewells.has(command)) {
      await this.#flush();
      return false;
    }
    return true;
  }

  #accepted(command: string): boolean {
    return !this.options.hardRejects.has(command) && !this.options.softRejects.has(command);
  }

  #hangsUp(command: string): boolean {
    return this.options.disconnects.has(command) || this.options.farewells.has(command);
  }

  #knows(verb: string): boolean {
    const { lmtp, masked, without } = this.options;
    switch (verb) {
      case "EHLO":
        return !lmtp && !masked && !without.has("ESMTP");
      case "LHLO":
        return lmtp && !masked && !without.has("ESMTP");
      case "HELO":
        return !lmtp;
      default:
        return !without.has(verb) || verb === "AUTH";
    }
  }

  async #command(line: string): Promise<boolean> {
    const verb = (/^\S+/.exec(line)?.[0] ?? "").toUpperCase();
    switch (this.#knows(verb) ? verb : "") {
      case "EHLO":
      case "LHLO":
        return await this.#answer(verb, this.#keywords());
      case "HELO":
        return await this.#answer(verb, `250 ${this.options.hostname}`);
      case "MAIL":
        this.#recipients = 0;
        this.#hasSender = this.#accepted(verb);
        return await this.#answer(verb, "250 2.1.0 Ok");
      case "RCPT":
        if (!this.#hasSender && !this.#hangsUp(verb)) return this.#outOfOrder("need MAIL command");
        if (this.#accepted(verb)) this.#recipients += 1;
        return await this.#answer(verb, "250 2.1.5 Ok");
      case "DATA":
        if (this.#recipients === 0 && !this.#hangsUp(verb)) return this.#outOfOrder("need RCPT command");
        return await this.#data();
      case "RSET":
        this.#recipients = 0;
        this.#hasSender = false;
        return await this.#answer(verb, "250 2.1.0 Ok");
      case "NOOP":
      case "VRFY":
      case "XCLIENT":
      case "XFORWARD":
        return await this.#answer(verb, "250 2.0.0 Ok");
      case "AUTH":
        return await this.#answer(verb, "235 2.7.0 Authentication successful");
      case "QUIT":
        this.onEvent("quits");
        await this.#answer(verb, "221 Bye");
        await this.#flush();
        return false;
    }
    this.#out += UNKNOWN + "\r\n";
    return true;
  }

  #outOfOrder(needed: string): true {
    this.#out += `503 5.5.1 Error: ${needed}\r\n`;
    return true;
  }

  #keywords(): string {
    const { without, hostname, hardRejects, softRejects } = this.options;
    // A client that pipelines would not see which command was refused.
    const refuses = hardRejects.size + softRejects.size > 0;
    const all = [
      ...(refuses ? [] : ["PIPELINING"]),
      "8BITMIME",
      "AUTH PLAIN LOGIN",
      "XCLIENT NAME HELO",
      "XFORWARD NAME ADDR PROTO HELO",
      "ENHANCEDSTATUSCODES",
      "DSN",
    ].filter((keyword) => !without.has(keyword.split(" ")[0]!));
    return [hostname, ...all, ""].map((text, index, list) =>
      `250${index < list.length - 1 ? "-" : " "}${text}`
    )
      .join("\r\n");
  }

  async #data(): Promise<boolean> {
    if (!await this.#answer("DATA", "354 End data with <CR><LF>.<CR><LF>")) return false;
    if (!this.#accepted("DATA")) return true;
    await this.#flush();
    if (!await this.#reader.skipContent()) return false;
    this.options.onLine?.(".");
    if (this.options.dataDelay > 0) await pause(this.options.dataDelay);
    // LMTP answers for every recipient (RFC 2033 section 4.2).
    const answers = this.options.lmtp ? this.#recipients : 1;
    for (let count = 0; count < answers; count++) {
      if (!await this.#answer(".", this.options.lmtp ? "250 2.2.0 Ok" : "250 2.0.0 Ok")) return false;
    }
    if (this.#accepted(".")) this.onEvent("messages");
    this.#recipients = 0;
    this.#hasSender = false;
    return true;
  }
}
