import type { Certificate } from "./certificate.ts";
import type { ClientHello } from "./hello.ts";
import type { KeyPair, Signature } from "./types.ts";

/** RSA-PSS schemes (RFC 8446 section 4.2.3) in the order in which the engine prefers them. */
const RSA_SCHEMES = [[0x0806, "SHA512"], [0x0805, "SHA384"], [0x0804, "SHA256"]] as const;
const RSA_PKCS1_SCHEMES = [0x0601, 0x0501, 0x0401];
/** In TLS 1.3 the curve decides on the digest. */
const CURVE_SCHEMES: ReadonlyMap<string, readonly [number, string]> = new Map([
  ["prime256v1", [0x0403, "SHA256"]],
  ["secp384r1", [0x0503, "SHA384"]],
  ["secp521r1", [0x0603, "SHA512"]],
]);
const ED25519_SCHEME = 0x0807;
/** Cipher suites of TLS 1.2 that go with ECDSA and Ed25519 keys, and those that go with RSA. */
const ECDSA_SUITES = [0xc02b, 0xc02c, 0xcca9];
const RSA_SUITES = [0xc02f, 0xc030, 0xcca8];

function isUsable(certificate: Certificate, hello: ClientHello, tls13: boolean): boolean {
  const { signatureSchemes: schemes } = hello;
  const { algorithm, curve } = certificate.key;
  const suites = algorithm === "RSA" ? RSA_SUITES : ECDSA_SUITES;
  if (!tls13 && !suites.some((suite) => hello.cipherSuites.has(suite))) return false;
  if (schemes.length === 0) return algorithm === "RSA";
  if (algorithm === "RSA") {
    const fitting = RSA_SCHEMES.map(([scheme]) => scheme as number).concat(tls13 ? [] : RSA_PKCS1_SCHEMES);
    return schemes.some((scheme) => fitting.includes(scheme));
  }
  if (algorithm === "Ed25519") return schemes.includes(ED25519_SCHEME);
  const scheme = CURVE_SCHEMES.get(curve)?.[0];
  return scheme !== undefined && schemes.includes(scheme);
}

/** The key pair for a client: one that it can verify, elliptic curves first; the first one if none fits. */
export function choosePair(
  pairs: readonly KeyPair[],
  hello: ClientHello,
  tls13Allowed: boolean,
): KeyPair | undefined {
  if (pairs.length < 2) return pairs[0];
  const tls13 = hello.tls13 && tls13Allowed;
  const usable = pairs.filter((pair) => isUsable(pair.certificate, hello, tls13));
  return usable.find((pair) => pair.certificate.key.algorithm !== "RSA") ?? usable[0] ?? pairs[0];
}

/** What our server signs with in TLS 1.3. */
export function serverSignature(certificate: Certificate, hello: ClientHello): Signature {
  const { key } = certificate;
  const chosen = RSA_SCHEMES.find(([scheme]) => hello.signatureSchemes.includes(scheme));
  const digest = key.algorithm === "RSA" ? chosen?.[1] ?? "" : CURVE_SCHEMES.get(key.curve)?.[1] ?? "";
  return { key, digest };
}

/** What the peer signed with in TLS 1.3, as far as its certificate tells: RSA keys may go with several digests. */
export function clientSignature(certificate: Certificate | undefined): Signature | undefined {
  if (certificate === undefined) return undefined;
  const { key } = certificate;
  return { key, digest: CURVE_SCHEMES.get(key.curve)?.[1] ?? "" };
}
