/**
 * saslauthd(8): says over a socket whether a password is right. It asks the password file of SASL, the system's accounts
 * (shadow, PAM), or a server: IMAP, LDAP, a web form.
 *
 * Logs: refusals with user, service, realm, mechanism and reason; good answers too where that is asked for; never a
 * password.
 */
export { AnswerCache } from "./cache.ts";
export { mechanismNames, openMechanism } from "./mechanism.ts";
export { runInstance } from "./instance.ts";
export type { SaslauthdOptions } from "./server.ts";
export { type Login, type Mechanism, MechanismError } from "./types.ts";
