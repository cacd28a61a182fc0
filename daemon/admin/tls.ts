import { createHash, X509Certificate } from "node:crypto";
import { editMain } from "../../core/config/edit/mod.ts";
import type { Config } from "../../core/config/mod.ts";
import { messageOf } from "../../core/errors/mod.ts";
import type { Logger } from "../../core/log/mod.ts";

export interface TlsDeps {
  readonly config: Config;
  /** In the name of `postfix/postfix-tls-script`. */
  readonly log: Logger;
  readonly print: (line: string) => void;
}

const ACTIONS = [
  "enable-client",
  "enable-server",
  "new-server-key",
  "new-server-cert",
  "deploy-server-cert",
  "output-server-csr",
  "output-server-tlsa",
  "all-default-client",
  "all-default-server",
];

/** Those that make keys and certificates: other programs do that better, and ours is no program for it. */
const NOT_HERE = new Map([
  [
    "enable-server",
    "name your certificate: postconf -e smtpd_tls_chain_files=FILE smtpd_tls_security_level=may",
  ],
  ["new-server-key", "use openssl req, certbot, lego or another ACME client"],
  ["new-server-cert", "use openssl req, certbot, lego or another ACME client"],
  ["deploy-server-cert", "postconf -e smtpd_tls_chain_files=FILE, then postfix reload"],
  ["output-server-csr", "use openssl req -new -key FILE"],
]);

function settings(config: Config, prefix: string): string[] {
  return config.names().filter((name) => name.startsWith(prefix) && config.isSet(name));
}

/** `postfix tls`. Resolves to the exit code; `all-default-...` answers with it. */
export function tls({ config, log, print }: TlsDeps, args: readonly string[]): number {
  const [action = "", ...operands] = args;
  if (!ACTIONS.includes(action)) {
    log.error(`unknown tls command: '${action}'`);
    log.fatal(`usage: postfix tls enable-client (or ${ACTIONS.slice(1).join(", ")})`);
    return 1;
  }
  switch (action) {
    case "all-default-client":
      return settings(config, "smtp_tls_").length === 0 && settings(config, "smtp_use_tls").length === 0
        ? 0
        : 1;
    case "all-default-server":
      return settings(config, "smtpd_tls_").length === 0 && settings(config, "smtpd_use_tls").length === 0
        ? 0
        : 1;
    case "enable-client":
      return enableClient(config, log, print);
    case "output-server-tlsa":
      return outputTlsa(config, log, print, operands);
  }
  log.fatal(`tls ${action}: this mail system makes no keys and certificates: ${NOT_HERE.get(action)}`);
  return 1;
}

function enableClient(config: Config, log: Logger, print: (line: string) => void): number {
  if (settings(config, "smtp_tls_").length > 0) {
    log.fatal("tls enable-client: some smtp_tls_ parameters are set already: edit them with postconf -e");
    return 1;
  }
  try {
    editMain(
      config.directory,
      {
        set: new Map([
          ["smtp_tls_security_level", "may"],
          ["smtp_tls_loglevel", "1"],
          ["smtp_tls_session_cache_database", "btree:${data_directory}/smtp_scache"],
        ]),
      },
      (text) => log.warning(text),
    );
  } catch (error) {
    log.fatal(messageOf(error));
    return 1;
  }
  print("TLS is enabled for mail that this system sends. Run: postfix reload");
  return 0;
}

/** A TLSA record (RFC 6698) that names the server's public key: `3 1 1`, SHA-256. */
function outputTlsa(
  config: Config,
  log: Logger,
  print: (line: string) => void,
  operands: readonly string[],
): number {
  const hosts = [];
  for (let at = 0; at < operands.length; at++) {
    if (operands[at] === "-h") hosts.push(operands[++at] ?? "");
  }
  const host = hosts.at(-1) ?? config.string("myhostname");
  const files = [
    ...config.list("smtpd_tls_chain_files"),
    ...["smtpd_tls_cert_file", "smtpd_tls_eccert_file"].map((name) => config.string(name)),
  ].filter((file) => file !== "" && file !== "none");
  if (files.length === 0) {
    log.fatal("tls output-server-tlsa: no server certificate is configured");
    return 1;
  }
  try {
    for (const file of files) {
      const pem = /-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/.exec(
        Deno.readTextFileSync(file),
      );
      if (pem === null) continue;
      const key = new X509Certificate(pem[0]).publicKey.export({ type: "spki", format: "der" });
      print(`_25._tcp.${host}. IN TLSA 3 1 1 ${createHash("sha256").update(key).digest("hex")}`);
    }
    return 0;
  } catch (error) {
    log.fatal(`tls output-server-tlsa: ${messageOf(error)}`);
    return 1;
  }
}
