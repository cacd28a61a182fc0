/** postconf -a, -A, -b, -l, -m, -t and -T: what this program can do. */
import { loadConfig, readConfigFile } from "../core/config/mod.ts";
import { PostconfFatal, type PostconfStreams } from "./postconf_message.ts";
import type { PostconfOptions } from "./postconf_options.ts";

const SERVER_SASL_TYPES = ["cyrus", "dovecot"];
const CLIENT_SASL_TYPES = ["cyrus"];
const LOCKS = ["flock", "fcntl", "dotlock"];

const TABLE_TYPES = [
  "btree",
  "cdb",
  "cidr",
  "debug",
  "environ",
  "fail",
  "hash",
  "inline",
  "internal",
  "ldap",
  "lmdb",
  "memcache",
  "mongodb",
  "mysql",
  "pcre",
  "pgsql",
  "pipemap",
  "proxy",
  "randmap",
  "redis",
  "regexp",
  "socketmap",
  "sqlite",
  "static",
  "tcp",
  "texthash",
  "unionmap",
  "unix",
];

/** Prints a list, one name a line. Exit code 1 for an unknown TLS mode. */
export function showList(directory: string, options: PostconfOptions, streams: PostconfStreams): number {
  if (options.mode === "tls") return showTls(options.tlsMode, streams);
  if (options.mode === "tables") loadConfig({ directory, warn: streams.warn });
  const list = {
    servers: SERVER_SASL_TYPES,
    clients: CLIENT_SASL_TYPES,
    locks: LOCKS,
    tables: TABLE_TYPES,
  }[options.mode as "servers" | "clients" | "locks" | "tables"];
  streams.output(list.map((name) => `${name}\n`).join(""));
  return 0;
}

/** TLS comes with the runtime (rustls), so that no OpenSSL version can be told. */
function showTls(mode: string, streams: PostconfStreams): number {
  switch (mode) {
    case "compile-version":
    case "run-version":
      streams.output(`rustls (Deno ${Deno.version.deno})\n`);
      return 0;
    case "public-key-algorithms":
      streams.output("ecdsa\ned25519\nrsa\n");
      return 0;
    default:
      streams.warn(`unknown 'postconf -T' mode: ${mode}`);
      return 1;
  }
}

/** Texts of notifications: those of the file that is named, or of `bounce_template_file`, or built in. */
export async function templateText(
  directory: string,
  options: PostconfOptions,
  warn: (text: string) => void,
): Promise<string> {
  if (options.operands.length > 1) {
    throw new PostconfFatal("options -b and -t require at most one template file");
  }
  const dsn = await import("../core/dsn/mod.ts");
  const config = loadConfig({ directory, warn });
  const file = options.operands[0] ?? config.string("bounce_template_file");
  const templates = file === ""
    ? dsn.builtinTemplates(config)
    : dsn.parseTemplates(readConfigFile(file), file, warn, dsn.builtinTemplates(config));
  return options.mode === "templates"
    ? dsn.formatTemplates(templates)
    : dsn.formatExpandedTemplates(templates, config, warn);
}
