/**
 * Transport Layer Security over byte channels: contexts, keys and their files, certificates and fingerprints, what a
 * handshake brought. The engine itself loads on first use, or with `preloadTls`, because most processes never need it.
 */
import type { AcceptOptions, ConnectOptions } from "./engine.ts";
import type { ByteChannel } from "../smtp/mod.ts";
import { hasOpenssl } from "../system/mod.ts";
import type { TlsConnection } from "./types.ts";

export { type Certificate, fingerprint, isDigest } from "./certificate.ts";
export { TlsContext, type TrustAnchors, trustAnchors } from "./context.ts";
export { type ClientHello } from "./hello.ts";
export {
  KeyFileError,
  type KeyFiles,
  KeyRing,
  KeyStore,
  pairsInChain,
  readAuthorities,
  SYSTEM_AUTHORITIES,
} from "./key_files.ts";
export { isVouchedFor, usableRecords } from "./dane.ts";
export { certificateNames, matchesName } from "./names.ts";
export { choosePair } from "./signature.ts";
export { cipherText, exchangeTexts, sessionText } from "./text.ts";
export { type KeyPair, type TlsConnection, TlsError, type TlsSession, type VersionRange } from "./types.ts";
export { parseProtocols, readProtocols, unsupportedText } from "./versions.ts";

/** Loads the engine; call it before privileges are given up when a configuration uses TLS. */
export async function preloadTls(): Promise<void> {
  // The library is found at once: the right to load one may be gone when the import is done.
  hasOpenssl();
  await import("./engine.ts");
}

/** Serves a TLS handshake over `channel`. Rejects with `TlsError`; the channel is closed then. */
export async function acceptTls(channel: ByteChannel, options: AcceptOptions): Promise<TlsConnection> {
  const engine = await import("./engine.ts");
  return await engine.acceptTls(channel, options);
}

/** Does a TLS handshake as client; the peer's certificate is judged, not refused. Rejects with `TlsError`. */
export async function connectTls(channel: ByteChannel, options: ConnectOptions): Promise<TlsConnection> {
  const engine = await import("./engine.ts");
  return await engine.connectTls(channel, options);
}
