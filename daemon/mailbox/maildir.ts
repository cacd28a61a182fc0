import { closeSync, fstatSync, fsync, mkdirSync, openSync, renameSync, unlinkSync } from "node:fs";
import { promisify } from "node:util";
import type { ContentReader } from "../../core/queue/mod.ts";
import { asUser, type Identity } from "../../core/system/mod.ts";
import { type CopyForm, copyMessage } from "./copy.ts";

const sync = promisify(fsync);

/** Tells files apart that one process makes in the same microsecond. */
let counter = 0;

/** Milliseconds with fraction to the seconds and microseconds that file names are made of. */
function clock(): { seconds: number; micros: string } {
  const now = performance.timeOrigin + performance.now();
  return { seconds: Math.floor(now / 1000), micros: String(Math.floor((now % 1000) * 1000)) };
}

function makeMaildir(directory: string): void {
  for (const part of ["tmp", "cur", "new"]) {
    mkdirSync(`${directory}/${part}`, { recursive: true, mode: 0o700 });
  }
}

/**
 * Delivers one message into a Maildir: written and synced under `tmp`, then renamed into `new`, all with the rights of
 * `identity`. Missing directories are made. Throws the file system's error; nothing is left behind then.
 * @param directory without the final `/`
 * @param host for the file name
 * @returns bytes written
 */
export async function deliverToMaildir(
  directory: string,
  host: string,
  identity: Identity,
  reader: ContentReader,
  form: CopyForm,
  sizeLimit = 0,
): Promise<number> {
  const { seconds, micros } = clock();
  counter += 1;
  // A slash or colon in the name would end up in a path or in the flags of a mail reader.
  const safeHost = host.replaceAll("/", "\\057").replaceAll(":", "\\072");
  const temporary = `${directory}/tmp/${seconds}.P${Deno.pid}Q${counter}.${safeHost}`;
  const fd = asUser(identity, () => {
    try {
      return openSync(temporary, "wx", 0o600);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
      makeMaildir(directory);
      return openSync(temporary, "wx", 0o600);
    }
  });
  try {
    const size = asUser(identity, () => copyMessage(reader, fd, form));
    if (sizeLimit > 0 && size > sizeLimit) {
      throw Object.assign(new Error(`message is ${size} bytes, the limit is ${sizeLimit}`), {
        code: "EFBIG",
      });
    }
    await sync(fd);
    const { dev, ino } = fstatSync(fd);
    const name = `${seconds}.V${dev.toString(16)}I${ino.toString(16)}M${micros}.${safeHost}`;
    asUser(identity, () => {
      try {
        renameSync(temporary, `${directory}/new/${name}`);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
        makeMaildir(directory);
        renameSync(temporary, `${directory}/new/${name}`);
      }
    });
    return size;
  } catch (error) {
    asUser(identity, () => {
      try {
        unlinkSync(temporary);
      } catch {
        // Renamed already, or the directory is gone: the error below tells.
      }
    });
    throw error;
  } finally {
    closeSync(fd);
  }
}
