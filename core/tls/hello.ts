/**
 * What the first, unencrypted messages of a TLS handshake tell (RFC 8446 section 4.1, RFC 5246 section 7.4): the runtime's
 * TLS engine keeps this to itself, but the choice of a certificate and the log need it.
 */

/** What a client offers. */
export interface ClientHello {
  /** Lower-case host name of the server that the client wants to reach; empty if it does not say. */
  readonly serverName: string;
  readonly cipherSuites: ReadonlySet<number>;
  /** Signature schemes in the client's order; empty if it does not say. */
  readonly signatureSchemes: readonly number[];
  /** It can speak TLS 1.3; TLS 1.2. */
  readonly tls13: boolean;
  readonly tls12: boolean;
}

/** The input is no TLS handshake. */
export class HelloError extends Error {
  override readonly name = "HelloError";
}

const HANDSHAKE_RECORD = 22;
const CHANGE_CIPHER_SPEC_RECORD = 20;
const CLIENT_HELLO = 1;
const SERVER_HELLO = 2;
/** A hello that is longer than this is not meant seriously. */
const MOST_HELLO_BYTES = 65536;
const RECORD_HEADER = 5;
const MOST_RECORD_BYTES = 16384 + 2048;
const EXTENSION_SERVER_NAME = 0;
const EXTENSION_SIGNATURE_ALGORITHMS = 13;
const EXTENSION_SUPPORTED_VERSIONS = 43;
const EXTENSION_KEY_SHARE = 51;
const TLS12 = 0x0303;
const TLS13 = 0x0304;
/** RFC 8446 section 4.1.3: the "random" of a HelloRetryRequest. */
const RETRY_RANDOM = "cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c";

/** Names of key exchange groups (RFC 8446 section 4.2.7) as OpenSSL has them. */
const GROUPS: ReadonlyMap<number, string> = new Map([
  [0x0017, "ECDH (prime256v1)"],
  [0x0018, "ECDH (secp384r1)"],
  [0x0019, "ECDH (secp521r1)"],
  [0x001d, "X25519"],
  [0x001e, "X448"],
  [0x0100, "DHE (2048 bits)"],
  [0x11ec, "X25519MLKEM768"],
]);

/** Reads numbers and vectors of RFC 8446 section 3.4; running out of bytes is a `HelloError`. */
class Reader {
  #at = 0;
  constructor(readonly bytes: Uint8Array) {}

  get rest(): number {
    return this.bytes.length - this.#at;
  }

  number(size: number): number {
    let value = 0;
    for (const byte of this.take(size)) value = value * 256 + byte;
    return value;
  }

  take(size: number): Uint8Array {
    if (size > this.rest) throw new HelloError("handshake message is cut short");
    this.#at += size;
    return this.bytes.subarray(this.#at - size, this.#at);
  }

  /** A vector with a length of `size` bytes in front. */
  vector(size: number): Reader {
    return new Reader(this.take(this.number(size)));
  }
}

/** Collects the bytes of one direction until the hello in them is complete. */
class HelloCollector {
  #bytes = new Uint8Array(0);

  constructor(readonly type: number) {}

  /** The body of the next handshake message, or undefined if more has to come. Throws `HelloError`. */
  add(chunk: Uint8Array): Uint8Array | undefined {
    if (this.#bytes.length + chunk.length > 2 * MOST_HELLO_BYTES) throw new HelloError("hello is too long");
    const joined = new Uint8Array(this.#bytes.length + chunk.length);
    joined.set(this.#bytes);
    joined.set(chunk, this.#bytes.length);
    this.#bytes = joined;
    const messages: Uint8Array[] = [];
    let length = 0;
    for (let at = 0; at < joined.length;) {
      const kind = joined[at]!;
      if (kind !== HANDSHAKE_RECORD && !(kind === CHANGE_CIPHER_SPEC_RECORD && this.type === SERVER_HELLO)) {
        // What follows a whole hello is encrypted.
        if (length > 0) break;
        throw new HelloError("wrong version number: this is not TLS");
      }
      if (at + RECORD_HEADER > joined.length) break;
      if (joined[at + 1] !== 3) throw new HelloError("wrong version number: this is not TLS");
      const size = joined[at + 3]! * 256 + joined[at + 4]!;
      if (size === 0 || size > MOST_RECORD_BYTES) throw new HelloError("bad record length");
      const end = at + RECORD_HEADER + size;
      if (kind === HANDSHAKE_RECORD) {
        const part = joined.subarray(at + RECORD_HEADER, Math.min(end, joined.length));
        messages.push(part);
        length += part.length;
      }
      at = end;
    }
    const handshake = new Uint8Array(length);
    let at = 0;
    for (const part of messages) {
      handshake.set(part, at);
      at += part.length;
    }
    return this.#message(handshake);
  }

  #message(handshake: Uint8Array): Uint8Array | undefined {
    for (let at = 0; at + 4 <= handshake.length;) {
      if (handshake[at] !== this.type) throw new HelloError("unexpected handshake message");
      const size = handshake[at + 1]! * 65536 + handshake[at + 2]! * 256 + handshake[at + 3]!;
      if (size > MOST_HELLO_BYTES) throw new HelloError("handshake message is too long");
      const body = handshake.subarray(at + 4, at + 4 + size);
      if (body.length < size) return undefined;
      if (this.type !== SERVER_HELLO || body.subarray(2, 34).toHex() !== RETRY_RANDOM) return body;
      at += 4 + size;
    }
    return undefined;
  }
}

function readExtensions(reader: Reader): Map<number, Reader> {
  const found = new Map<number, Reader>();
  if (reader.rest === 0) return found;
  const list = reader.vector(2);
  while (list.rest > 0) {
    const type = list.number(2);
    const body = list.vector(2);
    if (!found.has(type)) found.set(type, body);
  }
  return found;
}

function readServerName(extension: Reader | undefined): string {
  if (extension === undefined || extension.rest === 0) return "";
  const list = extension.vector(2);
  while (list.rest > 0) {
    const type = list.number(1);
    const name = list.vector(2).bytes;
    if (type !== 0) continue;
    const text = String.fromCharCode(...name.subarray(0, 255)).toLowerCase();
    return /^[a-z0-9._-]+$/.test(text) ? text.replace(/\.$/, "") : "";
  }
  return "";
}

function readClientHello(body: Uint8Array): ClientHello {
  const reader = new Reader(body);
  const legacyVersion = reader.number(2);
  reader.take(32);
  reader.vector(1);
  const suites = reader.vector(2);
  const cipherSuites = new Set<number>();
  while (suites.rest > 0) cipherSuites.add(suites.number(2));
  reader.vector(1);
  const extensions = readExtensions(reader);
  const signatureSchemes: number[] = [];
  const schemes = extensions.get(EXTENSION_SIGNATURE_ALGORITHMS)?.vector(2);
  while (schemes !== undefined && schemes.rest > 0) signatureSchemes.push(schemes.number(2));
  let tls13 = false;
  let tls12 = !extensions.has(EXTENSION_SUPPORTED_VERSIONS) && legacyVersion >= TLS12;
  const versions = extensions.get(EXTENSION_SUPPORTED_VERSIONS)?.vector(1);
  while (versions !== undefined && versions.rest > 0) {
    const version = versions.number(2);
    tls13 ||= version === TLS13;
    tls12 ||= version === TLS12;
  }
  return {
    serverName: readServerName(extensions.get(EXTENSION_SERVER_NAME)),
    cipherSuites,
    signatureSchemes,
    tls13,
    tls12,
  };
}

/** Feeds on what a client sends until its ClientHello is there. */
export class ClientHelloReader {
  readonly #collector = new HelloCollector(CLIENT_HELLO);

  /** The hello, or undefined if more has to come. Throws `HelloError` on anything else. */
  add(chunk: Uint8Array): ClientHello | undefined {
    const body = this.#collector.add(chunk);
    return body === undefined ? undefined : readClientHello(body);
  }
}

/** Watches what a server sends for the key exchange group that it chose (TLS 1.3 only). */
export class ServerHelloWatcher {
  readonly #collector = new HelloCollector(SERVER_HELLO);
  #done = false;
  /** `X25519`, `ECDH (prime256v1)`; undefined before TLS 1.3 and for groups without a name. */
  keyExchange: string | undefined;

  add(chunk: Uint8Array): void {
    if (this.#done) return;
    try {
      const body = this.#collector.add(chunk);
      if (body === undefined) return;
      const reader = new Reader(body);
      reader.take(2 + 32);
      reader.vector(1);
      reader.take(3);
      const group = readExtensions(reader).get(EXTENSION_KEY_SHARE)?.number(2);
      if (group !== undefined) this.keyExchange = GROUPS.get(group);
      this.#done = true;
    } catch (error) {
      // An alert, or nonsense that the TLS engine will refuse: there is nothing to learn from it.
      if (!(error instanceof HelloError)) throw error;
      this.#done = true;
    }
  }
}
