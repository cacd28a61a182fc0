/** A small name server on the loopback for tests: zones as data, misbehaviour on demand. */
import type { NameServer } from "./system_config.ts";
import { decodeMessage, encodeMessage, type WireMessage, type WireRecord } from "./packet.ts";

/** What the server does with a question that has no records. */
export type Misbehaviour =
  | "SERVFAIL"
  | "REFUSED"
  | "NOTIMP"
  | "FORMERR"
  | "silent"
  | "garbage"
  | "wrong-id"
  | "wrong-question"
  | "truncated";

/** One record of a zone: `data` as dns-packet takes it (`{ preference, exchange }` for MX). */
export interface ZoneRecord {
  readonly type: string;
  readonly data: unknown;
  readonly ttl?: number;
}

/** Records by name. `"mx example.com": "SERVFAIL"` (type and name) or a bare name make it misbehave. */
export interface Zone {
  readonly records: Readonly<Record<string, readonly ZoneRecord[]>>;
  readonly faults?: Readonly<Record<string, Misbehaviour>>;
  /** Names whose answers are marked as validated (AD), for clients that ask for that. */
  readonly secure?: readonly string[];
}

export interface FakeNameServer extends AsyncDisposable {
  readonly address: NameServer;
  /** Every question that arrived, `MX example.com`, in order. */
  readonly questions: string[];
  /** Replaces the zone. */
  serve(zone: Zone): void;
  close(): Promise<void>;
}

/** Shorthands for zones. */
export const mx = (preference: number, exchange: string, ttl = 300): ZoneRecord => ({
  type: "MX",
  data: { preference, exchange },
  ttl,
});
export const a = (data: string, ttl = 300): ZoneRecord => ({ type: "A", data, ttl });
export const aaaa = (data: string, ttl = 300): ZoneRecord => ({ type: "AAAA", data, ttl });
export const cname = (data: string, ttl = 300): ZoneRecord => ({ type: "CNAME", data, ttl });

const AUTHORITATIVE_AND_RECURSIVE = 0x580;
const TRUNCATED = 0x200;
const AUTHENTIC = 0x20;
const CODES: Record<string, number> = { FORMERR: 1, SERVFAIL: 2, NXDOMAIN: 3, NOTIMP: 4, REFUSED: 5 };

const soa: WireRecord = {
  name: "test",
  type: "SOA",
  class: "IN",
  ttl: 60,
  data: { mname: "ns.test", rname: "root.test", serial: 1, refresh: 60, retry: 60, expire: 60, minimum: 60 },
};

/** The reply to a question, or undefined for none. */
function answer(zone: Zone, query: WireMessage, overTcp: boolean): Uint8Array | undefined {
  const question = query.questions[0]!;
  const name = question.name.toLowerCase();
  const fault = zone.faults?.[`${question.type.toLowerCase()} ${name}`] ?? zone.faults?.[name];
  if (fault === "silent") return undefined;
  if (fault === "garbage") {
    return Uint8Array.of(query.id >> 8, query.id & 255, 0x84, 0, 0, 1, 0, 9, 0, 0, 0, 0, 63, 1);
  }
  const answers: WireRecord[] = [];
  let owner = name;
  let exists = false;
  for (let step = 0; step < 20; step++) {
    const records = zone.records[owner];
    if (records === undefined) break;
    exists = true;
    const direct = records.filter((record) => record.type === question.type);
    const alias = direct.length === 0 ? records.find((record) => record.type === "CNAME") : undefined;
    for (const record of alias === undefined ? direct : [alias]) {
      answers.push({
        name: owner,
        class: "IN",
        ttl: record.ttl ?? 300,
        type: record.type,
        data: record.data,
      });
    }
    if (alias === undefined) break;
    owner = String(alias.data).toLowerCase();
  }
  const truncated = fault === "truncated" && !overTcp;
  let flags = AUTHORITATIVE_AND_RECURSIVE;
  if (fault !== undefined && CODES[fault] !== undefined) flags |= CODES[fault];
  else if (!exists) flags |= CODES.NXDOMAIN!;
  if (truncated) flags |= TRUNCATED;
  if (zone.secure?.includes(name) === true && ((query.flags ?? 0) & AUTHENTIC) !== 0) flags |= AUTHENTIC;
  return encodeMessage({
    id: fault === "wrong-id" ? query.id ^ 1 : query.id,
    type: "response",
    flags,
    questions: fault === "wrong-question" ? [{ ...question, name: `x${question.name}` }] : query.questions,
    answers: truncated || (flags & 15) !== 0 ? [] : answers,
    authorities: answers.length === 0 ? [soa] : [],
  });
}

/** Starts a name server on 127.0.0.1, on the same free port for UDP and TCP unless one is given. */
export function startNameServer(zone: Zone, at: Partial<NameServer> = {}): FakeNameServer {
  const hostname = at.address ?? "127.0.0.1";
  const tcp = Deno.listen({ hostname, port: at.port ?? 0 });
  const port = tcp.addr.port;
  const udp = Deno.listenDatagram({ transport: "udp", hostname, port });
  let current = zone;
  const questions: string[] = [];
  const note = (query: WireMessage) =>
    questions.push(`${query.questions[0]?.type} ${query.questions[0]?.name}`);

  const serveUdp = async () => {
    for await (const [bytes, from] of udp) {
      const query = decodeMessage(bytes.slice());
      note(query);
      const reply = answer(current, query, false);
      if (reply !== undefined) await udp.send(reply, from);
    }
  };
  const serveConnection = async (connection: Deno.Conn) => {
    const buffer = new Uint8Array(65537);
    let length = 0;
    try {
      while (length < 2 || length < 2 + buffer[0]! * 256 + buffer[1]!) {
        const count = await connection.read(buffer.subarray(length));
        if (count === null) return;
        length += count;
      }
      const query = decodeMessage(buffer.slice(2, length));
      note(query);
      const reply = answer(current, query, true);
      if (reply === undefined) return;
      await connection.write(Uint8Array.of(reply.length >> 8, reply.length & 255, ...reply));
    } finally {
      connection.close();
    }
  };
  const serveTcp = async () => {
    for await (const connection of tcp) serveConnection(connection).catch(() => {});
  };
  const running = Promise.allSettled([serveUdp(), serveTcp()]);
  const close = async () => {
    udp.close();
    tcp.close();
    await running;
  };
  return {
    address: { address: hostname, port },
    questions,
    serve: (next) => {
      current = next;
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}
