import type { OpenContext } from "../context.ts";
import { readSettings, type TableSettings } from "../table_settings.ts";
import { TableError } from "../types.ts";
import { warnAboutIgnored } from "./ignored.ts";
import type { Server } from "./server_pool.ts";
import { checkedTemplate } from "../answers.ts";
import { dependsOnKey } from "../query_template.ts";
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
  const expansionLimit = all.int("expansion_limit", 0);
  const servers = readServers(all);
  warnAboutOthers(context, all);
  return {
    all,
    servers,
    timeout: all.int("timeout", 10, 0),
    searchBase: checkedTemplate(all, "query", all.string("search_base", "")),
    queryFilter: readFilter(context, all),
    resultFormat: all.string("result_format", "") || all.filled("result_filter", "%s"),
    scope: readScope(context, all),
    bind: readBind(all),
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
    dereference: readDereference(context, all),
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

const SCOPES = ["sub", "one", "base"] as const;

function readScope(context: OpenContext, all: TableSettings): LdapSettings["scope"] {
  const value = all.filled("scope", "sub");
  const scope = SCOPES.find((known) => known === value.toLowerCase());
  if (scope === undefined) opening(context, `: Unrecognized value ${value} specified for scope; using sub`);
  return scope ?? "sub";
}

function readBind(all: TableSettings): LdapSettings["bind"] {
  const value = all.filled("bind", "yes");
  const bind = BIND[value.toLowerCase()];
  if (bind !== undefined) return bind;
  throw new TableError(
    "configuration",
    `${all.source}: unsupported parameter value: bind = ${value}`,
    true,
  );
}

function readDereference(context: OpenContext, all: TableSettings): LdapSettings["dereference"] {
  const value = all.int("dereference", 0);
  const known = DEREFERENCE[value];
  if (known === undefined) {
    opening(context, ` Unrecognized value ${value} specified for dereference; using 0`);
  }
  return known ?? "never";
}

/** An empty filter, which finds everything, is refused. */
function readFilter(context: OpenContext, all: TableSettings): string {
  const filter = checkedTemplate(all, "query", all.filled("query_filter", "(mailacceptinggeneralid=%s)"));
  if (!dependsOnKey(filter)) opening(context, `: Fixed query_filter ${filter} is probably useless`);
  return filter;
}

/** Warns of a parameter in Postfix's words. */
function opening(context: OpenContext, problem: string): void {
  context.log.warning(`dict_ldap_open: ${context.name}${problem}`);
}

function readServers(all: TableSettings): LdapServer[] {
  const port = all.int("server_port", 389, 1);
  const hosts = words(all.filled("server_host", "localhost"));
  return hosts.map((host) => {
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
  const version = all.int("version", 3, 2);
  if (version > 3) opening(context, ` Unknown version ${version}, using 3.`);
  if (version < 3) {
    context.log.warning(`${context.type}:${context.name}: version = ${version}: version 3 is used instead`);
  }
}
