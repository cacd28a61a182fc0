/** Certificates that DNS vouches for: TLSA records of the usages 2 and 3 (RFC 6698, RFC 7671, RFC 7672). */
import type { TlsaRecord } from "../dns/types.ts";
import { type Certificate, parseCertificate } from "./certificate.ts";
import { crypto } from "./crypto.ts";
import { certificateNames, matchesName } from "./names.ts";

const DANE_TA = 2;
const DANE_EE = 3;
const WHOLE_CERTIFICATE = 0;
const FULL_VALUE = 0;
/** Matching types of digests (RFC 6698 section 2.1.3), with their lengths. */
const DIGESTS: ReadonlyMap<number, { readonly name: string; readonly length: number }> = new Map([
  [1, { name: "sha256", length: 32 }],
  [2, { name: "sha512", length: 64 }],
]);

function isWellFormed(record: TlsaRecord, digests: readonly string[]): boolean {
  const { usage, selector, matchingType, data } = record;
  if ((usage !== DANE_TA && usage !== DANE_EE) || selector > 1) return false;
  const digest = DIGESTS.get(matchingType);
  if (digest !== undefined) return data.length === digest.length && digests.includes(digest.name);
  if (matchingType !== FULL_VALUE) return false;
  return selector === WHOLE_CERTIFICATE ? parsed(data) !== undefined : publicKey(data) !== undefined;
}

function parsed(raw: Uint8Array): Certificate | undefined {
  try {
    new (crypto().X509Certificate)(raw);
    return parseCertificate(raw);
  } catch {
    return undefined;
  }
}

function publicKey(der: Uint8Array): import("node:crypto").KeyObject | undefined {
  try {
    return crypto().createPublicKey({
      key: der as unknown as import("node:buffer").Buffer,
      format: "der",
      type: "spki",
    });
  } catch {
    return undefined;
  }
}

/**
 * The records that can be used, with only the strongest digest of each kind (RFC 7671 section 9).
 * @param digests names that may be used, strongest first (`tls_dane_digests`)
 */
export function usableRecords(
  records: readonly TlsaRecord[],
  digests: readonly string[],
): readonly TlsaRecord[] {
  const good = records.filter((record) => isWellFormed(record, digests));
  const rank = (record: TlsaRecord) => digests.indexOf(DIGESTS.get(record.matchingType)?.name ?? "");
  return good.filter((record) =>
    record.matchingType === FULL_VALUE ||
    !good.some((other) =>
      other.usage === record.usage && other.selector === record.selector &&
      other.matchingType !== FULL_VALUE && rank(other) < rank(record)
    )
  );
}

function matches(record: TlsaRecord, certificate: Certificate): boolean {
  const value = record.selector === WHOLE_CERTIFICATE ? certificate.raw : certificate.publicKey;
  const digest = DIGESTS.get(record.matchingType);
  const found = digest === undefined
    ? value
    : new Uint8Array(crypto().createHash(digest.name).update(value).digest());
  return found.toHex() === record.data.toHex();
}

/** Is the first certificate signed by the second, and by the rights of it? */
function isIssued(below: Certificate, above: Certificate): boolean {
  const { X509Certificate } = crypto();
  try {
    const issuer = new X509Certificate(above.raw);
    const subject = new X509Certificate(below.raw);
    return issuer.ca && subject.checkIssued(issuer) && subject.verify(issuer.publicKey);
  } catch {
    return false;
  }
}

function isCurrent(certificate: Certificate, now: number): boolean {
  try {
    const { validFrom, validTo } = new (crypto().X509Certificate)(certificate.raw);
    return Date.parse(validFrom) <= now && now <= Date.parse(validTo);
  } catch {
    return false;
  }
}

/** Is there an unbroken chain from the server's certificate to an authority that a record means? */
function reachesAuthority(
  chain: readonly Certificate[],
  records: readonly TlsaRecord[],
  now: number,
): boolean {
  const anchors = records.filter((record) => record.usage === DANE_TA);
  for (let at = 0; at < chain.length; at++) {
    const current = chain[at]!;
    if (!isCurrent(current, now)) return false;
    if (at > 0 && !isIssued(chain[at - 1]!, current)) return false;
    if (at > 0 && anchors.some((record) => matches(record, current))) return true;
    // A record can hold the authority itself, which servers may leave out of what they send.
    for (const record of anchors) {
      if (record.matchingType !== FULL_VALUE) continue;
      if (record.selector === WHOLE_CERTIFICATE) {
        const above = parsed(record.data);
        if (above !== undefined && isCurrent(above, now) && isIssued(current, above)) return true;
      } else {
        const key = publicKey(record.data);
        if (key !== undefined && isSignedBy(current, key)) return true;
      }
    }
  }
  return false;
}

function isSignedBy(certificate: Certificate, key: import("node:crypto").KeyObject): boolean {
  try {
    return new (crypto().X509Certificate)(certificate.raw).verify(key);
  } catch {
    return false;
  }
}

/**
 * Do the records vouch for a server that has shown this chain? With usage 3 names and dates don't count (RFC 7672 section
 * 3.1); with usage 2 the certificate has to be valid and for one of `names`.
 * @param manyLabels `*` stands for more than one label
 */
export function isVouchedFor(
  chain: readonly Certificate[],
  records: readonly TlsaRecord[],
  names: readonly string[],
  manyLabels: boolean,
  now: number = Date.now(),
): boolean {
  const own = chain[0];
  if (own === undefined) return false;
  if (records.some((record) => record.usage === DANE_EE && matches(record, own))) return true;
  if (!reachesAuthority(chain, records, now)) return false;
  return certificateNames(own).some((name) =>
    names.some((wanted) => matchesName(name, wanted.toLowerCase(), manyLabels))
  );
}
