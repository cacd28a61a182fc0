import { type Config, ConfigError } from "../../core/config/mod.ts";
import type { Logger } from "../../core/log/mod.ts";
import { TableError, type TableList, type TableSet } from "../../core/table/mod.ts";
import {
  choosePair,
  type ClientHello,
  isDigest,
  KeyFileError,
  type KeyFiles,
  type KeyPair,
  KeyRing,
  KeyStore,
  pairsInChain,
  readAuthorities,
  readProtocols,
  SYSTEM_AUTHORITIES,
  TlsContext,
  trustAnchors,
  unsupportedText,
} from "../../core/tls/mod.ts";

/** What a service knows of TLS: one set per configuration snapshot. */
export interface ServerTls {
  /** Mail is only taken under TLS. */
  readonly required: boolean;
  /** Sessions begin with TLS (`smtpd_tls_wrappermode`). */
  readonly wrapper: boolean;
  readonly askCertificate: boolean;
  readonly requireCertificate: boolean;
  readonly receivedHeader: boolean;
  readonly logLevel: number;
  /** For fingerprints: `sha256`. */
  readonly digest: string;
  /** New sessions per client and time unit; 0 is no limit. */
  readonly rateLimit: number;
  /** Absent when keys or authorities can't be used; the reason is in the log. */
  readonly server: ServerKeys | undefined;
}

/** Keys, and how one is found for a client. */
export interface ServerKeys {
  readonly context: TlsContext;
  choose(hello: ClientHello): Promise<KeyPair | undefined>;
}

export interface ServerTlsDeps {
  readonly config: Config;
  readonly tables: TableSet;
  readonly log: Logger;
  readonly keyStore?: KeyStore | undefined;
  readonly requestReplacement?: ((reason: string) => void) | undefined;
}

/** The engine names every authority in its request for a certificate; OpenSSL refuses requests of some 16 KB. */
const MOST_AUTHORITIES = 100;

type Level = "none" | "may" | "encrypt";

function securityLevel(config: Config, log: Logger): Level {
  const name = "smtpd_tls_security_level";
  const value = config.string(name).toLowerCase();
  switch (value) {
    case "":
      // The older pair of parameters, which counts only where the newer one is empty.
      return config.bool("smtpd_enforce_tls") ? "encrypt" : config.bool("smtpd_use_tls") ? "may" : "none";
    case "none":
    case "may":
    case "encrypt":
      return value;
    case "fingerprint":
    case "verify":
    case "secure":
    case "dane":
    case "dane-only":
      log.warning(`${name}: unsupported TLS level "${value}", using "encrypt"`);
      return "encrypt";
    default:
      throw new ConfigError(
        `invalid TLS level "${value}" in ${name}: use none, may or encrypt`,
        config.origin(name),
      );
  }
}

function keyFiles(config: Config): KeyFiles {
  const chainFiles = config.list("smtpd_tls_chain_files");
  if (chainFiles.length > 0) return { chainFiles, pairs: [] };
  const pairs: [string, string][] = [];
  for (const kind of ["", "ec", "d"]) {
    const certificates = config.string(`smtpd_tls_${kind}cert_file`);
    // DSA keys (dcert) went out of TLS with version 1.3; the engine has none.
    if (certificates === "" || certificates === "none" || kind === "d") continue;
    pairs.push([certificates, config.string(`smtpd_tls_${kind}key_file`)]);
  }
  return { chainFiles, pairs };
}

/**
 * Reads everything that TLS needs, keys included, so that this has to happen while root's files can be read. Undefined if
 * the service does without TLS. Throws `ConfigError` or `TableError`; keys that can't be used are a warning only, because
 * mail can still be taken without TLS where that is allowed.
 */
export function readServerTls(deps: ServerTlsDeps): ServerTls | undefined {
  const { config, log } = deps;
  const wrapper = config.bool("smtpd_tls_wrappermode");
  const level = securityLevel(config, log);
  if (level === "none" && !wrapper) return undefined;
  const required = level === "encrypt" || wrapper;
  const wantsCertificate = config.bool("smtpd_tls_req_ccert");
  if (wantsCertificate && !required) {
    log.warning("Can't require client certs unless TLS is required");
  }
  const digest = config.string("smtpd_tls_fingerprint_digest").toLowerCase();
  if (!isDigest(digest)) {
    throw new ConfigError(
      `smtpd_tls_fingerprint_digest: unknown digest "${digest}": use sha256, sha1 or md5`,
      config.origin("smtpd_tls_fingerprint_digest"),
    );
  }
  const unsupported = unsupportedText(config, "smtpd_tls");
  if (unsupported !== undefined) log.warning(unsupported);
  return {
    required,
    wrapper,
    askCertificate: config.bool("smtpd_tls_ask_ccert") || wantsCertificate,
    requireCertificate: wantsCertificate && required,
    receivedHeader: config.bool("smtpd_tls_received_header"),
    logLevel: Number(config.string("smtpd_tls_loglevel")),
    digest,
    rateLimit: config.int("smtpd_client_new_tls_session_rate_limit"),
    server: readKeys(deps, required, config.bool("smtpd_tls_ask_ccert") || wantsCertificate),
  };
}

function readKeys(deps: ServerTlsDeps, required: boolean, asks: boolean): ServerKeys | undefined {
  const { config, tables, log } = deps;
  const store = deps.keyStore ?? new KeyStore();
  const versions = readProtocols(config, required ? "smtpd_tls_mandatory_protocols" : "smtpd_tls_protocols");
  const sni = tables.list(config.string("tls_server_sni_maps"), { foldCase: true }, "tls_server_sni_maps");
  const files = keyFiles(config);
  try {
    if (files.chainFiles.length === 0 && files.pairs.length === 0 && sni.isEmpty) {
      log.warning("No server certs available. TLS won't be enabled");
      return undefined;
    }
    const ring = files.chainFiles.length === 0 && files.pairs.length === 0
      ? undefined
      : new KeyRing(files, store, {
        warn: (text) => log.warning(text),
        requestReplacement: deps.requestReplacement,
      });
    const own = readAuthorities(config.string("smtpd_tls_CAfile"), config.string("smtpd_tls_CApath"), store);
    const system = config.bool("tls_append_default_CA") ? store.read(SYSTEM_AUTHORITIES) : "";
    const context = new TlsContext(
      versions,
      trustAnchors(own + system),
      config.int("smtpd_tls_ccert_verifydepth"),
    );
    if (asks && context.trust.direct.size > MOST_AUTHORITIES) {
      log.warning(
        `${context.trust.direct.size} certificates of authorities are announced to clients that are asked for a ` +
          "certificate, and many clients refuse so long a list: use an smtpd_tls_CAfile with the few that matter",
      );
    }
    const byName = sni.isEmpty ? undefined : new NamedKeys(sni, store, log);
    const tls13 = versions.max === "TLSv1.3";
    return {
      context,
      async choose(hello) {
        const named = byName === undefined || hello.serverName === ""
          ? undefined
          : await byName.find(hello.serverName);
        return choosePair(named ?? ring?.pairs() ?? [], hello, tls13);
      },
    };
  } catch (error) {
    if (!(error instanceof KeyFileError)) throw error;
    if (error.denied) deps.requestReplacement?.(error.message);
    log.warning(`${error.message}: disabling TLS support`);
    return undefined;
  }
}

/** Most names whose keys are kept ready. */
const MOST_NAMES = 1000;

/** Keys by the name that a client asks for (`tls_server_sni_maps`). */
class NamedKeys {
  readonly #ready = new Map<string, { readonly value: string; readonly pairs: readonly KeyPair[] }>();

  constructor(
    private readonly maps: TableList,
    private readonly store: KeyStore,
    private readonly log: Logger,
  ) {}

  /** The pairs for a host name or the domain above it; undefined if the tables have none that can be used. */
  async find(name: string): Promise<readonly KeyPair[] | undefined> {
    try {
      for (let key = name;;) {
        const value = await this.maps.lookup(key);
        if (value !== undefined) return this.#pairs(key, value);
        const dot = key.indexOf(".", 1);
        if (dot < 0) return undefined;
        key = key.slice(dot);
      }
    } catch (error) {
      if (!(error instanceof TableError) && !(error instanceof KeyFileError)) throw error;
      this.log.warning(`tls_server_sni_maps: ${name}: ${error.message}`);
      return undefined;
    }
  }

  #pairs(key: string, value: string): readonly KeyPair[] {
    const content = this.#content(value);
    const known = this.#ready.get(key);
    if (known?.value === content) return known.pairs;
    const pairs = pairsInChain(content, key);
    if (this.#ready.size >= MOST_NAMES) this.#ready.clear();
    this.#ready.set(key, { value: content, pairs });
    return pairs;
  }

  /** The PEM text of a value: base64 as `postmap -F` stores it, or a list of files. */
  #content(value: string): string {
    try {
      const decoded = new TextDecoder().decode(Uint8Array.fromBase64(value));
      if (decoded.includes("-----BEGIN ")) return decoded;
    } catch {
      // Then it is a list of files.
    }
    const paths = value.split(/[,\s]+/).filter((path) => path !== "");
    return paths.map((path) => this.store.read(path)).join("\n");
  }
}
