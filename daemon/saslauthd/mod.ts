/**
 * saslauthd(8): says over a socket whether a password is right. Mechanisms: the password file of SASL, and login to an
 * IMAP server.
 *
 * Logs: refusals with user, service, realm and reason, never a password.
 */
export { type Login, type Mechanism, rimapMechanism, sasldbMechanism } from "./mechanism.ts";
export { parseRequest, type SaslauthdOptions, startSaslauthd } from "./server.ts";
