import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { type Config, readMasterFile, serviceConfig } from "../../../core/config/mod.ts";
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

/** Certificates that can't be read, end soon or have ended, and keys of other certificates. */
export function checkCertificates(config: Config, now = Date.now()): Finding[] {
  const findings = new Map<string, Finding>();
  const add = (text: string) => void findings.set(text, warning(text));
  for (const entry of [undefined, ...readMasterFile(config)]) {
    const service = entry === undefined ? config : serviceConfig(config, entry);
    if (entry !== undefined && !entry.overrides.some(([name]) => name.includes("_tls_"))) continue;
    for (const [certificate, key] of PAIRS) {
      const file = stringOf(service, certificate);
      if (file === "" || file === "none") continue;
      checkPair(certificate, file, key, stringOf(service, key) || file, now, add);
    }
    for (const parameter of CHAINS) {
      for (const file of service.list(parameter)) checkPair(parameter, file, parameter, file, now, add);
    }
  }
  return [...findings.values()];
}

function stringOf(config: Config, name: string): string {
  return config.raw(name) === undefined ? "" : config.string(name);
}

function readFile(parameter: string, file: string, add: (text: string) => void): string | undefined {
  try {
    return Deno.readTextFileSync(file);
  } catch (error) {
    const reason = error instanceof Deno.errors.NotFound
      ? "there is no such file"
      : error instanceof Deno.errors.PermissionDenied
      ? "it can't be read by this user"
      : (error as Error).message;
    add(`${parameter} = ${file}: ${reason}: TLS is not available with it: put it there or name another file`);
    return undefined;
  }
}

function checkPair(
  certificateParameter: string,
  certificateFile: string,
  keyParameter: string,
  keyFile: string,
  now: number,
  add: (text: string) => void,
): void {
  const text = readFile(certificateParameter, certificateFile, add);
  if (text === undefined) return;
  const blocks = pemBlocks(text);
  const certificates: X509Certificate[] = [];
  for (const { label, pem } of blocks) {
    if (!label.endsWith("CERTIFICATE")) continue;
    try {
      certificates.push(new X509Certificate(pem));
    } catch (error) {
      add(
        `${certificateParameter} = ${certificateFile}: a certificate can't be read: ${
          (error as Error).message
        }: ask its issuer for the PEM form`,
      );
    }
  }
  const [first] = certificates;
  if (first === undefined) {
    // A chain file may hold the key alone.
    if (certificateParameter !== keyParameter) {
      add(
        `${certificateParameter} = ${certificateFile}: there is no certificate in PEM form in it: put the certificate there, then its chain`,
      );
    }
    return;
  }
  certificates.forEach((certificate, index) =>
    checkDates(certificateParameter, certificateFile, certificate, index === 0, now, add)
  );
  const keyText = keyFile === certificateFile ? text : readFile(keyParameter, keyFile, add);
  if (keyText === undefined) return;
  const keyBlock = pemBlocks(keyText).find(({ label }) => label.endsWith("PRIVATE KEY"));
  if (keyBlock === undefined) {
    if (certificateParameter !== keyParameter) {
      add(
        `${keyParameter} = ${keyFile}: there is no private key in PEM form in it: put it there, without a password`,
      );
    }
    return;
  }
  let key: KeyObject;
  try {
    key = createPrivateKey(keyBlock.pem);
  } catch (error) {
    add(
      `${keyParameter} = ${keyFile}: the private key can't be read: ${
        (error as Error).message
      }: it must be in PEM form, without a password`,
    );
    return;
  }
  if (!first.checkPrivateKey(key)) {
    add(
      `${certificateParameter} = ${certificateFile}: the private key in ${keyFile} belongs to another certificate: ` +
        `name the key that this certificate was made with`,
    );
  }
}

function checkDates(
  parameter: string,
  file: string,
  certificate: X509Certificate,
  isOwn: boolean,
  now: number,
  add: (text: string) => void,
): void {
  const what = isOwn
    ? "the certificate"
    : `the certificate "${certificate.subject.replaceAll("\n", ", ")}" of its chain`;
  const start = Date.parse(certificate.validFrom);
  const end = Date.parse(certificate.validTo);
  if (end < now) add(`${parameter} = ${file}: ${what} expired on ${certificate.validTo}: renew it`);
  else if (end < now + WARNING_DAYS * DAY) {
    const days = Math.floor((end - now) / DAY);
    add(`${parameter} = ${file}: ${what} expires in ${days} days, on ${certificate.validTo}: renew it`);
  } else if (start > now) {
    add(`${parameter} = ${file}: ${what} is not valid before ${certificate.validFrom}: check the clock`);
  }
}
