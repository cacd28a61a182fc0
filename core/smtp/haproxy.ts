/**
 * The header that a proxy in front of a server sends first (HAProxy PROXY protocol, versions 1 and 2): from where and to
 * where the connection was made that it hands on.
 */
import { isIP } from "node:net";

/** Longest header of Postfix's, which leaves some room for extensions (TLVs). */
export const MOST_HEADER_BYTES = 536;

/** One end of the connection that the proxy took. */
export interface ProxiedEndpoint {
  /** IPv4, or IPv6; an IPv4 address in IPv6's form is given as IPv4. */
  readonly address: string;
  readonly port: string;
}

/** What a header says. */
export type ProxyHeader =
  /** More input is needed. */
  | { readonly kind: "incomplete" }
  /** `problem` in the words of Postfix's log line. */
  | { readonly kind: "bad"; readonly problem: string }
  /** The proxy talks on its own behalf, as for a health check. */
  | { readonly kind: "local"; readonly length: number }
  | {
    readonly kind: "proxied";
    /** Octets of the header. */
    readonly length: number;
    readonly client: ProxiedEndpoint;
    readonly server: ProxiedEndpoint;
  };

/** Address families that the system speaks (`inet_protocols`). */
export interface Families {
  readonly ipv4: boolean;
  readonly ipv6: boolean;
}

/** `PROXY ` */
const KEYWORD = [0x50, 0x52, 0x4f, 0x58, 0x59, 0x20];
const SIGNATURE = [0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a];
const V2_PREFIX = 16;
const LF = 10;
const VERSION_2 = 0x20;
const LOCAL = 0;
const PROXY = 1;
/** TCP over IPv4 and over IPv6. */
const TCP4 = 0x11;
const TCP6 = 0x21;
const ADDRESS_BYTES = { [TCP4]: 12, [TCP6]: 36 } as const;

function bad(problem: string): ProxyHeader {
  return { kind: "bad", problem };
}

/** True if `input` begins with `start`, as far as it goes. */
function beginsWith(input: Uint8Array, start: readonly number[]): boolean {
  const length = Math.min(input.length, start.length);
  for (let at = 0; at < length; at++) if (input[at] !== start[at]) return false;
  return true;
}

/**
 * Reads the header at the start of `input`.
 * @param ended nothing more will come
 */
export function parseProxyHeader(input: Uint8Array, families: Families, ended = false): ProxyHeader {
  const incomplete = (problem: string): ProxyHeader => ended ? bad(problem) : { kind: "incomplete" };
  if (beginsWith(input, KEYWORD)) {
    if (input.length < KEYWORD.length) return incomplete("short protocol header");
    const end = input.subarray(0, MOST_HEADER_BYTES).indexOf(LF);
    if (end >= 0) return parseVersion1(input.subarray(0, end), end + 1, families);
    const problem = "missing protocol header terminator";
    return input.length >= MOST_HEADER_BYTES ? bad(problem) : incomplete(problem);
  }
  if (beginsWith(input, SIGNATURE)) {
    if (input.length < V2_PREFIX) return incomplete("short protocol header");
    return parseVersion2(input, families, ended);
  }
  return bad(input.length < V2_PREFIX ? "short protocol header" : "unrecognized protocol header");
}

function parseVersion1(line: Uint8Array, length: number, families: Families): ProxyHeader {
  const [, family, client, server, clientPort, serverPort] = String.fromCharCode(...line)
    .split(/[ \r\n]+/);
  const kind = family === "TCP4" && families.ipv4 ? 4 : family === "TCP6" && families.ipv6 ? 6 : 0;
  if (kind === 0) return bad("bad or missing protocol type");
  if (client === undefined || isIP(client) !== kind) return bad("bad or missing client address");
  if (server === undefined || isIP(server) !== kind) return bad("bad or missing server address");
  if (!isPort(clientPort)) return bad("bad or missing client port");
  if (!isPort(serverPort)) return bad("bad or missing server port");
  return {
    kind: "proxied",
    length,
    client: { address: unmapped(client), port: clientPort },
    server: { address: unmapped(server), port: serverPort },
  };
}

function isPort(text: string | undefined): text is string {
  return text !== undefined && /^(?:0|[1-9]\d{0,4})$/.test(text) && Number(text) <= 65535;
}

/** IPv4 where an IPv6 socket shows it in its own form (RFC 4291 section 2.5.5.2). */
function unmapped(address: string): string {
  return /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1] ?? address.toLowerCase();
}

function parseVersion2(input: Uint8Array, families: Families, ended: boolean): ProxyHeader {
  const view = new DataView(input.buffer, input.byteOffset, input.byteLength);
  const [verb, transport] = [input[12]!, input[13]!];
  if ((verb & 0xf0) !== VERSION_2) return bad("unrecognized protocol version");
  const body = view.getUint16(14);
  const length = V2_PREFIX + body;
  if (length > MOST_HEADER_BYTES) return bad("short version 2 protocol header");
  if (input.length < length) {
    return ended ? bad("short version 2 protocol header") : { kind: "incomplete" };
  }
  const command = verb & 0x0f;
  if (command === LOCAL) return { kind: "local", length };
  if (command !== PROXY) return bad("bad command in proxy header");
  if (transport !== TCP4 && transport !== TCP6) return bad("unsupported network protocol");
  if (transport === TCP4 && !families.ipv4) return bad("Postfix IPv4 support is disabled");
  if (transport === TCP6 && !families.ipv6) return bad("Postfix IPv6 support is disabled");
  if (body < ADDRESS_BYTES[transport]) return bad("short address field");
  const size = transport === TCP4 ? 4 : 16;
  const ports = V2_PREFIX + 2 * size;
  const endpoint = (index: number): ProxiedEndpoint => ({
    address: addressText(input.subarray(V2_PREFIX + index * size, V2_PREFIX + (index + 1) * size)),
    port: String(view.getUint16(ports + 2 * index)),
  });
  return { kind: "proxied", length, client: endpoint(0), server: endpoint(1) };
}

/** An address in its usual form. */
function addressText(bytes: Uint8Array): string {
  if (bytes.length === 4) return bytes.join(".");
  const mapped = bytes.subarray(0, 10).every((byte) => byte === 0) && bytes[10] === 0xff &&
    bytes[11] === 0xff;
  if (mapped) return bytes.subarray(12).join(".");
  const groups: string[] = [];
  for (let at = 0; at < 16; at += 2) groups.push(((bytes[at]! << 8) | bytes[at + 1]!).toString(16));
  // URL knows RFC 5952.
  return new URL(`http://[${groups.join(":")}]/`).hostname.slice(1, -1);
}
