import { decodeText } from "../../../core/bytes/mod.ts";
import { reasonOf } from "../../../core/errors/mod.ts";
import { type CoarseTimer, SmtpStream, SmtpStreamError } from "../../../core/smtp/mod.ts";

/** How a policy service is talked to; times in seconds. */
export interface PolicyOptions {
  /** `inet:127.0.0.1:9998` or `unix:private/policy`. */
  readonly endpoint: string;
  readonly timeout: number;
  readonly maxIdle: number;
  readonly maxTtl: number;
  /** Requests over one connection; 0 for any number. */
  readonly requestLimit: number;
  readonly tryLimit: number;
  readonly retryDelay: number;
  readonly defaultAction: string;
  readonly context: string;
}

/** An open connection that nobody uses at the moment. */
interface Idle {
  readonly stream: SmtpStream;
  readonly opened: number;
  readonly since: number;
  readonly requests: number;
}

const LINE_LIMIT = 65536;

/** Asks one policy service (SMTPD_POLICY_README); connections are kept and used again. */
export class PolicyClient {
  readonly #idle: Idle[] = [];

  /**
   * @param queueDirectory what relative socket paths start from
   * @param warn takes what goes wrong
   */
  constructor(
    readonly options: PolicyOptions,
    private readonly queueDirectory: string,
    private readonly timer: CoarseTimer,
    private readonly warn: (text: string) => void,
  ) {}

  /** The action for a request with its empty line, or undefined when the service gave no answer in the tries it has. */
  async ask(request: Uint8Array): Promise<string | undefined> {
    const { tryLimit, retryDelay } = this.options;
    for (let attempt = 1;; attempt++) {
      // A connection that the server closed while it was idle says nothing about the server.
      const kept = this.#takeIdle();
      try {
        return await this.#exchange(kept ?? await this.#connect(), request);
      } catch (error) {
        if (kept !== undefined && isLost(error)) {
          attempt -= 1;
          continue;
        }
        // A server that is just being started again is no news.
        if (attempt >= tryLimit || !(isLost(error) || error instanceof BadAnswer || isAbsent(error))) {
          this.warn(`problem talking to server ${this.#server}: ${problemOf(error)}`);
        }
      }
      if (attempt >= tryLimit) return undefined;
      await new Promise((done) => setTimeout(done, retryDelay * 1000));
    }
  }

  /** Closes idle connections. */
  close(): void {
    for (const { stream } of this.#idle.splice(0)) stream.close();
  }

  #takeIdle(): Idle | undefined {
    const { maxIdle, maxTtl } = this.options;
    const now = performance.now();
    for (let idle = this.#idle.pop(); idle !== undefined; idle = this.#idle.pop()) {
      if (now - idle.since < maxIdle * 1000 && now - idle.opened < maxTtl * 1000) return idle;
      idle.stream.close();
    }
    return undefined;
  }

  async #connect(): Promise<Idle> {
    try {
      const connection = await withTimeout(this.#open(), this.options.timeout);
      const now = performance.now();
      return { stream: new SmtpStream(connection, this.timer), opened: now, since: now, requests: 0 };
    } catch (error) {
      this.warn(`connect to ${this.#server}: ${problemOf(error)}`);
      throw error;
    }
  }

  /** What the log calls the service: its endpoint without the type. */
  get #server(): string {
    return this.options.endpoint.replace(/^(inet|unix):/, "");
  }

  #open(): Promise<Deno.Conn> {
    const server = this.#server;
    if (this.options.endpoint.startsWith("unix:")) {
      const path = server.startsWith("/") ? server : `${this.queueDirectory}/${server}`;
      return Deno.connect({ transport: "unix", path });
    }
    const colon = server.lastIndexOf(":");
    const hostname = colon < 0 ? "localhost" : server.slice(0, colon).replace(/^\[(.*)\]$/, "$1");
    return Deno.connect({ hostname, port: Number(server.slice(colon + 1)) });
  }

  async #exchange(connection: Idle, request: Uint8Array): Promise<string> {
    const { stream, opened, requests } = connection;
    try {
      stream.setTimeout(this.options.timeout);
      await stream.write(request);
      let action: string | undefined;
      for (;;) {
        const line = stream.takeLine(LINE_LIMIT) ?? await stream.readLine(LINE_LIMIT);
        if (line === null) throw new SmtpStreamError("lost", "Connection closed by the server");
        if (line.length === 0) break;
        const text = decodeText(line);
        const equals = text.indexOf("=");
        // What is no attribute ends the search, as it does for Postfix.
        if (equals < 0) this.#complain();
        if (text.startsWith("action=")) action ??= text.slice(7).trim();
      }
      if (action === undefined) this.#complain();
      this.#keep({ stream, opened, since: performance.now(), requests: requests + 1 });
      return action;
    } catch (error) {
      stream.close();
      throw error;
    }
  }

  #complain(): never {
    this.warn(`missing attribute action in input from ${this.#server}`);
    throw new BadAnswer();
  }

  #keep(connection: Idle): void {
    const { requestLimit } = this.options;
    if (requestLimit > 0 && connection.requests >= requestLimit) connection.stream.close();
    else this.#idle.push(connection);
  }
}

/** The server answered, but not with an action. */
class BadAnswer extends Error {
  override readonly name = "BadAnswer";
  constructor() {
    super("Application error");
  }
}

function isLost(error: unknown): boolean {
  return error instanceof SmtpStreamError && error.kind === "lost";
}

function isAbsent(error: unknown): boolean {
  return error instanceof Deno.errors.NotFound;
}

/** A connection that takes longer than `seconds` to be made counts as failed; should it come after all, it is closed. */
async function withTimeout(opening: Promise<Deno.Conn>, seconds: number): Promise<Deno.Conn> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, failed) => {
    timer = setTimeout(() => failed(new SmtpStreamError("timeout", "Connection timed out")), seconds * 1000);
  });
  try {
    return await Promise.race([opening, late]);
  } catch (error) {
    opening.then((connection) => connection.close(), () => {});
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

/** Why the server did not answer, in the words of the log. */
function problemOf(error: unknown): string {
  if (error instanceof SmtpStreamError) {
    return error.kind === "timeout" ? "Connection timed out" : "Application error";
  }
  return reasonOf(error);
}
