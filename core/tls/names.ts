import type { Certificate } from "./certificate.ts";

/** The names that a certificate stands for: its DNS names, or the common name of one that has none (RFC 6125). */
export function certificateNames(certificate: Certificate): readonly string[] {
  if (certificate.dnsNames.length > 0) return certificate.dnsNames;
  return certificate.subject === "" ? [] : [certificate.subject.toLowerCase()];
}

/**
 * Does a name from a certificate match?
 *
 * @param name as in the certificate, perhaps `*.example.com`
 * @param wanted lower case; `.example.com` stands for all names below
 * @param manyLabels `*` stands for more than one label (`tls_wildcard_matches_multiple_labels`)
 */
export function matchesName(name: string, wanted: string, manyLabels: boolean): boolean {
  const found = name.replace(/\.$/, "");
  const target = wanted.replace(/\.$/, "");
  if (found === "" || target === "") return false;
  if (target.startsWith(".")) {
    return found.length > target.length && found.endsWith(target);
  }
  if (found === target) return true;
  if (!found.startsWith("*.")) return false;
  const below = found.slice(1);
  // A wildcard for a whole top-level domain is nobody's certificate.
  if (!below.slice(1).includes(".") || !target.endsWith(below) || target.length <= below.length) return false;
  return manyLabels || !target.slice(0, -below.length).includes(".");
}
