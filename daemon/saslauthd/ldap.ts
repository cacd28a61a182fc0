/** Passwords in an LDAP directory, with the options that saslauthd's `ldap` has in saslauthd.conf. */
import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { Client, InvalidCredentialsError, NoSuchObjectError } from "ldapts";
import { encodeText } from "../../core/bytes/mod.ts";
import { messageOf } from "../../core/errors/mod.ts";
import { hasHash, same } from "./accounts.ts";
import { DEFAULT_CONFIG, isYes, type Options, readOptions } from "./config_file.ts";
import { expandTokens, quoteDn, quoteFilter } from "./ldap_tokens.ts";
import { type Login, type Mechanism, MechanismError } from "./types.ts";

type Scope = "sub" | "one" | "base";
type Method = "bind" | "custom" | "fastbind";

interface Settings {
  readonly servers: readonly string[];
  readonly bindDn: string;
  readonly password: string;
  readonly base: string;
  readonly filter: string;
  readonly scope: Scope;
  readonly method: Method;
  readonly passwordAttribute: string;
  readonly defaultRealm: string;
  readonly group: {
    readonly dn: string;
    readonly attribute: string;
    readonly filter: string;
    readonly base: string;
    readonly scope: Scope;
    readonly byFilter: boolean;
  } | undefined;
  readonly timeoutMs: number;
  readonly timeLimit: number;
  readonly sizeLimit: number;
  readonly dereference: "never" | "search" | "find" | "always";
  readonly startTls: boolean;
  readonly tls: {
    readonly rejectUnauthorized: boolean;
    readonly ca?: string[];
    readonly cert?: string;
    readonly key?: string;
  };
}

function choice<T extends string>(path: string, options: Options, name: string, values: readonly T[]): T {
  const value = options.get(name)?.toLowerCase() ?? values[0]!;
  const known = values.find((each) => each === value);
  if (known !== undefined) return known;
  throw new MechanismError(`${path}: ${name}: use one of ${values.join(", ")}, not "${value}"`);
}

function seconds(path: string, options: Options, name: string): number {
  const value = Number(options.get(name) ?? "5");
  if (Number.isFinite(value) && value >= 0) return value;
  throw new MechanismError(`${path}: ${name}: need a number of seconds, not "${options.get(name)}"`);
}

function readTls(path: string, options: Options): Settings["tls"] {
  const file = (name: string): string | undefined => {
    const place = options.get(name);
    if (place === undefined) return undefined;
    try {
      return Deno.readTextFileSync(place);
    } catch (error) {
      throw new MechanismError(`${path}: ${name}: ${messageOf(error)}`);
    }
  };
  const ca: string[] = [];
  const single = file("ldap_tls_cacert_file");
  if (single !== undefined) ca.push(single);
  const directory = options.get("ldap_tls_cacert_dir");
  if (directory !== undefined) {
    for (const entry of Deno.readDirSync(directory)) {
      if (/\.(?:pem|crt|\d+)$/.test(entry.name)) ca.push(Deno.readTextFileSync(`${directory}/${entry.name}`));
    }
  }
  const cert = file("ldap_tls_cert");
  const key = file("ldap_tls_key");
  const check = isYes(options, "ldap_tls_check_peer");
  if (check && ca.length === 0) {
    throw new MechanismError(
      `${path}: ldap_tls_check_peer needs ldap_tls_cacert_file or ldap_tls_cacert_dir`,
    );
  }
  return {
    rejectUnauthorized: check,
    ...(ca.length === 0 ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
  };
}

/** Reads saslauthd.conf. Throws `MechanismError`. */
function readLdapSettings(path: string): Settings {
  const options = readOptions(path);
  const text = (name: string, otherwise = "") => options.get(name) ?? otherwise;
  if (isYes(options, "ldap_use_sasl")) {
    throw new MechanismError(
      `${path}: ldap_use_sasl is not supported: use ldap_auth_method: fastbind or bind`,
    );
  }
  const group = options.get("ldap_group_dn");
  const base = text("ldap_search_base");
  return {
    servers: text("ldap_servers", "ldap://localhost/").split(/\s+/).filter((word) => word !== ""),
    bindDn: text("ldap_bind_dn"),
    password: options.get("ldap_password") ?? text("ldap_bind_pw"),
    base,
    filter: text("ldap_filter", "uid=%u"),
    scope: choice(path, options, "ldap_scope", ["sub", "one", "base"]),
    method: choice(path, options, "ldap_auth_method", ["bind", "custom", "fastbind"]),
    passwordAttribute: text("ldap_password_attr", "userPassword"),
    defaultRealm: options.get("ldap_default_realm") ?? text("ldap_default_domain"),
    group: group === undefined ? undefined : {
      dn: group,
      attribute: text("ldap_group_attr", "uniqueMember"),
      filter: text("ldap_group_filter"),
      base: text("ldap_group_search_base", base),
      scope: choice(path, options, "ldap_group_scope", ["sub", "one", "base"]),
      byFilter: choice(path, options, "ldap_group_match_method", ["attr", "filter"]) === "filter",
    },
    timeoutMs: seconds(path, options, "ldap_timeout") * 1000,
    timeLimit: seconds(path, options, "ldap_time_limit"),
    sizeLimit: Number(text("ldap_size_limit", "1")) || 0,
    dereference: choice(path, options, "ldap_deref", ["never", "search", "find", "always"]),
    startTls: isYes(options, "ldap_start_tls"),
    tls: readTls(path, options),
  };
}

/** Connects to the first server that answers. Rejects with the last error. */
async function connect(settings: Settings, bindDn: string, password: string): Promise<Client> {
  let problem: unknown = new Error("ldap_servers is empty");
  for (const url of settings.servers) {
    const client = new Client({
      url,
      timeout: settings.timeoutMs,
      connectTimeout: settings.timeoutMs,
      strictDN: false,
      ...(/^ldaps:/i.test(url) ? { tlsOptions: settings.tls } : {}),
    });
    try {
      if (settings.startTls) await client.startTLS({ ...settings.tls, host: new URL(url).hostname });
      // With empty strings this is the anonymous bind, which shows whether the server is there.
      await client.bind(bindDn, password);
      return client;
    } catch (error) {
      await client.unbind().catch(() => {});
      // Credentials that one server refuses are wrong everywhere.
      if (error instanceof InvalidCredentialsError) throw error;
      problem = error;
    }
  }
  throw problem;
}

/** Looks for the one entry of a user; undefined if there is none, or more than one. */
async function findEntry(
  client: Client,
  settings: Settings,
  login: Login,
  attributes: readonly string[],
): Promise<{ readonly dn: string; readonly values: readonly Uint8Array[] } | undefined> {
  try {
    const { searchEntries } = await client.search(expandTokens(settings.base, login, quoteDn), {
      scope: settings.scope,
      filter: parenthesized(expandTokens(settings.filter, login, quoteFilter)),
      derefAliases: settings.dereference,
      sizeLimit: settings.sizeLimit === 0 ? 0 : settings.sizeLimit + 1,
      timeLimit: settings.timeLimit,
      attributes: attributes.length === 0 ? ["1.1"] : [...attributes],
      explicitBufferAttributes: [...attributes],
    });
    const entry = searchEntries[0];
    if (entry === undefined || searchEntries.length > 1) return undefined;
    const values = attributes.flatMap((name) => entry[name] ?? []).map((value) =>
      typeof value === "string" ? encodeText(value) : new Uint8Array(value)
    );
    return { dn: entry.dn, values };
  } catch (error) {
    if (error instanceof NoSuchObjectError) return undefined;
    throw error;
  }
}

/** `uid=%u` may be written without its parentheses. */
function parenthesized(filter: string): string {
  return filter.startsWith("(") ? filter : `(${filter})`;
}

async function isMember(client: Client, settings: Settings, login: Login, dn: string): Promise<boolean> {
  const { group } = settings;
  if (group === undefined) return true;
  const withDn = (template: string, quote: (text: string) => string) =>
    expandTokens(template, login, quote, dn);
  try {
    if (!group.byFilter) {
      return await client.compare(withDn(group.dn, quoteDn), group.attribute, dn);
    }
    const { searchEntries } = await client.search(withDn(group.base, quoteDn), {
      scope: group.scope,
      filter: parenthesized(withDn(group.filter, quoteFilter)),
      timeLimit: settings.timeLimit,
      attributes: ["1.1"],
    });
    return searchEntries.length > 0;
  } catch (error) {
    if (error instanceof NoSuchObjectError) return false;
    throw error;
  }
}

/** Is a value of `userPassword` (RFC 2307 section 5.3) the hash of this password, or the password itself? */
async function matchesStored(stored: Uint8Array, password: Uint8Array): Promise<boolean> {
  const text = Buffer.from(stored).toString("latin1");
  const scheme = /^\{([A-Za-z0-9-]+)\}(.*)$/s.exec(text);
  if (scheme === null) return same(stored, password);
  const name = scheme[1]!.toLowerCase();
  const value = scheme[2]!;
  if (name === "crypt") return await hasHash(password, value);
  if (name === "cleartext") return same(Buffer.from(value, "latin1"), password);
  const [, salted, algorithm] = /^(s?)(sha|md5)$/.exec(name) ?? [];
  if (algorithm === undefined) return false;
  const bytes = Buffer.from(value, "base64");
  const length = algorithm === "sha" ? 20 : 16;
  if (bytes.length < length || (salted === "" && bytes.length !== length)) return false;
  const digest = createHash(algorithm === "sha" ? "sha1" : "md5").update(password).update(
    bytes.subarray(length),
  ).digest();
  return same(digest, bytes.subarray(0, length));
}

/** Checks passwords in a directory. Throws `MechanismError` for options that can't be used. */
export function ldapMechanism(path = DEFAULT_CONFIG): Mechanism {
  const settings = readLdapSettings(path);
  return async (request) => {
    // A bind without a password is an anonymous one and proves nothing.
    if (request.login === "" || request.password.length === 0) return "NO";
    const login = { ...request, realm: request.realm || settings.defaultRealm };
    const password = Buffer.from(login.password).toString("utf8");
    if (settings.method === "fastbind") {
      const dn = expandTokens(settings.filter, login, quoteDn);
      return await bindsAs(settings, dn, password, (client) => isMember(client, settings, login, dn));
    }
    const client = await connect(settings, settings.bindDn, settings.password);
    try {
      const custom = settings.method === "custom";
      const entry = await findEntry(client, settings, login, custom ? [settings.passwordAttribute] : []);
      if (entry === undefined) return "NO";
      if (!await isMember(client, settings, login, entry.dn)) return "NO";
      if (!custom) return await bindsAs(settings, entry.dn, password, () => Promise.resolve(true));
      for (const value of entry.values) if (await matchesStored(value, login.password)) return "OK";
      return "NO";
    } finally {
      await client.unbind().catch(() => {});
    }
  };
}

async function bindsAs(
  settings: Settings,
  dn: string,
  password: string,
  also: (client: Client) => Promise<boolean>,
): Promise<string> {
  try {
    const client = await connect(settings, dn, password);
    try {
      return await also(client) ? "OK" : "NO";
    } finally {
      await client.unbind().catch(() => {});
    }
  } catch (error) {
    if (error instanceof InvalidCredentialsError) return "NO";
    throw error;
  }
}
