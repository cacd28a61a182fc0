/** A running saslauthd: its working directory, the lock that keeps it alone there, the signals that end it. */
import { closeSync, ftruncateSync, openSync, writeSync } from "node:fs";
import { fcntlLock } from "../../core/system/mod.ts";
import { type SaslauthdOptions, startSaslauthd } from "./server.ts";
import { MechanismError } from "./types.ts";

/** Another saslauthd, ours or Debian's, holds the directory. */
const RUNNING = "Another instance of saslauthd is currently running";

/**
 * Takes the lock on `saslauthd.pid` and writes the process id there. Throws `MechanismError` if somebody else has it.
 */
function holdPidFile(directory: string): number {
  const fd = openSync(`${directory}/saslauthd.pid`, "a+", 0o600);
  try {
    if (!fcntlLock(fd)) throw new MechanismError(RUNNING);
    ftruncateSync(fd, 0);
    writeSync(fd, `${Deno.pid}\n`);
    return fd;
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

/** Serves until a signal says stop. @param ready called once the socket is open */
export async function runInstance(options: SaslauthdOptions, ready: () => void): Promise<void> {
  const { directory, log } = options;
  Deno.umask(0o077);
  const lock = holdPidFile(directory);
  const stopped = new Promise<void>((stop) => {
    for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) {
      Deno.addSignalListener(signal, () => stop());
    }
  });
  try {
    const server = await startSaslauthd(options);
    if (options.verbose) {
      log.info(`master pid is: ${Deno.pid}`);
      log.info(`listening on socket: ${directory}/mux`);
    }
    ready();
    await stopped;
    await server.close();
    Deno.removeSync(`${directory}/saslauthd.pid`);
  } finally {
    closeSync(lock);
  }
}
