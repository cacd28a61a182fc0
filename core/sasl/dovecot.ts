/** The client's side of Dovecot's authentication protocol, version 1, over a UNIX or TCP socket. */
import { connect, type Socket } from "node:net";
import { decodeText, encodeText } from "../bytes/mod.ts";
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

export interface DovecotOptions {
  /** `smtpd_sasl_path`: a path, `unix:path` or `inet:host:port`. */
  readonly path: string;
  /** What relative paths start from. */
  readonly queueDirectory: string;
  /** `smtp`. */
  readonly service: string;
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
    if (!to.open) throw new SaslError("Connection lost to authentication server");
    let timer: ReturnType<typeof setTimeout> | undefined;
    try {
      return await new Promise<Answer>((answer, fail) => {
        to.waiting.set(id, { answer, fail });
        timer = setTimeout(() => {
          fail(new SaslError("Connection lost to authentication server"));
          to.socket.destroy();
        }, TIMEOUT * 1000);
        to.socket.write(encodeText(line));
      });
    } finally {
      clearTimeout(timer);
      to.waiting.delete(id);
    }
  };

  async function* dialogue(
    mechanism: string,
    initial: Uint8Array | undefined,
    peer: SaslPeer,
  ): ServerDialogue {
    const to = await connected();
    const id = nextId++;
    let line = `AUTH\t${id}\t${mechanism}\tservice=${options.service}\tnologin` +
      `\tlip=${peer.serverAddress}\trip=${peer.clientAddress}` +
      (peer.serverPort === "" ? "" : `\tlport=${peer.serverPort}`) +
      (peer.clientPort === "" ? "" : `\trport=${peer.clientPort}`) +
      (peer.tls ? "\tsecured" : "") +
      // Has to be the last one.
      (initial === undefined ? "" : `\tresp=${encodeBase64(initial)}`);
    for (;;) {
      const { verb, fields } = await ask(to, id, `${line}\n`);
      if (verb !== "CONT") return outcomeOf(verb, fields);
      const challenge = decodeBase64(fields[0] ?? "");
      if (challenge === undefined) throw new SaslError("the authentication server's challenge is not base64");
      line = `CONT\t${id}\t${encodeBase64(yield challenge)}`;
    }
  }

  return {
    async mechanisms(security) {
      const { mechanisms } = await connected();
      return mechanisms.filter((each) => suits(each, security)).map((each) => each.name);
    },
    begin: dialogue,
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

function outcomeOf(verb: string, fields: readonly string[]): SaslOutcome {
  const parameters = new Map(fields.map((field) => {
    const equals = field.indexOf("=");
    return equals < 0 ? [field, ""] : [field.slice(0, equals), field.slice(equals + 1)];
  }));
  const user = parameters.get("user");
  if (verb === "OK" && user !== undefined && user !== "") return { kind: "done", user };
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
        fail(new SaslError("Connection lost to authentication server"));
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
        end(`${options.path}: the authentication server speaks protocol version ${fields[0]}, not 1`);
      } else if (verb === "MECH" && fields[0] !== undefined && /^[A-Z0-9_-]+$/i.test(fields[0])) {
        mechanisms.push({ name: fields[0].toUpperCase(), properties: new Set(fields.slice(1)) });
      } else if (verb === "OK" || verb === "FAIL" || verb === "CONT") {
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
      (error) => end(`Can't connect to authentication server at ${options.path}: ${error.message}`),
    );
    socket.on("close", () => end("Connection lost to authentication server"));
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
