import type { ByteChannel } from "../smtp/mod.ts";
import type { Certificate, KeyKind } from "./certificate.ts";

/** The protocol versions that the runtime's engine speaks. */
export type TlsVersion = "TLSv1.2" | "TLSv1.3";

/** The versions that a service may use. */
export interface VersionRange {
  readonly min: TlsVersion;
  readonly max: TlsVersion;
}

/** A private key with its certificates, the owner's first; PEM. */
export interface KeyPair {
  readonly key: string;
  readonly chain: string;
  /** The owner's certificate. */
  readonly certificate: Certificate;
}

/** What a finished handshake has brought. */
export interface TlsSession {
  readonly protocol: string;
  /** OpenSSL's name. */
  readonly cipher: string;
  readonly cipherBits: number;
  /** The key exchange group; only with TLS 1.3. */
  readonly keyExchange: string | undefined;
  /** The server's and the client's key and, where it is certain, the digest of their signatures; only with TLS 1.3. */
  readonly serverSignature: Signature | undefined;
  readonly clientSignature: Signature | undefined;
  readonly resumed: boolean;
  /** The other end's certificate; undefined if it has shown none. */
  readonly peer: Certificate | undefined;
  /** The certificates that the peer has shown, its own first; empty where they were not asked for. */
  readonly chain: readonly Certificate[];
  /** The peer's chain leads to a certification authority that was given. */
  readonly trusted: boolean;
  /** Why it is not trusted, in OpenSSL's words; empty if it is, or if there is no certificate. */
  readonly problem: string;
  /** The host name that the client asked for; empty if it did not. */
  readonly serverName: string;
}

export interface Signature {
  readonly key: KeyKind;
  /** `SHA256`; empty if not known. */
  readonly digest: string;
}

/** A connection under TLS. */
export interface TlsConnection {
  readonly channel: ByteChannel;
  readonly session: TlsSession;
}

/**
 * A handshake failed. `lost`: the peer closed the connection; `timeout`; `protocol`: one side refused the other, and
 * `message` says why.
 */
export class TlsError extends Error {
  override readonly name = "TlsError";
  constructor(readonly kind: "lost" | "timeout" | "protocol", message: string, options?: ErrorOptions) {
    super(message, options);
  }
}
