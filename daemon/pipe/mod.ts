/**
 * pipe(8): delivers by a command that master.cf names, run directly (no shell) as the user that it names, with the
 * message on its standard input. The command's exit status (sysexits.h), or a status code at the beginning of what it
 * says, decides about all recipients of the request.
 */
export { commandRights } from "./attributes.ts";
export { createPipe, type PipeDeps } from "./pipe.ts";
