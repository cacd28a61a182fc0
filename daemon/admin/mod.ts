/**
 * Running the mail system, as postfix(1) does it: start, stop, reload, status, log rotation, owners and modes, master.cf
 * of older releases. The look at an installation is in `check/`, loaded when it is needed.
 *
 * Logs what it does in the name of `postfix/postfix-script`.
 */
export {
  abort,
  type AdminDeps,
  alreadyRunning,
  drain,
  isRunning,
  reload,
  repairQueue,
  repairQueueMeanwhile,
  start,
  status,
  stop,
} from "./actions.ts";
export type { Finding } from "./finding.ts";
export { logrotate } from "./logrotate.ts";
export { setPermissions } from "./permissions.ts";
export { tls } from "./tls.ts";
export { upgradeConfiguration } from "./upgrade.ts";
