/** The client's side of Dovecot's authentication protocol, version 1, over a UNIX or TCP socket. */
import { connect, type Socket } from "node:net";
import { decodeText, encodeText } from "../bytes/mod.ts";
import { reasonOf } from "../errors/mod.ts";
import type { TableLog } from "../table/mod.ts";
import { decodeBase64, encodeBase64 } from "./text.ts";
import {
  SaslError,
  type SaslOutcome,
  type SaslPeer,
  type SaslServer,
  type SecurityOption,
  type ServerDialogue,
} from "./types.ts";

/** Seconds that the server gets to connect, to greet and to answer. */
const TIMEOUT = 10;
/** A server that sends more than this without a line end is no authentication server. */
const MOST_UNREAD = 65536;
const VERSION = "VERSION\t1\t1\n";
const LOST = "Connection lost to authentication server";

export interface DovecotOptions {
  /** `smtpd_sasl_path`: a path, `unix:path` or `inet:host:port`. */
  readonly path: string;
  /** What relative paths start from. */
  readonly queueDirectory: string;
  /** `smtp`. */
  readonly service: string;
  /** Where it is said that the server does not keep to the protocol; nowhere if absent. */
  readonly log?: TableLog | undefined;
}

interface Mechanism {
  readonly name: string;
  readonly properties: ReadonlySet<string>;
}

type Answer = { readonly verb: string; readonly fields: readonly string[] };

/** An open connection: the mechanisms that the server has, and the requests that wait for an answer. */
interface Link {
  readonly socket: Socket;
  readonly mechanisms: readonly Mechanism[];
  readonly waiting: Map<number, { answer(answer: Answer): void; fail(error: SaslError): void }>;
  open: boolean;
}

/** Makes the server. It connects when it is first needed, and again after the connection was lost. */
export function createDovecotServer(options: DovecotOptions): SaslServer {
  let link: Promise<Link> | undefined;
  let nextId = 1;

  const connected = async (): Promise<Link> => {
    const present = await link?.catch(() => undefined);
    if (present?.open === true) return present;
    const fresh = link = openLink(options);
    return await fresh;
  };
  /** Sends a line for one request and waits for the answer to it. */
  const ask = async (to: Link, id: number, line: string): Promise<Answer> => {
    if (!to.open) throw new SaslError(LOST);
    let timer: ReturnType<typeof setTimeout> | undefined;
    try {
      return await new Promise<Answer>((answer, fail) => {
        to.waiting.set(id, { answer, fail });
        timer = setTimeout(() => {
          // Later requests go over a new connection; those that wait here keep their chance.
          to.open = false;
          fail(new SaslError(LOST));
        }, TIMEOUT * 1000);
        to.socket.write(encodeText(line));
      });
    } finally {
      clearTimeout(timer);
      to.waiting.delete(id);
      if (!to.open && to.waiting.size === 0) to.socket.destroy();
    }
  };

  const backendError = (problem: string): SaslOutcome => {
    options.log?.warning(problem);
    return { kind: "failed", reason: "Authentication backend error" };
  };

  async function* dialogue(
    mechanism: string,
    initial: Uint8Array | undefined,
    peer: SaslPeer,
  ): ServerDialogue {
    let to: Link;
    try {
      to = await connected();
    } catch (error) {
      return unreachable(error, "Can't connect to authentication server");
    }
    const id = nextId++;
    let line = `AUTH\t${id}\t${mechanism}\tservice=${options.service}\tnologin` +
      `\tlip=${peer.serverAddress}\trip=${peer.clientAddress}` +
      (peer.serverPort === "" ? "" : `\tlport=${peer.serverPort}`) +
      (peer.clientPort === "" ? "" : `\trport=${peer.clientPort}`) +
      (peer.tls ? "\tsecured" : "") +
      // Has to be the last one.
      (initial === undefined ? "" : `\tresp=${encodeBase64(initial)}`);
    for (;;) {
      let answer: Answer;
      try {
        answer = await ask(to, id, `${line}\n`);
      } catch (error) {
        return unreachable(error, LOST);
      }
      const { verb, fields } = answer;
      if (verb !== "CONT") {
        const outcome = outcomeOf(verb, fields);
        return outcome ?? backendError("missing Dovecot server OK username field");
      }
      if (fields[0] === undefined) return backendError("missing Dovecot server CONT reply field");
      const challenge = decodeBase64(fields[0]);
      if (challenge === undefined) return backendError("a challenge of the Dovecot server is not base64");
      line = `CONT\t${id}\t${encodeBase64(yield challenge)}`;
    }
  }

  /** The client may try again later. */
  function unreachable(error: unknown, reason: string): SaslOutcome {
    if (!(error instanceof SaslError)) throw error;
    if (error.message !== LOST) options.log?.warning(`SASL: ${error.message}`);
    return { kind: "failed", reason, temporary: true };
  }

  return {
    async mechanisms(security) {
      const { mechanisms } = await connected();
      return mechanisms.filter((each) => suits(each, security)).map((each) => each.name);
    },
    begin: dialogue,
    unknownMechanism: () => ({ kind: "failed", reason: "Invalid authentication mechanism" }),
    close() {
      link?.then((open) => open.socket.destroy(), () => {});
    },
  };
}

/** Has a mechanism all properties that are asked for? Dovecot names the weaknesses, and two strengths. */
function suits(mechanism: Mechanism, security: ReadonlySet<SecurityOption>): boolean {
  const { properties } = mechanism;
  if (properties.has("private")) return false;
  for (const option of security) {
    const strength = option === "forward_secrecy" || option === "mutual_auth";
    const word = strength ? option.replace("_", "-") : option.slice(2);
    if (properties.has(word) !== strength) return false;
  }
  return true;
}

/** What an answer says; undefined if it says yes and not to whom. */
function outcomeOf(verb: string, fields: readonly string[]): SaslOutcome | undefined {
  const parameters = new Map(fields.map((field) => {
    const equals = field.indexOf("=");
    return equals < 0 ? [field, ""] : [field.slice(0, equals), field.slice(equals + 1)];
  }));
  const user = parameters.get("user");
  if (verb === "OK") return user === undefined || user === "" ? undefined : { kind: "done", user };
  const reason = parameters.get("reason") ?? "";
  return {
    kind: "failed",
    reason,
    ...(parameters.has("temp") ? { temporary: true } : {}),
    ...(user === undefined ? {} : { user }),
  };
}

function openLink(options: DovecotOptions): Promise<Link> {
  return new Promise((resolve, reject) => {
    const socket = dial(options);
    const mechanisms: Mechanism[] = [];
    const link: Link = { socket, mechanisms, waiting: new Map(), open: false };
    let greeted = false;
    const end = (message: string) => {
      link.open = false;
      clearTimeout(timer);
      socket.destroy();
      reject(new SaslError(message));
      for (const { fail } of link.waiting.values()) {
        fail(new SaslError(LOST));
      }
      link.waiting.clear();
    };
    const timer = setTimeout(
      () => end(`${options.path}: no greeting from the authentication server`),
      TIMEOUT * 1000,
    );
    const takeLine = (line: string) => {
      const [verb = "", ...fields] = line.split("\t");
      if (verb === "DONE" && !greeted) {
        greeted = true;
        clearTimeout(timer);
        link.open = true;
        // An idle connection is no reason for the process to stay.
        socket.unref();
        resolve(link);
      } else if (verb === "VERSION" && fields[0] !== "1") {
        end(`Protocol version mismatch (${fields[0]} vs. 1)`);
      } else if (verb === "MECH" && fields[0] !== undefined && /^[A-Z0-9_-]+$/i.test(fields[0])) {
        mechanisms.push({ name: fields[0].toUpperCase(), properties: new Set(fields.slice(1)) });
      } else if (verb === "OK" || verb === "FAIL" || verb === "CONT") {
        if (fields[0] === undefined) options.log?.warning("SASL: Protocol error");
        link.waiting.get(Number(fields[0]))?.answer({ verb, fields: fields.slice(1) });
      }
    };
    let unread = "";
    socket.on("connect", () => socket.write(encodeText(`${VERSION}CPID\t${Deno.pid}\n`)));
    socket.on("data", (chunk: Uint8Array) => {
      unread += decodeText(chunk);
      const lines = unread.split("\n");
      unread = lines.pop()!;
      for (const line of lines) takeLine(line);
      if (unread.length > MOST_UNREAD) {
        end(`${options.path}: a line without end from the authentication server`);
      }
    });
    socket.on(
      "error",
      (error) => end(`Connect to Dovecot auth socket '${options.path}' failed: ${reasonOf(error)}`),
    );
    socket.on("close", () => end(LOST));
  });
}

function dial({ path, queueDirectory }: DovecotOptions): Socket {
  const inet = /^inet:(?:(.*):)?(\d+)$/.exec(path);
  if (inet !== null) {
    return connect({ host: inet[1]?.replace(/^\[(.*)\]$/, "$1") || "localhost", port: Number(inet[2]) });
  }
  const file = path.replace(/^unix:/, "");
  return connect(file.startsWith("/") ? file : `${queueDirectory}/${file}`);
}
