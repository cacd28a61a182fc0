/**
 * The master: what runs where, starting and supervising processes, signals, reload, stop. The wiring of the services
 * of one process is `runtime.ts`, loaded only by processes that run services.
 */
export {
  type Master,
  type MasterOptions,
  QUEUE_CHECK_OPTION,
  QUEUE_CHECKED,
  QueueNotChecked,
  runningMasterOf,
  startMaster,
} from "./master.ts";
export { type Endpoint, endpointsOf } from "./listen.ts";
export { INTERNAL_SERVICES } from "./internal_services.ts";
export { prepareLogFile } from "./log_file.ts";
export { isRoot, mailOwner, prepareDirectories } from "./privileges.ts";
export { AlreadyRunning } from "./pid_file.ts";
export { requireUsable } from "./usable.ts";
export { linesOf, parseReport, type Report, sendReport } from "./control.ts";
export { ALL_ROLES, type Role, roleOf } from "./plan.ts";
