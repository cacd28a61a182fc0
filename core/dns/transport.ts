/** One question to the name servers: UDP with repetition, TCP when an answer does not fit. */
import { writeAll } from "../bytes/mod.ts";
import { decodeMessage, encodeQuery, type WireMessage } from "./packet.ts";
import type { NameServer, ResolverSettings } from "./system_config.ts";

/** No name server gave a usable answer. */
class NoAnswerError extends Error {
  override readonly name = "NoAnswerError";
}

/** A name server answered with something that is no DNS message. */
export class MalformedReplyError extends Error {
  override readonly name = "MalformedReplyError";
}

/** The largest UDP datagram that is read. */
const LARGEST_DATAGRAM = 65535;

let datagramBuffer: Uint8Array | undefined;

/** Unpredictable, so that a forged answer must guess it together with the port (RFC 5452 section 9). */
function randomId(): number {
  return crypto.getRandomValues(new Uint16Array(1))[0]!;
}

function sameName(left: string, right: string): boolean {
  return left.toLowerCase() === right.toLowerCase();
}

/** Does the message answer this question (RFC 5452 section 9.1)? */
function answers(message: WireMessage, id: number, name: string, type: string): boolean {
  const question = message.questions[0];
  return message.type === "response" && message.id === id && message.questions.length === 1 &&
    question !== undefined && sameName(question.name, name) && question.type === type;
}

async function askByUdp(
  server: NameServer,
  name: string,
  type: string,
  dnssec: boolean,
  timeout: number,
): Promise<WireMessage> {
  const hostname = server.address.includes(":") ? "::" : "0.0.0.0";
  const socket = Deno.listenDatagram({ transport: "udp", hostname, port: 0 });
  let timedOut = false;
  const timer = setTimeout(() => {
    timedOut = true;
    socket.close();
  }, timeout * 1000);
  try {
    const id = randomId();
    const query = encodeQuery(id, name, type, dnssec);
    await socket.send(query, { transport: "udp", hostname: server.address, port: server.port });
    for (;;) {
      const buffer = datagramBuffer ?? new Uint8Array(LARGEST_DATAGRAM);
      datagramBuffer = undefined;
      const [bytes, from] = await socket.receive(buffer);
      if (from.transport !== "udp" || from.hostname !== server.address || from.port !== server.port) continue;
      if (bytes.length < 12 || bytes[0] !== id >> 8 || bytes[1] !== (id & 255)) continue;
      let message: WireMessage;
      try {
        message = decodeMessage(bytes.slice());
      } catch (cause) {
        throw new MalformedReplyError(`${server.address} sent a malformed reply`, { cause });
      }
      datagramBuffer = buffer;
      if (answers(message, id, name, type)) return message;
    }
  } catch (error) {
    if (timedOut) throw new NoAnswerError(`${server.address} did not answer in ${timeout} s`);
    throw error;
  } finally {
    clearTimeout(timer);
    if (!timedOut) socket.close();
  }
}

async function readFully(connection: Deno.Conn, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) {
    const count = await connection.read(bytes.subarray(at));
    if (count === null) throw new NoAnswerError("The name server closed the connection");
    at += count;
  }
}

async function askByTcp(
  server: NameServer,
  name: string,
  type: string,
  dnssec: boolean,
  timeout: number,
): Promise<WireMessage> {
  const abort = new AbortController();
  let connection: Deno.Conn | undefined;
  let timedOut = false;
  const timer = setTimeout(() => {
    timedOut = true;
    abort.abort();
    connection?.close();
  }, timeout * 1000);
  try {
    connection = await Deno.connect({ hostname: server.address, port: server.port, signal: abort.signal });
    const id = randomId();
    const query = encodeQuery(id, name, type, dnssec);
    // RFC 1035 section 4.2.2: two octets of length in front.
    const framed = new Uint8Array(query.length + 2);
    framed[0] = query.length >> 8;
    framed[1] = query.length & 255;
    framed.set(query, 2);
    await writeAll(connection, framed);
    const length = new Uint8Array(2);
    await readFully(connection, length);
    const reply = new Uint8Array(length[0]! * 256 + length[1]!);
    await readFully(connection, reply);
    let message: WireMessage;
    try {
      message = decodeMessage(reply);
    } catch (cause) {
      throw new MalformedReplyError(`${server.address} sent a malformed reply`, { cause });
    }
    if (answers(message, id, name, type)) return message;
    throw new MalformedReplyError(`${server.address} answered another question`);
  } catch (error) {
    if (timedOut) throw new NoAnswerError(`${server.address} did not answer in ${timeout} s`);
    throw error;
  } finally {
    clearTimeout(timer);
    if (!timedOut) connection?.close();
  }
}

/** Replies that say "ask somebody else". */
const NEXT_SERVER = new Set(["SERVFAIL", "NOTIMP", "REFUSED"]);

/** A question with everything that is needed to ask it. */
export interface Question {
  readonly name: string;
  readonly type: string;
  readonly dnssec: boolean;
  /** Which server is asked first (`options rotate`). */
  readonly first: number;
}

async function askServer(server: NameServer, question: Question, timeout: number, tcp: boolean) {
  const { name, type, dnssec } = question;
  if (tcp) return await askByTcp(server, name, type, dnssec, timeout);
  const message = await askByUdp(server, name, type, dnssec, timeout);
  // RFC 7766 section 5: a truncated answer must be asked for again over TCP.
  return message.flag_tc ? await askByTcp(server, name, type, dnssec, timeout) : message;
}

/**
 * Asks the servers in turn until one answers with NOERROR or NXDOMAIN or another final code. Rejects with
 * `NoAnswerError` when none did in `attempts` rounds, with `MalformedReplyError` when the last one sent garbage.
 */
export async function askServers(settings: ResolverSettings, question: Question): Promise<WireMessage> {
  const { servers } = settings;
  let problem: Error = new NoAnswerError("There is no name server");
  for (let attempt = 0; attempt < settings.attempts; attempt++) {
    // As libresolv waits: longer in each round, which all servers share after the first.
    const wait = attempt === 0 ? settings.timeout : settings.timeout * 2 ** attempt / servers.length;
    for (let turn = 0; turn < servers.length; turn++) {
      const server = servers[(question.first + turn) % servers.length]!;
      try {
        const message = await askServer(server, question, Math.max(wait, 1), settings.tcpOnly);
        if (!NEXT_SERVER.has(message.rcode ?? "NOERROR")) return message;
        problem = new NoAnswerError(`${server.address} answered ${message.rcode}`);
      } catch (error) {
        problem = error instanceof Error ? error : new NoAnswerError(String(error));
      }
    }
  }
  throw problem;
}
