import { ConfigError, loadConfig } from "../core/config/mod.ts";
import { configDirectories, readApplicationConfig, SaslError, serverMechanisms } from "../core/sasl/mod.ts";
import { getopt, UsageError } from "./getopt.ts";

export const help = `
Usage: saslfinger -s | -c

Reports how SASL is set up, without secrets, so that the report may be shown to others.

  -s  for the server    -c  for the client
`;

const SECRET = /passw|secret|_pwd|^ldapdb_pw/i;

/** saslfinger(1): a report that may be shown to others. */
export function run(args: string[], name: string): Promise<number> {
  let side: "s" | "c" | undefined;
  try {
    for (const { letter } of getopt(args, "sch").options) if (letter !== "h") side = letter as "s" | "c";
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    console.error(`${name}: ${error.message}`);
  }
  if (side === undefined) {
    console.error(`usage: ${name} -s | -c`);
    return Promise.resolve(1);
  }
  try {
    report(side);
    return Promise.resolve(0);
  } catch (error) {
    if (!(error instanceof ConfigError || error instanceof SaslError)) throw error;
    console.error(`${name}: ${error.message}`);
    return Promise.resolve(1);
  }
}

function report(side: "s" | "c"): void {
  const config = loadConfig({});
  const prefix = side === "s" ? "smtpd" : "smtp";
  console.log(`saslfinger - ${prefix} side of SASL\n`);
  console.log(`-- basics --\nPostfix: ${config.string("mail_version")} (${config.string("mail_name")})\n`);
  console.log(`-- active SMTP AUTH parameters for ${prefix} --`);
  const names = side === "s"
    ? ["smtpd_sasl_auth_enable", "smtpd_sasl_type", "smtpd_sasl_path", "smtpd_sasl_local_domain"]
    : ["smtp_sasl_auth_enable", "smtp_sasl_password_maps", "smtp_sasl_mechanism_filter"];
  for (const name of [...names, `${prefix}_sasl_security_options`, `${prefix}_tls_security_level`]) {
    console.log(`${name} = ${config.string(name)}`);
  }
  console.log(`\n-- mechanisms --\n${serverMechanisms.map((each) => each.name).join(" ")}`);
  if (side === "c" || config.string("smtpd_sasl_type") !== "cyrus") return;
  const directories = configDirectories(
    config.string("cyrus_sasl_config_path"),
    config.string("config_directory"),
  );
  const { file, values } = readApplicationConfig(config.string("smtpd_sasl_path"), directories);
  console.log(`\n-- content of ${file ?? `no file in ${directories.join(":")}`} --`);
  for (const [key, value] of values) {
    console.log(`${key}: ${SECRET.test(key) ? "--- replaced ---" : value}`);
  }
}
