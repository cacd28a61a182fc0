import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { type Config, readMasterFile, serviceConfig } from "../../../core/config/mod.ts";
import { messageOf } from "../../../core/errors/mod.ts";
import { type Finding, warning } from "../finding.ts";

/** Certificate and key parameters that belong together. */
const PAIRS = ["smtpd", "smtp", "lmtp", "tlsproxy_client"].flatMap((prefix) =>
  ["", "ec", "d"].map((kind) => [`${prefix}_tls_${kind}cert_file`, `${prefix}_tls_${kind}key_file`] as const)
);
const CHAINS = ["smtpd_tls_chain_files", "smtp_tls_chain_files", "lmtp_tls_chain_files"];
/** Days before the end of a certificate at which it is time to say so. */
const WARNING_DAYS = 14;
const DAY = 86_400_000;

/** The blocks of a PEM file, as text. */
function pemBlocks(text: string): { readonly label: string; readonly pem: string }[] {
  return [...text.matchAll(/-----BEGIN ([A-Z0-9 ]+)-----[\s\S]*?-----END \1-----/g)].map((match) => ({
    label: match[1]!,
    pem: match[0],
  }));
}

/** A file and the parameter that names it. */
interface Named {
  readonly parameter: string;
  readonly file: string;
}

type Complain = (about: Named, problem: string) => void;

/** Certificates that can't be read, end soon or have ended, and keys of other certificates. */
export function checkCertificates(config: Config, now = Date.now()): Finding[] {
  const findings = new Map<string, Finding>();
  const complain: Complain = ({ parameter, file }, problem) => {
    const text = `${parameter} = ${file}: ${problem}`;
    findings.set(text, warning(text));
  };
  for (const entry of [undefined, ...readMasterFile(config)]) {
    const service = entry === undefined ? config : serviceConfig(config, entry);
    if (entry !== undefined && !entry.overrides.some(([name]) => name.includes("_tls_"))) continue;
    for (const [parameter, keyParameter] of PAIRS) {
      const file = stringOf(service, parameter);
      if (file === "" || file === "none") continue;
      const key = { parameter: keyParameter, file: stringOf(service, keyParameter) || file };
      checkPair({ parameter, file }, key, now, complain);
    }
    for (const parameter of CHAINS) {
      for (const file of service.list(parameter)) checkChain({ parameter, file }, now, complain);
    }
  }
  return [...findings.values()];
}

function stringOf(config: Config, name: string): string {
  return config.raw(name) === undefined ? "" : config.string(name);
}

function readFile(named: Named, complain: Complain): string | undefined {
  try {
    return Deno.readTextFileSync(named.file);
  } catch (error) {
    const reason = error instanceof Deno.errors.NotFound
      ? "there is no such file"
      : error instanceof Deno.errors.PermissionDenied
      ? "it can't be read by this user"
      : messageOf(error);
    complain(named, `${reason}: TLS is not available with it: put it there or name another file`);
    return undefined;
  }
}

/** A certificate file and a key file, which may be the same one. */
function checkPair(certificateFile: Named, keyFile: Named, now: number, complain: Complain): void {
  const text = readFile(certificateFile, complain);
  if (text === undefined) return;
  const certificate = readCertificates(text, certificateFile, now, complain);
  if (certificate === undefined) {
    complain(
      certificateFile,
      "there is no certificate in PEM form in it: put the certificate there, then its chain",
    );
    return;
  }
  const keyText = keyFile.file === certificateFile.file ? text : readFile(keyFile, complain);
  if (keyText === undefined) return;
  const block = keyBlock(keyText);
  if (block === undefined) {
    complain(keyFile, "there is no private key in PEM form in it: put it there, without a password");
  } else checkKey(block, keyFile, certificate, certificateFile, complain);
}

/** A file of `smtpd_tls_chain_files`: certificates, their key, or both. */
function checkChain(chain: Named, now: number, complain: Complain): void {
  const text = readFile(chain, complain);
  if (text === undefined) return;
  const certificate = readCertificates(text, chain, now, complain);
  const block = keyBlock(text);
  if (certificate !== undefined && block !== undefined) checkKey(block, chain, certificate, chain, complain);
}

/** Checks all certificates of a file and returns the first, which is the server's own; undefined if there is none. */
function readCertificates(
  text: string,
  named: Named,
  now: number,
  complain: Complain,
): X509Certificate | undefined {
  const certificates: X509Certificate[] = [];
  for (const { label, pem } of pemBlocks(text)) {
    if (!label.endsWith("CERTIFICATE")) continue;
    try {
      certificates.push(new X509Certificate(pem));
    } catch (error) {
      complain(named, `a certificate can't be read: ${messageOf(error)}: ask its issuer for the PEM form`);
    }
  }
  certificates.forEach((certificate, index) => {
    const what = index === 0
      ? "the certificate"
      : `the certificate "${certificate.subject.replaceAll("\n", ", ")}" of its chain`;
    checkDates(certificate, (problem) => complain(named, `${what} ${problem}`), now);
  });
  return certificates[0];
}

function checkDates(certificate: X509Certificate, complain: (problem: string) => void, now: number): void {
  const start = Date.parse(certificate.validFrom);
  const end = Date.parse(certificate.validTo);
  if (end < now) complain(`expired on ${certificate.validTo}: renew it`);
  else if (end < now + WARNING_DAYS * DAY) {
    const days = Math.floor((end - now) / DAY);
    complain(`expires in ${days} days, on ${certificate.validTo}: renew it`);
  } else if (start > now) complain(`is not valid before ${certificate.validFrom}: check the clock`);
}

function keyBlock(text: string): string | undefined {
  return pemBlocks(text).find(({ label }) => label.endsWith("PRIVATE KEY"))?.pem;
}

function checkKey(
  pem: string,
  keyFile: Named,
  certificate: X509Certificate,
  certificateFile: Named,
  complain: Complain,
): void {
  let key: KeyObject;
  try {
    key = createPrivateKey(pem);
  } catch (error) {
    const problem = `the private key can't be read: ${messageOf(error)}`;
    complain(keyFile, `${problem}: it must be in PEM form, without a password`);
    return;
  }
  if (certificate.checkPrivateKey(key)) return;
  complain(
    certificateFile,
    `the private key in ${keyFile.file} belongs to another certificate: ` +
      `name the key that this certificate was made with`,
  );
}
