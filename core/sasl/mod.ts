/**
 * SASL (RFC 4422): mechanisms for server and client, and the back ends that know passwords: Cyrus SASL's password file,
 * saslauthd, Dovecot's authentication server.
 *
 * A server's exchange is a generator: it yields challenges, is sent responses, and returns who the client is or why not.
 * Secrets never stand in an error, an outcome or a log line.
 */
export {
  type PasswordStore,
  SaslError,
  type SaslOutcome,
  type SaslPeer,
  type SaslServer,
  type SecurityOption,
  type ServerDialogue,
} from "./types.ts";
export { type ApplicationConfig, configDirectories, readApplicationConfig } from "./application_config.ts";
export { createCyrusServer, type CyrusOptions } from "./cyrus_server.ts";
export { sqlTableType } from "./sql_store.ts";
export { createDovecotServer, type DovecotOptions } from "./dovecot.ts";
export { serverMechanisms } from "./mechanisms.ts";
export { DEFAULT_SASLDB, listSasldb, openSasldb, type SasldbRecord, setSasldbPassword } from "./sasldb.ts";
export { askSaslauthd, DEFAULT_MUX, type LoginRequest } from "./saslauthd.ts";
export { decodeBase64, encodeBase64 } from "./text.ts";
export { chooseMechanism, type ClientDialogue, type ClientMechanism, clientMechanisms } from "./client.ts";
