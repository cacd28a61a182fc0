/**
 * smtpd(8): receives mail by SMTP. A session's commands are in `verbs.ts`, the restrictions of access control under
 * `access/`; accepted messages go to cleanup as queue file records.
 *
 * Logs: `connect from`, `disconnect from` with command counters, `ID: client=`, access decisions, lost connections,
 * timeouts, offences against the protocol.
 */
export { createSmtpd } from "./service.ts";
export { checkAccessLists, type Refusal, type Trial, type TrialResult, tryRecipient } from "./trial.ts";
export type { AccessActions } from "./transaction.ts";
export type { AccessTrace } from "./session.ts";
export { saslTableTypes } from "./sasl_tables.ts";
export { restrictionNames } from "./access/restrictions.ts";
export type { Outcome } from "./access/check.ts";
export type { FlushResult, Smtpd, SmtpdConnection, SmtpdDeps, SmtpdResolver } from "./types.ts";
