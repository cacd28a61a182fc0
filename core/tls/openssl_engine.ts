/** The server's handshake by OpenSSL, which costs a third of what the runtime's engine takes. */
import { writeAll } from "../bytes/mod.ts";
import { hasOpenssl, OpensslError, OpensslServer, type OpensslSession } from "../system/mod.ts";
import type { ByteChannel } from "../smtp/mod.ts";
import type { TlsContext } from "./context.ts";
import { type ClientHello, ServerHelloWatcher } from "./hello.ts";
import { type KeyPair, type TlsConnection, TlsError } from "./types.ts";

/** Names of the suites (RFC 8446 appendix B.4, RFC 5289, RFC 7905) as OpenSSL has them. */
const SUITES: ReadonlyMap<number, string> = new Map([
  [0x1301, "TLS_AES_128_GCM_SHA256"],
  [0x1302, "TLS_AES_256_GCM_SHA384"],
  [0x1303, "TLS_CHACHA20_POLY1305_SHA256"],
  [0xc02b, "ECDHE-ECDSA-AES128-GCM-SHA256"],
  [0xc02c, "ECDHE-ECDSA-AES256-GCM-SHA384"],
  [0xcca9, "ECDHE-ECDSA-CHACHA20-POLY1305"],
  [0xc02f, "ECDHE-RSA-AES128-GCM-SHA256"],
  [0xc030, "ECDHE-RSA-AES256-GCM-SHA384"],
  [0xcca8, "ECDHE-RSA-CHACHA20-POLY1305"],
]);

/** Room for one read of encrypted input while little is expected, and while much is. */
const SMALL_READ = 2048;
const LARGE_READ = 16384 + 512;
/** Bytes that are encrypted in one go. */
const MOST_WRITE = 65536;

/** Contexts of the library by what they are made of. */
const servers = new WeakMap<TlsContext, Map<KeyPair, OpensslServer>>();
const MOST_PAIRS = 64;

/** The library's context for a key pair; undefined where there is no library. Throws `TlsError` for unusable keys. */
export function opensslServer(context: TlsContext, pair: KeyPair): OpensslServer | undefined {
  if (!hasOpenssl()) return undefined;
  let byPair = servers.get(context);
  if (byPair === undefined) servers.set(context, byPair = new Map());
  let server = byPair.get(pair);
  if (server === undefined) {
    try {
      const { min, max } = context.versions;
      server = new OpensslServer({ key: pair.key, chain: pair.chain, min, max });
    } catch (error) {
      if (!(error instanceof OpensslError)) throw error;
      throw new TlsError("protocol", error.message, { cause: error });
    }
    if (byPair.size >= MOST_PAIRS) byPair.clear();
    byPair.set(pair, server);
  }
  return server;
}

function send(channel: ByteChannel, bytes: Uint8Array | undefined): Promise<void> {
  return bytes === undefined ? Promise.resolve() : writeAll(channel, bytes);
}

/**
 * Serves a handshake of a client that is not asked for a certificate. Rejects with `OpensslError`, `TlsError`, or the
 * channel's error; the caller closes the channel then.
 * @param bytes what was read from the channel already: the hello
 */
export async function acceptByOpenssl(
  server: OpensslServer,
  channel: ByteChannel,
  hello: ClientHello,
  bytes: Uint8Array,
  pair: KeyPair,
): Promise<TlsConnection> {
  const session = server.open();
  try {
    const watcher = new ServerHelloWatcher();
    const flush = async () => {
      const output = session.toSend();
      if (output !== undefined) watcher.add(output);
      await send(channel, output);
    };
    session.receive(bytes);
    for (;;) {
      let through = false;
      try {
        through = session.handshake();
      } finally {
        // In TLS 1.3 a client waits for nothing more than what it has: tickets go with the next reply. An alert, which
        // says why a handshake failed, goes now.
        if (!through || session.describe().protocol !== "TLSv1.3") await flush();
      }
      if (through) break;
      const room = new Uint8Array(SMALL_READ);
      const count = await channel.read(room);
      if (count === null) throw new TlsError("lost", "lost connection");
      session.receive(room.subarray(0, count));
    }
    const { protocol, suite, resumed, digest } = session.describe();
    const cipher = SUITES.get(suite) ?? `0x${suite.toString(16)}`;
    const tls13 = protocol === "TLSv1.3";
    return {
      channel: new OpensslChannel(session, channel),
      session: {
        protocol,
        cipher,
        cipherBits: /AES_?128/.test(cipher) ? 128 : 256,
        keyExchange: tls13 ? watcher.keyExchange : undefined,
        serverSignature: tls13 ? { key: pair.certificate.key, digest } : undefined,
        clientSignature: undefined,
        resumed,
        peer: undefined,
        chain: [],
        trusted: false,
        problem: "",
        serverName: hello.serverName,
      },
    };
  } catch (error) {
    session.close();
    throw error;
  }
}

/** The decrypted side of a session. */
class OpensslChannel implements ByteChannel {
  #closed = false;

  constructor(private readonly session: OpensslSession, private readonly below: ByteChannel) {}

  async read(into: Uint8Array): Promise<number | null> {
    const { session, below } = this;
    for (;;) {
      const count = session.read(into);
      // Reading may have made an answer, to an update of keys for example.
      await send(below, session.toSend());
      if (count !== 0) return count;
      const room = new Uint8Array(into.length < LARGE_READ / 4 ? SMALL_READ : LARGE_READ);
      const received = await below.read(room);
      if (received === null || session.closed) return null;
      session.receive(room.subarray(0, received));
    }
  }

  async write(bytes: Uint8Array): Promise<number> {
    const part = bytes.length > MOST_WRITE ? bytes.subarray(0, MOST_WRITE) : bytes;
    if (part.length === 0) return 0;
    this.session.write(part);
    await send(this.below, this.session.toSend());
    return part.length;
  }

  /** Says goodbye in TLS (RFC 8446 section 6.1) and closes the connection underneath. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.session.sayGoodbye();
    const goodbye = this.session.toSend();
    this.session.close();
    const end = () => {
      try {
        this.below.close();
      } catch {
        // The peer was faster.
      }
    };
    // A peer that takes nothing any more gets no goodbye.
    const patience = setTimeout(end, FAREWELL_TIME);
    Deno.unrefTimer(patience);
    send(this.below, goodbye).catch(() => {}).finally(() => {
      clearTimeout(patience);
      end();
    });
  }
}

/** Milliseconds that the goodbye may take. */
const FAREWELL_TIME = 5000;
