/**
 * The TLS engine of the runtime (rustls behind node:tls) over byte channels. It speaks TLS 1.2 and 1.3; which cipher
 * suites it offers can't be chosen.
 */
import * as tls from "node:tls";
import type { TLSSocket } from "node:tls";
import { messageOf } from "../errors/mod.ts";
import type { ByteChannel } from "../smtp/mod.ts";
import { type Certificate, parseCertificate } from "./certificate.ts";
import { duplexOver, TlsChannel } from "./channel.ts";
import { OpensslError } from "../system/mod.ts";
import type { TlsContext } from "./context.ts";
import { DerError } from "./der.ts";
import { type ClientHello, ClientHelloReader, HelloError, ServerHelloWatcher } from "./hello.ts";
import { acceptByOpenssl, opensslServer } from "./openssl_engine.ts";
import { clientSignature, serverSignature } from "./signature.ts";
import { type KeyPair, type TlsConnection, TlsError, type TlsSession, type VersionRange } from "./types.ts";

/** How a server takes connections. */
export interface AcceptOptions {
  readonly context: TlsContext;
  /** Picks the key pair for a client; undefined if there is none that it could use. */
  choose(hello: ClientHello): KeyPair | undefined | Promise<KeyPair | undefined>;
  /** Ask the client for a certificate. */
  readonly askCertificate: boolean;
  /** Seconds for the handshake. */
  readonly timeout: number;
}

/** Serves a TLS handshake over `channel`. Rejects with `TlsError`; the channel is closed then. */
export async function acceptTls(channel: ByteChannel, options: AcceptOptions): Promise<TlsConnection> {
  const deadline = performance.now() + options.timeout * 1000;
  try {
    const { hello, bytes } = await within(readClientHello(channel), deadline);
    await requireVersion(channel, hello, options.context.versions);
    const pair = await within(Promise.resolve(options.choose(hello)), deadline);
    if (pair === undefined) throw new TlsError("protocol", "no shared cipher: no suitable certificate");
    // The verdict about client certificates is the runtime's.
    const server = options.askCertificate ? undefined : opensslServer(options.context, pair);
    if (server !== undefined) {
      return await within(acceptByOpenssl(server, channel, hello, bytes, pair), deadline);
    }
    const watcher = new ServerHelloWatcher();
    const duplex = duplexOver(channel, bytes, (sent) => watcher.add(sent), undefined);
    const socket = new tls.TLSSocket(duplex, {
      isServer: true,
      secureContext: options.context.secureContext(tls, pair, options.askCertificate),
      requestCert: options.askCertificate,
      rejectUnauthorized: false,
    });
    const tlsChannel = await handshake(socket, "secure", deadline);
    const session = describe(socket, options.context, watcher, hello.serverName);
    return {
      channel: tlsChannel,
      session: {
        ...session,
        serverSignature: session.protocol === "TLSv1.3"
          ? serverSignature(pair.certificate, hello)
          : undefined,
        clientSignature: session.protocol === "TLSv1.3" ? clientSignature(session.peer) : undefined,
      },
    };
  } catch (error) {
    closeQuietly(channel);
    throw asTlsError(error);
  }
}

/** How a client opens connections. */
export interface ConnectOptions {
  readonly context: TlsContext;
  readonly pair: KeyPair | undefined;
  /** Sent in the handshake; empty for none. */
  readonly serverName: string;
  /** The session shall tell the peer's whole chain. */
  readonly withChain?: boolean;
  readonly timeout: number;
}

/** Does a TLS handshake as client. The peer's certificate is judged, not refused. Rejects with `TlsError`. */
export async function connectTls(channel: ByteChannel, options: ConnectOptions): Promise<TlsConnection> {
  const deadline = performance.now() + options.timeout * 1000;
  try {
    const watcher = new ServerHelloWatcher();
    const duplex = duplexOver(channel, new Uint8Array(0), undefined, (received) => watcher.add(received));
    const socket = tls.connect({
      socket: duplex,
      secureContext: options.context.secureContext(tls, options.pair),
      rejectUnauthorized: false,
      checkServerIdentity: () => undefined,
      ...(options.serverName === "" ? {} : { servername: options.serverName }),
    });
    const tlsChannel = await handshake(socket, "secureConnect", deadline);
    const session = describe(
      socket,
      options.context,
      watcher,
      options.serverName,
      options.withChain === true,
    );
    return {
      channel: tlsChannel,
      session: {
        ...session,
        serverSignature: session.protocol === "TLSv1.3" ? clientSignature(session.peer) : undefined,
      },
    };
  } catch (error) {
    closeQuietly(channel);
    throw asTlsError(error);
  }
}

/** A fatal alert "protocol_version" (RFC 8446 section 6.2). */
const WRONG_VERSION = Uint8Array.of(21, 3, 3, 0, 2, 2, 70);

/** Tells a client that has none of our versions so; the engine would close the connection without a word. */
async function requireVersion(channel: ByteChannel, hello: ClientHello, range: VersionRange): Promise<void> {
  if (hello.tls13 && range.max === "TLSv1.3" || hello.tls12 && range.min === "TLSv1.2") return;
  await channel.write(WRONG_VERSION);
  throw new TlsError("protocol", "unsupported protocol: the client offers no version that is enabled");
}

async function readClientHello(channel: ByteChannel): Promise<{ hello: ClientHello; bytes: Uint8Array }> {
  const reader = new ClientHelloReader();
  const chunks: Uint8Array[] = [];
  for (;;) {
    const room = new Uint8Array(2048);
    const count = await channel.read(room);
    if (count === null) throw new TlsError("lost", "lost connection");
    const chunk = room.subarray(0, count);
    chunks.push(chunk);
    const hello = reader.add(chunk);
    if (hello !== undefined) return { hello, bytes: chunks.length === 1 ? chunk : joined(chunks) };
  }
}

function joined(chunks: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(chunks.reduce((length, chunk) => length + chunk.length, 0));
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes;
}

/** Waits until a handshake is through. */
async function handshake(
  socket: TLSSocket,
  event: "secure" | "secureConnect",
  deadline: number,
): Promise<TlsChannel> {
  const channel = new TlsChannel(socket);
  let failed = (_: unknown) => {};
  const done = new Promise<void>((resolve, reject) => {
    failed = reject;
    socket.once(event, resolve);
    socket.once("error", reject);
    socket.once("end", () => reject(new TlsError("lost", "lost connection")));
    socket.once("close", () => reject(new TlsError("lost", "lost connection")));
  });
  try {
    await within(done, deadline);
  } catch (error) {
    // The alert that says why is on its way; it may go out before the connection is closed.
    await new Promise((resolve) => setTimeout(resolve, 0));
    socket.destroy();
    throw error;
  } finally {
    socket.off("error", failed);
  }
  return channel;
}

/** The promise's outcome, or a `TlsError` when the deadline (of `performance.now()`) is there first. */
async function within<T>(promise: Promise<T>, deadline: number): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    const rest = Math.max(deadline - performance.now(), 0);
    timer = setTimeout(() => reject(new TlsError("timeout", "Connection timed out")), rest);
  });
  promise.catch(() => {});
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

function describe(
  socket: TLSSocket,
  context: TlsContext,
  watcher: ServerHelloWatcher,
  serverName: string,
  withChain = false,
): TlsSession {
  const cipher = socket.getCipher().name;
  const protocol = socket.getProtocol() ?? "unknown";
  const resumed = socket.isSessionReused();
  const peer = peerCertificate(socket);
  const problem = peer === undefined ? "" : context.judge(socket, peer, resumed);
  return {
    protocol,
    cipher,
    cipherBits: cipherBits(cipher),
    keyExchange: protocol === "TLSv1.3" ? watcher.keyExchange : undefined,
    serverSignature: undefined,
    clientSignature: undefined,
    resumed,
    peer,
    chain: withChain ? peerChain(socket) : [],
    trusted: peer !== undefined && problem === "",
    problem,
    serverName,
  };
}

function peerCertificate(socket: TLSSocket): Certificate | undefined {
  const raw: Uint8Array | undefined = socket.getPeerCertificate()?.raw;
  if (raw === undefined || raw.length === 0) return undefined;
  return parseCertificate(new Uint8Array(raw));
}

/** Certificates that are followed. */
const LONGEST_CHAIN = 20;

function peerChain(socket: TLSSocket): Certificate[] {
  const chain: Certificate[] = [];
  type Shown = { readonly raw?: Uint8Array; readonly issuerCertificate?: Shown };
  let shown: Shown | undefined = socket.getPeerCertificate(true) as unknown as Shown;
  while (shown?.raw !== undefined && shown.raw.length > 0 && chain.length < LONGEST_CHAIN) {
    chain.push(parseCertificate(new Uint8Array(shown.raw)));
    // A self-signed certificate names itself as the next.
    shown = shown.issuerCertificate === shown ? undefined : shown.issuerCertificate;
  }
  return chain;
}

function cipherBits(name: string): number {
  return /AES_?128/.test(name) ? 128 : 256;
}

function closeQuietly(channel: ByteChannel): void {
  try {
    channel.close();
  } catch {
    // It was closed already.
  }
}

function asTlsError(error: unknown): TlsError {
  if (error instanceof TlsError) return error;
  const message = messageOf(error);
  if (error instanceof HelloError || error instanceof DerError || error instanceof OpensslError) {
    return new TlsError("protocol", message, { cause: error });
  }
  const code = String((error as { code?: unknown } | null)?.code ?? "");
  const lost = /ECONNRESET|EPIPE/.test(code) ||
    /reset by peer|Broken pipe|UnexpectedEof|os error/.test(message);
  return lost
    ? new TlsError("lost", "lost connection", { cause: error })
    : new TlsError("protocol", message, { cause: error });
}
