/** TLS contexts of the client: its own keys, the authorities that it trusts, and the protocol versions of a policy. */
import type { Config } from "../../core/config/mod.ts";
import type { Logger } from "../../core/log/mod.ts";
import {
  KeyFileError,
  type KeyPair,
  KeyRing,
  KeyStore,
  readAuthorities,
  readProtocols,
  SYSTEM_AUTHORITIES,
  TlsContext,
  trustAnchors,
  type VersionRange,
} from "../../core/tls/mod.ts";
import type { Protocol } from "./settings.ts";

export interface TlsEngineDeps {
  readonly config: Config;
  readonly log: Logger;
  readonly keyStore?: KeyStore | undefined;
  readonly requestReplacement?: ((reason: string) => void) | undefined;
}

/** What a handshake needs of this side. */
export interface TlsEngine {
  readonly context: TlsContext;
  readonly pair: KeyPair | undefined;
}

/** Contexts by what differs between policies; keys and authorities are read once. */
export class TlsEngines {
  readonly #contexts = new Map<string, TlsContext>();
  readonly #ring: KeyRing | undefined;
  readonly #anchors: ReturnType<typeof trustAnchors> | undefined;
  readonly #depth: number;
  readonly #optional: VersionRange;
  readonly #mandatory: VersionRange;

  constructor(deps: TlsEngineDeps, protocol: Protocol) {
    const { config, log } = deps;
    const store = deps.keyStore ?? new KeyStore();
    const at = (name: string) => `${protocol}_tls_${name}`;
    this.#depth = config.int(at("scert_verifydepth"));
    this.#optional = readProtocols(config, at("protocols"));
    this.#mandatory = readProtocols(config, at("mandatory_protocols"));
    const chainFiles = config.list(at("chain_files"));
    const pairs: [string, string][] = [];
    for (const kind of ["", "ec"]) {
      const certificates = config.string(at(`${kind}cert_file`));
      if (certificates !== "") pairs.push([certificates, config.string(at(`${kind}key_file`))]);
    }
    try {
      if (chainFiles.length + pairs.length > 0) {
        this.#ring = new KeyRing({ chainFiles, pairs }, store, {
          warn: (text) => log.warning(text),
          requestReplacement: deps.requestReplacement,
        });
      }
      const own = readAuthorities(config.string(at("CAfile")), config.string(at("CApath")), store);
      this.#anchors = trustAnchors(
        own + (config.bool("tls_append_default_CA") ? store.read(SYSTEM_AUTHORITIES) : ""),
      );
    } catch (error) {
      if (!(error instanceof KeyFileError)) throw error;
      if (error.denied) deps.requestReplacement?.(error.message);
      log.warning(`${error.message}: disabling TLS support`);
    }
  }

  /** The engine for these versions, or for the ones of main.cf; undefined if keys or authorities can't be used. */
  get(versions: VersionRange | undefined, mandatory: boolean): TlsEngine | undefined {
    if (this.#anchors === undefined) return undefined;
    const range = versions ?? (mandatory ? this.#mandatory : this.#optional);
    const key = `${range.min} ${range.max}`;
    let context = this.#contexts.get(key);
    if (context === undefined) {
      context = new TlsContext(range, this.#anchors, this.#depth);
      this.#contexts.set(key, context);
    }
    const pairs = this.#ring?.pairs() ?? [];
    // With keys of both kinds, the one that every server can check.
    return { context, pair: pairs.find((pair) => pair.certificate.key.algorithm === "RSA") ?? pairs[0] };
  }
}
