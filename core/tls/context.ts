import type { PeerCertificate, SecureContext, TLSSocket } from "node:tls";
import { type Certificate, nameText, pemBlocks, pemBytes } from "./certificate.ts";
import { DerError } from "./der.ts";
import type { KeyPair, VersionRange } from "./types.ts";

type NodeTls = Pick<typeof import("node:tls"), "createSecureContext">;

/** Whom to trust, and how deep. */
export interface TrustAnchors {
  /** PEM certificates of certification authorities; empty if there are none. */
  readonly pem: string;
  /** The same, DER in hexadecimal, for certificates that are trusted by themselves. */
  readonly direct: ReadonlySet<string>;
}

/** Reads PEM text with certificates of authorities. */
export function trustAnchors(pem: string): TrustAnchors {
  const direct = new Set<string>();
  for (const block of pemBlocks(pem)) {
    if (!block.label.endsWith("CERTIFICATE")) continue;
    try {
      direct.add(pemBytes(block).toHex());
    } catch (error) {
      if (!(error instanceof DerError)) throw error;
    }
  }
  return { pem, direct };
}

/** Certificates whose full check was seen in a context. */
const MOST_VERDICTS = 4096;

/** A context: keys, versions and trust, prepared once and used for many connections. */
export class TlsContext {
  readonly #trusting = new Map<KeyPair | undefined, SecureContext>();
  /** For servers that ask for no certificate: the engine would name the authorities to every client all the same. */
  readonly #plain = new Map<KeyPair | undefined, SecureContext>();
  /** What the check of a certificate said, by its DER: a resumed session repeats no check. */
  readonly #verdicts = new Map<string, string>();

  constructor(
    readonly versions: VersionRange,
    readonly trust: TrustAnchors,
    /** Longest chain between a certificate and its authority. */
    readonly depth: number,
  ) {}

  /**
   * The engine's own form of the context, with one key pair or none.
   * @param judging the peer's certificate will be judged
   */
  secureContext(tls: NodeTls, pair: KeyPair | undefined, judging = true): SecureContext {
    const made = judging ? this.#trusting : this.#plain;
    let context = made.get(pair);
    if (context === undefined) {
      context = tls.createSecureContext({
        ...(pair === undefined ? {} : { key: pair.key, cert: pair.chain }),
        ca: this.trust.pem === "" || !judging ? [] : this.trust.pem,
        minVersion: this.versions.min,
        maxVersion: this.versions.max,
      });
      if (made.size > 64) made.clear();
      made.set(pair, context);
    }
    return context;
  }

  /** Why a peer's certificate is not trusted; empty if it is. */
  judge(socket: TLSSocket, peer: Certificate, resumed: boolean): string {
    const name = peer.raw.toHex();
    if (resumed) return this.#verdicts.get(name) ?? "certificate of a resumed session is not known";
    const problem = this.#check(socket, peer, name);
    if (this.#verdicts.size >= MOST_VERDICTS) this.#verdicts.clear();
    this.#verdicts.set(name, problem);
    return problem;
  }

  #check(socket: TLSSocket, peer: Certificate, name: string): string {
    const handle = (socket as unknown as { _handle?: { verifyError?: () => unknown } })._handle;
    const answer = handle?.verifyError?.();
    const code = answer instanceof Error
      ? String((answer as Error & { code?: unknown }).code ?? answer.message)
      : answer;
    if (typeof code !== "string" && code !== null && code !== undefined) return "unknown verification result";
    if (handle?.verifyError === undefined) return "the runtime does not tell whether a certificate is good";
    if (code === "" || code === null || code === undefined) {
      return chainLength(socket) > this.depth + 1 ? "certificate chain too long" : "";
    }
    // A certificate that is in the list itself needs nobody to vouch for it while it is valid.
    if (this.trust.direct.has(name) && SELF_ANCHORED.has(code) && isCurrent(socket)) return "";
    if (SELF_ANCHORED.has(code) || code === "SELF_SIGNED_CERT_IN_CHAIN") {
      const alone = peer.subjectName.toHex() === peer.issuerName.toHex();
      return alone ? "self-signed certificate" : `untrusted issuer ${nameText(peer.issuerName)}`;
    }
    return VERIFY_TEXT.get(code) ?? code.toLowerCase().replaceAll("_", " ");
  }
}

/** Findings that only say that no authority stands above a certificate. */
const SELF_ANCHORED: ReadonlySet<string> = new Set([
  "DEPTH_ZERO_SELF_SIGNED_CERT",
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
  "UNABLE_TO_GET_ISSUER_CERT",
  "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
]);

/** OpenSSL's texts of X509_verify_cert_error_string(3). */
const VERIFY_TEXT: ReadonlyMap<string, string> = new Map([
  ["CERT_HAS_EXPIRED", "certificate has expired"],
  ["CERT_NOT_YET_VALID", "certificate is not yet valid"],
  ["CERT_REVOKED", "certificate revoked"],
  ["INVALID_PURPOSE", "unsuitable certificate purpose"],
  ["CERT_SIGNATURE_FAILURE", "certificate signature failure"],
]);

function isCurrent(socket: TLSSocket): boolean {
  const { valid_from, valid_to } = socket.getPeerCertificate();
  const now = Date.now();
  return Date.parse(valid_from) <= now && now <= Date.parse(valid_to);
}

/** Certificates from the peer's own up to its authority. */
function chainLength(socket: TLSSocket): number {
  let length = 0;
  const seen = new Set<unknown>();
  let certificate: PeerCertificate & { issuerCertificate?: unknown } | undefined = socket
    .getPeerCertificate(true);
  while (certificate !== undefined && !seen.has(certificate)) {
    seen.add(certificate);
    length += 1;
    certificate = certificate.issuerCertificate as typeof certificate;
  }
  return length;
}
