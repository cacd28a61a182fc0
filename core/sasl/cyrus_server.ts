/** `smtpd_sasl_type = cyrus` without the Cyrus library: the same settings, files and sockets. */
import type { TableLog } from "../table/mod.ts";
import { type ApplicationConfig, readApplicationConfig } from "./application_config.ts";
import { canonicalUser, type Environment, failed, Reason, storedPassword } from "./environment.ts";
import { type ServerMechanism, serverMechanisms } from "./mechanisms.ts";
import { openSqlStore } from "./sql_store.ts";
import { checkBySaslauthd, DEFAULT_MUX } from "./saslauthd.ts";
import { DEFAULT_SASLDB, openSasldb } from "./sasldb.ts";
import { sameSecret } from "./text.ts";
import {
  type PasswordStore,
  SaslError,
  type SaslPeer,
  type SaslServer,
  type ServerDialogue,
} from "./types.ts";

export interface CyrusOptions {
  /** Which `NAME.conf` holds the settings: `smtpd`. */
  readonly application: string;
  /** Where that file is looked for. */
  readonly directories: readonly string[];
  /** `smtp`. */
  readonly service: string;
  readonly hostname: string;
  /** `smtpd_sasl_local_domain`; may be empty. */
  readonly realm: string;
  /** Where a database's warnings go; nowhere if absent. */
  readonly log?: TableLog | undefined;
}

/** Makes the server. Throws `SaslError` for settings that can't be used. */
export function createCyrusServer(options: CyrusOptions): SaslServer {
  const config = readApplicationConfig(options.application, options.directories);
  const methods = words(config.values.get("pwcheck_method") ?? "auxprop");
  for (const method of methods) {
    if (method !== "auxprop" && method !== "saslauthd") {
      throw new SaslError(
        `${config.file}: pwcheck_method "${method}" is not known: use auxprop or saslauthd`,
      );
    }
  }
  const store = methods.includes("auxprop") ? openStore(config, options.log) : undefined;
  const mux = muxPath(config.values.get("saslauthd_path"));
  const listed = config.values.get("mech_list");
  const wanted = listed === undefined ? undefined : new Set(words(listed).map((word) => word.toUpperCase()));

  const environmentOf = (peer: SaslPeer): Environment => {
    const environment: Environment = {
      store,
      realm: options.realm,
      hostname: options.hostname,
      service: options.service,
      peer,
      checker: {
        async check(user, password) {
          for (const method of methods) {
            const right = method === "auxprop"
              ? sameAs(await storedPassword(environment, user), password)
              : await checkBySaslauthd(
                mux,
                canonicalUser(environment, user),
                password,
                options.service,
                options.realm,
              );
            if (right) return true;
          }
          return false;
        },
      },
    };
    return environment;
  };
  const possible = (mechanism: ServerMechanism, peer: SaslPeer): boolean =>
    (wanted === undefined || wanted.has(mechanism.name)) &&
    (mechanism.needs !== "store" || store !== undefined) &&
    (mechanism.needs !== "certificate" || peer.certificateName !== undefined);

  return {
    mechanisms: (security, peer) =>
      serverMechanisms.filter((mechanism) =>
        possible(mechanism, peer) && [...security].every((option) => mechanism.properties.includes(option))
      ).map((mechanism) => mechanism.name),
    begin(name, initial, peer) {
      const mechanism = serverMechanisms.find((each) => each.name === name && possible(each, peer));
      return mechanism === undefined ? unknownMechanism() : mechanism.serve(environmentOf(peer), initial);
    },
    unknownMechanism: (shown) => ({
      kind: "failed",
      reason: Reason.noMechanism,
      detail: [`Couldn't find mech ${shown}`],
    }),
    close: () => store?.close(),
  };
}

// deno-lint-ignore require-yield -- it has nothing to ask
async function* unknownMechanism(): ServerDialogue {
  return failed(Reason.noMechanism);
}

function words(text: string): string[] {
  return text.split(/[\s,]+/).filter((word) => word !== "");
}

function sameAs(stored: Uint8Array | undefined, given: Uint8Array): boolean {
  return stored !== undefined && sameSecret(stored, given);
}

/** The password stores that `auxprop_plugin` names, asked in turn. */
function openStore(config: ApplicationConfig, log: TableLog | undefined): PasswordStore & { close(): void } {
  const stores = auxpropPlugins(config).map((plugin) =>
    plugin === "sql"
      ? openSqlStore(config, log)
      : openSasldb(config.values.get("sasldb_path") ?? DEFAULT_SASLDB)
  );
  return {
    async password(user, realm) {
      for (const store of stores) {
        const password = await store.password(user, realm);
        if (password !== undefined) return password;
      }
      return undefined;
    },
    close: () => {
      for (const store of stores) store.close();
    },
  };
}

/** The plugins in their order. Throws `SaslError` for one that is not there. */
function auxpropPlugins(config: ApplicationConfig): readonly string[] {
  const plugins = words(config.values.get("auxprop_plugin") ?? "sasldb");
  const unknown = plugins.find((plugin) => plugin !== "sasldb" && plugin !== "sql");
  if (unknown === undefined) return plugins;
  const advice = unknown === "ldapdb"
    ? "use pwcheck_method: saslauthd, with saslauthd -a ldap"
    : "use sasldb or sql";
  throw new SaslError(`${config.file}: auxprop_plugin "${unknown}" is not supported: ${advice}`);
}

/** The library takes the socket's directory, or the socket itself. */
function muxPath(configured: string | undefined): string {
  if (configured === undefined) return DEFAULT_MUX;
  return configured.endsWith("/mux") ? configured : `${configured.replace(/\/+$/, "")}/mux`;
}
