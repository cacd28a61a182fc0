import { fingerprint } from "../../core/tls/mod.ts";
import type { Session } from "./session.ts";

/** Fingerprints of the client's certificate and of its public key; undefined without a certificate. */
export function clientFingerprints(
  session: Session,
): { readonly certificate: string; readonly publicKey: string } | undefined {
  const peer = session.tls?.peer;
  const digest = session.service.tls?.digest;
  if (peer === undefined || digest === undefined) return undefined;
  return { certificate: fingerprint(peer.raw, digest), publicKey: fingerprint(peer.publicKey, digest) };
}
