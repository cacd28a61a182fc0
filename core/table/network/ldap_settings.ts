import type { OpenContext } from "../context.ts";
import { readSettings, type TableSettings } from "../table_settings.ts";
import { TableError } from "../types.ts";
import { warnAboutIgnored } from "./ignored.ts";
import type { Server } from "./server_pool.ts";
import { checkedTemplate } from "./template.ts";
import { readTlsFiles, type TlsFiles } from "./tls_files.ts";

/** One LDAP server; a UNIX socket has a path. */
export interface LdapServer extends Server {
  readonly url: string;
  readonly path: string | undefined;
}

/** The parameters of ldap_table(5). */
export interface LdapSettings {
  readonly all: TableSettings;
  readonly servers: readonly LdapServer[];
  /** Seconds that a search may take. */
  readonly timeout: number;
  readonly searchBase: string;
  readonly queryFilter: string;
  readonly resultFormat: string;
  readonly scope: "base" | "one" | "sub";
  readonly bind: "none" | "simple" | "sasl";
  readonly bindDn: string;
  readonly bindPassword: string;
  readonly saslMechanisms: readonly string[];
  readonly attributes: AttributeLists;
  readonly recursionLimit: number;
  readonly expansionLimit: number;
  readonly sizeLimit: number;
  readonly dereference: "never" | "search" | "find" | "always";
  readonly chaseReferrals: boolean;
  readonly startTls: boolean;
  readonly tls: TlsFiles & { readonly rejectUnauthorized: boolean };
  readonly retrySeconds: number;
  readonly idleSeconds: number;
}

/** Attribute names by what they are for. */
export interface AttributeLists {
  readonly ordinary: readonly string[];
  readonly special: readonly string[];
  readonly terminal: readonly string[];
  readonly leaf: readonly string[];
}

const DEREFERENCE = ["never", "search", "find", "always"] as const;

const BIND: Readonly<Record<string, LdapSettings["bind"]>> = {
  no: "none",
  none: "none",
  yes: "simple",
  simple: "simple",
  sasl: "sasl",
};

/** Reads the parameters; says which of those that are set have no effect. Throws `TableError`. */
export function readLdapSettings(context: OpenContext): LdapSettings {
  const all = readSettings(context);
  const expansionLimit = all.int("expansion_limit", 0, 0);
  const servers = readServers(all);
  warnAboutOthers(context, all);
  return {
    all,
    servers,
    timeout: all.int("timeout", 10, 0),
    searchBase: checkedTemplate(all, "search_base", all.string("search_base", "")),
    queryFilter: checkedTemplate(
      all,
      "query_filter",
      all.string("query_filter", "(mailacceptinggeneralid=%s)"),
    ),
    resultFormat: all.optional("result_format") ?? all.string("result_filter", "%s"),
    scope: choice(all, "scope", "sub", { sub: "sub", one: "one", base: "base" } as const),
    bind: choice(all, "bind", "yes", BIND),
    bindDn: all.string("bind_dn", ""),
    bindPassword: all.string("bind_pw", ""),
    saslMechanisms: words(all.string("sasl_mechs", "")),
    attributes: {
      ordinary: words(all.string("result_attribute", "maildrop")),
      special: words(all.string("special_result_attribute", "")),
      terminal: words(all.string("terminal_result_attribute", "")),
      leaf: words(all.string("leaf_result_attribute", "")),
    },
    recursionLimit: all.int("recursion_limit", 1000, 1),
    expansionLimit,
    sizeLimit: all.int("size_limit", expansionLimit, 0),
    dereference: DEREFERENCE[all.int("dereference", 0, 0)] ?? bad(all, "dereference", "0, 1, 2 or 3"),
    chaseReferrals: all.bool("chase_referrals", false),
    startTls: all.bool("start_tls", false),
    tls: {
      ...readTlsFiles({
        caFile: all.optional("tls_ca_cert_file"),
        caDirectory: all.optional("tls_ca_cert_dir"),
        cert: all.optional("tls_cert"),
        key: all.optional("tls_key"),
      }),
      rejectUnauthorized: all.bool("tls_require_cert", false),
    },
    // A single server is tried at every lookup; one of several is left alone for a while.
    retrySeconds: all.int("retry_interval", servers.length > 1 ? 60 : 0, 0),
    idleSeconds: all.int("idle_interval", 60, 1),
  };
}

function words(text: string): string[] {
  return text.split(/[\s,]+/).filter((word) => word !== "");
}

function bad(all: TableSettings, name: string, need: string): never {
  throw new TableError("configuration", `${all.source}: ${name} must be ${need}`, true);
}

function choice<T>(
  all: TableSettings,
  name: string,
  standard: string,
  values: Readonly<Record<string, T>>,
): T {
  const value = values[all.string(name, standard).toLowerCase()];
  return value ?? bad(all, name, `one of ${Object.keys(values).join(", ")}`);
}

function readServers(all: TableSettings): LdapServer[] {
  const port = all.int("server_port", 389, 1);
  const hosts = words(all.string("server_host", "localhost"));
  return (hosts.length === 0 ? ["localhost"] : hosts).map((host) => {
    if (/^ldapi:\/\//i.test(host)) {
      const path = decodeURIComponent(host.slice("ldapi://".length).replace(/\/$/, "")) ||
        "/var/run/slapd/ldapi";
      return { url: "ldap://localhost", path, label: host, rank: 0 };
    }
    if (/^ldaps?:\/\//i.test(host)) return { url: host, path: undefined, label: host, rank: 0 };
    const url = /:\d+$/.test(host) && !/:.*:/.test(host.replace(/\[.*\]/, ""))
      ? `ldap://${host}`
      : `ldap://${host}:${port}`;
    if (!URL.canParse(url)) bad(all, "server_host", "host, host:port or an LDAP URL");
    return { url, path: undefined, label: url, rank: 0 };
  });
}

/** Parameters that another LDAP library has a use for. */
const IGNORED = [
  "cache",
  "cache_expiry",
  "cache_size",
  "debuglevel",
  "tls_random_file",
  "tls_cipher_suite",
  "sasl_realm",
  "sasl_minssf",
];

function warnAboutOthers(context: OpenContext, all: TableSettings): void {
  warnAboutIgnored(context, all, IGNORED);
  const version = all.int("version", 3, 1);
  if (version !== 3) {
    context.log.warning(`${context.type}:${context.name}: version = ${version}: version 3 is used instead`);
  }
}
