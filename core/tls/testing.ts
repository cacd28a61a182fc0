/** Certificates for tests, made with the openssl command. */

/** Is the openssl command there? */
export function hasOpenssl(): boolean {
  try {
    return new Deno.Command("openssl", { args: ["version"], stdout: "null", stderr: "null" }).outputSync()
      .success;
  } catch {
    return false;
  }
}

function openssl(directory: string, args: readonly string[]): string {
  const { success, stdout, stderr } = new Deno.Command("openssl", { args: [...args], cwd: directory })
    .outputSync();
  if (!success) throw new Error(`openssl ${args.join(" ")}: ${new TextDecoder().decode(stderr)}`);
  return new TextDecoder().decode(stdout);
}

const KEYS = {
  ec: ["ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"],
  rsa: ["rsa:2048"],
} as const;

/** Makes `name.pem` and `name.key`, signed by `ca` or by itself. */
export function makeCertificate(
  directory: string,
  name: string,
  commonName: string,
  options: {
    readonly key?: keyof typeof KEYS;
    readonly ca?: string;
    readonly authority?: boolean;
    /** An IP address that the certificate is good for, too. */
    readonly address?: string;
  } = {},
): void {
  const subject = `/O=Example/CN=${commonName}`;
  const extension = options.authority === true
    ? "basicConstraints=critical,CA:TRUE"
    : `subjectAltName=DNS:${commonName}${options.address === undefined ? "" : `,IP:${options.address}`}`;
  openssl(directory, [
    ...["req", "-x509", "-newkey", ...KEYS[options.key ?? "ec"], "-nodes", "-days", "3650"],
    ...["-keyout", `${name}.key`, "-out", `${name}.pem`, "-subj", subject, "-addext", extension],
    ...(options.authority === true ? [] : ["-addext", "basicConstraints=critical,CA:FALSE"]),
    ...(options.ca === undefined ? [] : ["-CA", `${options.ca}.pem`, "-CAkey", `${options.ca}.key`]),
  ]);
}

/** What most tests need: `ca`, `other` (an authority nobody trusts), `server`, `rsa`, `client`, `self`. */
export function makeCertificates(directory: string): void {
  makeCertificate(directory, "ca", "Test CA", { authority: true });
  makeCertificate(directory, "other", "Other CA", { authority: true });
  makeCertificate(directory, "server", "mail.example.test", { ca: "ca" });
  makeCertificate(directory, "rsa", "mail.example.test", { ca: "ca", key: "rsa" });
  makeCertificate(directory, "client", "client.example.test", { ca: "ca" });
  makeCertificate(directory, "self", "self.example.test");
}

/** The SHA-256 fingerprint of a certificate, as openssl prints it. */
export function opensslFingerprint(directory: string, name: string, digest = "sha256"): string {
  const text = openssl(directory, ["x509", "-in", `${name}.pem`, "-noout", "-fingerprint", `-${digest}`]);
  return text.trim().split("=")[1]!;
}
