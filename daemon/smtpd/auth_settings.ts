import type { Config } from "../../core/config/mod.ts";
import { ConfigError } from "../../core/config/mod.ts";
import {
  configDirectories,
  createCyrusServer,
  createDovecotServer,
  SaslError,
  type SaslServer,
  type SecurityOption,
} from "../../core/sasl/mod.ts";
import { type MatchList, matchList } from "../../core/table/mod.ts";
import type { SmtpdDeps } from "./types.ts";

/** How clients authenticate at a service. */
export interface ServerAuth {
  /** Absent if the back end's configuration can't be used; the log has said why. */
  readonly server: SaslServer | undefined;
  readonly security: ReadonlySet<SecurityOption>;
  readonly securityUnderTls: ReadonlySet<SecurityOption>;
  /** AUTH only under TLS. */
  readonly tlsOnly: boolean;
  /** Clients that are not offered AUTH. */
  readonly exceptions: MatchList;
  readonly mechanismFilter: MatchList;
  /** Bytes of a response. */
  readonly responseLimit: number;
  /** `AUTH=` for clients of an old draft. */
  readonly oldKeyword: boolean;
  /** Events of a client in a time unit; 0 is no limit. */
  readonly rateLimit: number;
}

/** RFC 4954 section 4 wants room for this many characters of a response. */
const SMALLEST_LIMIT = 12288;

const OPTIONS: readonly SecurityOption[] = [
  "noplaintext",
  "noactive",
  "nodictionary",
  "noanonymous",
  "forward_secrecy",
  "mutual_auth",
];

function securityOptions(config: Config, name: string): ReadonlySet<SecurityOption> {
  return new Set(
    config.list(name).map((word) => {
      const option = OPTIONS.find((each) => each === word.toLowerCase());
      if (option !== undefined) return option;
      throw new ConfigError(
        `unknown ${name} value "${word}": use ${OPTIONS.join(", ")}`,
        config.origin(name),
      );
    }),
  );
}

/**
 * Reads the configuration; undefined without `smtpd_sasl_auth_enable`.
 * @param tlsRequired the service does nothing without TLS
 * @throws `ConfigError` or `TableError`
 */
export function readServerAuth(deps: SmtpdDeps, tlsRequired: boolean): ServerAuth | undefined {
  const { config, tables, log } = deps;
  if (!config.bool("smtpd_sasl_auth_enable")) return undefined;
  const list = (kind: "address" | "string", name: string) =>
    matchList(kind, config.string(name), tables, { name });
  let server: SaslServer | undefined;
  try {
    server = createServer(config, log);
  } catch (error) {
    if (!(error instanceof SaslError)) throw error;
    log.warning(`SASL: ${error.message}`);
  }
  return {
    server,
    security: securityOptions(config, "smtpd_sasl_security_options"),
    securityUnderTls: securityOptions(config, "smtpd_sasl_tls_security_options"),
    tlsOnly: config.bool("smtpd_tls_auth_only") || tlsRequired,
    exceptions: list("address", "smtpd_sasl_exceptions_networks"),
    mechanismFilter: list("string", "smtpd_sasl_mechanism_filter"),
    responseLimit: Math.max(SMALLEST_LIMIT, config.int("smtpd_sasl_response_limit")),
    oldKeyword: config.bool("broken_sasl_auth_clients"),
    rateLimit: config.int("smtpd_client_auth_rate_limit"),
  };
}

function createServer(config: Config, log: SmtpdDeps["log"]): SaslServer {
  const type = config.string("smtpd_sasl_type");
  const path = config.string("smtpd_sasl_path");
  const service = config.string("smtpd_sasl_service");
  switch (type) {
    case "cyrus":
      return createCyrusServer({
        application: path,
        directories: configDirectories(
          config.string("cyrus_sasl_config_path"),
          config.string("config_directory"),
        ),
        service,
        hostname: config.string("myhostname"),
        realm: config.string("smtpd_sasl_local_domain"),
        log,
      });
    case "dovecot":
      return createDovecotServer({ path, queueDirectory: config.string("queue_directory"), service, log });
    default:
      throw new ConfigError(
        `unsupported smtpd_sasl_type "${type}": use cyrus or dovecot`,
        config.origin("smtpd_sasl_type"),
      );
  }
}
