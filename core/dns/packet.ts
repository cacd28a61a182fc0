/** The DNS wire format: the package `dns-packet` behind types of our own. */
import { Buffer } from "node:buffer";
import packet from "dns-packet";

export interface WireQuestion {
  readonly name: string;
  readonly type: string;
  readonly class?: string;
}

/** A resource record; `data` depends on the type. */
export interface WireRecord {
  readonly name: string;
  readonly type: string;
  readonly class?: string;
  readonly ttl?: number;
  readonly data?: unknown;
  readonly udpPayloadSize?: number;
  readonly flags?: number;
}

export interface WireMessage {
  readonly id: number;
  readonly type: "query" | "response";
  readonly rcode?: string;
  /** The flag bits of the header as a number. */
  readonly flags?: number;
  readonly flag_tc?: boolean;
  readonly flag_ad?: boolean;
  readonly questions: readonly WireQuestion[];
  readonly answers: readonly WireRecord[];
  readonly authorities?: readonly WireRecord[];
  readonly additionals?: readonly WireRecord[];
}

const codec = packet as unknown as {
  encode(message: Partial<WireMessage>): Uint8Array;
  decode(bytes: Buffer): WireMessage;
};

const RECURSION_DESIRED = 0x100;
const AUTHENTIC_DATA = 0x20;

/** A message in the wire format (RFC 1035 section 4). */
export function encodeMessage(message: Partial<WireMessage>): Uint8Array {
  return codec.encode(message);
}

/** Throws on anything that is not a whole DNS message. */
export function decodeMessage(bytes: Uint8Array): WireMessage {
  return codec.decode(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
}

/** The bytes of a question. */
export function encodeQuery(id: number, name: string, type: string, dnssec: boolean): Uint8Array {
  return encodeMessage({
    id,
    type: "query",
    flags: RECURSION_DESIRED | (dnssec ? AUTHENTIC_DATA : 0),
    questions: [{ name, type, class: "IN" }],
    // RFC 6891: replies of up to 1232 octets pass nearly every path without fragments.
    additionals: [{ name: ".", type: "OPT", udpPayloadSize: 1232, flags: dnssec ? 0x8000 : 0 }],
  });
}
