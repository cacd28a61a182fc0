/** A scriptable SMTP or LMTP server on the loopback, with every misbehaviour that a client must survive. */
import { writeAll } from "../../core/bytes/mod.ts";

/**
 * What the server does at a point of the session: `close` the connection, `reset` it, `hang` (read on, but say nothing),
 * `stall` (not even read). A string is a reply; lines are separated by line feeds and all get its code.
 */
export type Step =
  | string
  | { readonly do: "close" | "reset" | "hang" | "stall" }
  /** Sends octets as they are. */
  | { readonly raw: string | Uint8Array }
  /** Sends `raw` again and again until the client goes away. */
  | { readonly endless: string }
  /** Several steps one after the other. */
  | { readonly steps: readonly Step[] }
  /** Waits, in milliseconds, then does `then`. */
  | { readonly wait: number; readonly then: Step };

/** A step, or one for each time the point is reached (the last one repeats). */
export type Script = Step | readonly Step[];

export interface FakeServerOptions {
  readonly hostname?: string;
  readonly port?: number;
  /** A UNIX socket in place of host and port. */
  readonly path?: string;
  /** EHLO keywords of the default reply. */
  readonly keywords?: readonly string[];
  /**
   * Replies by verb (`EHLO`, `MAIL` ...), by whole command line (`RCPT TO:<a@b>`), `greeting`, `.` for the end of the
   * content, `body` for what happens after `bodyBytes` octets of content. What is missing is answered with success.
   */
  readonly on?: Readonly<Record<string, Script>>;
  readonly bodyBytes?: number;
  /** One reply for each accepted recipient after the content. */
  readonly lmtp?: boolean;
}

/** What a client did in one connection. */
export interface FakeSession {
  readonly commands: string[];
  /** Contents as they came over the wire, without the final dot. */
  readonly messages: string[];
  /** Pieces that arrived with one read each, to see what was sent together. */
  readonly reads: string[];
  /** Address that the connection came from. */
  readonly client: string;
  ended: boolean;
}

export interface FakeServer extends AsyncDisposable {
  readonly hostname: string;
  readonly port: number;
  readonly sessions: FakeSession[];
  close(): Promise<void>;
}

const encoder = new TextEncoder();
const latin1 = new TextDecoder("latin1");

class Ended extends Error {}

/** Runs one connection. */
class Session implements FakeSession {
  readonly commands: string[] = [];
  readonly messages: string[] = [];
  readonly reads: string[] = [];
  readonly client: string;
  ended = false;
  #pending = "";
  #accepted = 0;
  readonly #buffer = new Uint8Array(65536);

  constructor(
    readonly connection: Deno.Conn,
    readonly options: FakeServerOptions,
    readonly counts: Map<string, number>,
    readonly stopped: Promise<void>,
  ) {
    this.client = (connection.remoteAddr as Deno.NetAddr).hostname ?? "";
  }

  async run(): Promise<void> {
    try {
      await this.#play("greeting", "220 fake.test ESMTP");
      for (;;) await this.#command(await this.#line());
    } catch (error) {
      // Clients that go away in the middle are what these tests are about.
      if (!(error instanceof Ended) && !isConnectionError(error)) throw error;
    } finally {
      this.ended = true;
      try {
        this.connection.close();
      } catch {
        // Closed by the script.
      }
    }
  }

  async #command(line: string): Promise<void> {
    this.commands.push(line);
    const verb = line.split(" ")[0]!.toUpperCase();
    if (verb === "RCPT") {
      await this.#play(line in (this.options.on ?? {}) ? line : verb, "250 2.1.5 Ok");
      if (this.#said.startsWith("2")) this.#accepted += 1;
      return;
    }
    if (verb === "MAIL") this.#accepted = 0;
    if (verb === "DATA") return await this.#data();
    const keywords = [
      "fake.test",
      ...this.options.keywords ?? ["PIPELINING", "8BITMIME", "DSN", "SIZE 10240000"],
    ];
    const defaults: Record<string, string> = {
      EHLO: keywords.map((word) => `250 ${word}`).join("\n"),
      LHLO: keywords.map((word) => `250 ${word}`).join("\n"),
      HELO: "250 fake.test",
      MAIL: "250 2.1.0 Ok",
      RSET: "250 2.0.0 Ok",
      XFORWARD: "250 2.0.0 Ok",
      NOOP: "250 2.0.0 Ok",
      QUIT: "221 2.0.0 Bye",
    };
    await this.#play(verb, defaults[verb] ?? "502 5.5.2 Error: command not recognized");
    if (verb === "QUIT") throw new Ended();
  }

  async #data(): Promise<void> {
    await this.#play("DATA", this.#accepted > 0 ? "354 go" : "554 5.5.1 Error: no valid recipients");
    if (this.#said !== "354") return;
    const bodyBytes = this.options.bodyBytes ?? Infinity;
    let at = this.#pending.startsWith(".\r\n") ? 0 : this.#pending.indexOf("\r\n.\r\n");
    while (at < 0) {
      if (this.#pending.length >= bodyBytes) await this.#play("body", "");
      await this.#read();
      at = this.#pending.startsWith(".\r\n") ? 0 : this.#pending.indexOf("\r\n.\r\n");
    }
    const end = this.#pending.startsWith(".\r\n") ? 0 : at + 2;
    this.messages.push(this.#pending.slice(0, end));
    this.#pending = this.#pending.slice(end + 3);
    const replies = this.options.lmtp ? this.#accepted : 1;
    for (let count = 0; count < replies; count++) {
      await this.#play(".", `250 2.0.0 Ok: queued as FAKE${count === 0 ? "" : count}`);
    }
  }

  /** The reply code of the present point. */
  #said = "";

  async #play(point: string, otherwise: Step): Promise<void> {
    this.#said = "";
    const script = this.options.on?.[point];
    if (script === undefined) return await this.#perform(otherwise);
    if (typeof script === "string" || !Array.isArray(script)) return await this.#perform(script as Step);
    const steps = script as readonly Step[];
    const count = this.counts.get(point) ?? 0;
    this.counts.set(point, count + 1);
    await this.#perform(steps[Math.min(count, steps.length - 1)] ?? otherwise);
  }

  async #perform(step: Step): Promise<void> {
    if (typeof step === "string") {
      if (step === "") return;
      const [first = "", ...more] = step.split("\n");
      const code = first.slice(0, 3);
      const lines = [first.slice(4), ...more.map((line) => line.replace(`${code} `, ""))];
      const text = lines.map((line, at) => `${code}${at === lines.length - 1 ? " " : "-"}${line}`);
      await this.#send(text.join("\r\n") + "\r\n");
    } else if ("raw" in step) await this.#send(step.raw);
    else if ("steps" in step) {
      for (const each of step.steps) await this.#perform(each);
    } else if ("wait" in step) {
      await Promise.race([new Promise((resolve) => setTimeout(resolve, step.wait)), this.stopped]);
      await this.#perform(step.then);
    } else if ("endless" in step) {
      for (let count = 0; count < 1_000_000; count++) await this.#send(step.endless);
    } else if (step.do === "hang") {
      await Promise.race([this.#drain(), this.stopped]);
      throw new Ended();
    } else if (step.do === "stall") {
      await this.stopped;
      throw new Ended();
    } else if (step.do === "reset") {
      // Closing with unread input makes the kernel send a reset; a zero linger time is not to be had here.
      this.connection.close();
      throw new Ended();
    } else throw new Ended();
  }

  async #send(text: string | Uint8Array): Promise<void> {
    if (this.#said === "" && typeof text === "string") this.#said = text.slice(0, 3);
    const bytes = typeof text === "string" ? encoder.encode(text) : text;
    await writeAll(this.connection, bytes);
  }

  async #drain(): Promise<void> {
    while (await this.connection.read(this.#buffer) !== null);
  }

  async #read(): Promise<void> {
    const count = await this.connection.read(this.#buffer);
    if (count === null) throw new Ended();
    const text = latin1.decode(this.#buffer.subarray(0, count));
    this.reads.push(text);
    this.#pending += text;
  }

  async #line(): Promise<string> {
    let end = this.#pending.indexOf("\r\n");
    while (end < 0) {
      await this.#read();
      end = this.#pending.indexOf("\r\n");
    }
    const line = this.#pending.slice(0, end);
    this.#pending = this.#pending.slice(end + 2);
    return line;
  }
}

function isConnectionError(error: unknown): boolean {
  return error instanceof Deno.errors.ConnectionReset || error instanceof Deno.errors.BrokenPipe ||
    error instanceof Deno.errors.BadResource || error instanceof Deno.errors.Interrupted ||
    error instanceof Deno.errors.ConnectionAborted || error instanceof Deno.errors.NotConnected;
}

/** Starts a server; it runs until closed. */
export function startFakeServer(options: FakeServerOptions = {}): FakeServer {
  const listener = options.path !== undefined
    ? Deno.listen({ transport: "unix", path: options.path })
    : Deno.listen({ hostname: options.hostname ?? "127.0.0.1", port: options.port ?? 0 });
  const sessions: Session[] = [];
  const counts = new Map<string, number>();
  let stop = () => {};
  const stopped = new Promise<void>((resolve) => stop = resolve);
  const running: Promise<void>[] = [];
  const accepting = (async () => {
    for await (const connection of listener) {
      const session = new Session(connection, options, counts, stopped);
      sessions.push(session);
      running.push(session.run());
    }
  })();
  let closed = false;
  const close = async () => {
    if (closed) return;
    closed = true;
    listener.close();
    stop();
    for (const session of sessions) {
      if (session.ended) continue;
      try {
        session.connection.close();
      } catch {
        // The script was faster.
      }
    }
    await Promise.all([accepting, ...running]);
  };
  const address = listener.addr as Deno.NetAddr;
  return {
    hostname: address.hostname ?? "",
    port: address.port ?? 0,
    sessions,
    close,
    [Symbol.asyncDispose]: close,
  };
}
