import { domainToASCII } from "node:url";
import type { NewFileOwner } from "../../core/queue/mod.ts";

/** How many messages one log may name before it is cut: a site that is down for weeks must not fill the disk. */
const MAX_LOG_SIZE = 16 * 1024 * 1024;

/** The name of a site's log: ASCII, lower case, everything but letters and digits replaced by `_`. */
export function siteLogName(site: string): string {
  const bare = site.replace(/^\[(.*)\]$/, "$1");
  const ascii = /[^\x20-\x7e]/.test(bare) ? domainToASCII(bare) || bare : bare;
  const whole = bare === site ? ascii : `[${ascii}]`;
  return whole.toLowerCase().replace(/[^a-z0-9]/g, "_").slice(0, 255);
}

async function locked<T>(path: string, create: boolean, work: (file: Deno.FsFile) => T): Promise<T> {
  const file = Deno.openSync(path, { read: true, write: true, create, mode: 0o600 });
  try {
    if (!file.tryLockSync(true)) await file.lock(true);
    return work(file);
  } finally {
    file.close();
  }
}

/** Adds a queue id to a site's log. @param owner gets a log that root makes */
export async function addToLog(path: string, id: string, owner: NewFileOwner): Promise<void> {
  await locked(path, true, (file) => {
    owner.give(path);
    const size = file.seekSync(0, Deno.SeekMode.End);
    if (size < MAX_LOG_SIZE) file.writeSync(new TextEncoder().encode(`${id}\n`));
  });
}

/** The queue ids of a site's log, each once, and empties the log; none if there is no log. */
export async function takeLog(path: string): Promise<string[]> {
  try {
    return await locked(path, false, (file) => {
      const bytes = new Uint8Array(file.statSync().size);
      let length = 0;
      while (length < bytes.length) {
        const count = file.readSync(bytes.subarray(length));
        if (count === null) break;
        length += count;
      }
      file.truncateSync(0);
      const now = Date.now() / 1000;
      file.utimeSync(now, now);
      const lines = new TextDecoder().decode(bytes.subarray(0, length)).split("\n");
      return [...new Set(lines.filter((line) => line !== ""))];
    });
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}
