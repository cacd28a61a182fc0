/**
 * The master: what runs where, starting and supervising processes, signals, reload, stop. The wiring of the services
 * of one process is `runtime.ts`, loaded only by processes that run services.
 */
export { type Master, type MasterOptions, pidFilePath, startMaster } from "./master.ts";
export { AlreadyRunning, runningMaster } from "./pid_file.ts";
export { linesOf, parseReport, type Report, sendReport } from "./control.ts";
export { ALL_ROLES, type Role } from "./plan.ts";
