import { closeSync, constants, fstatSync, openSync, readSync, type Stats } from "node:fs";
import { decodeText } from "../../core/bytes/mod.ts";
import { asUser } from "../../core/system/mod.ts";
import type { UserRights } from "./state.ts";

/** Runs file operations with a user's rights, and its one group; with the process's own if there is none. */
export function withRights<T>(rights: Pick<UserRights, "uid" | "gid"> | undefined, work: () => T): T {
  return rights === undefined || rights.uid === 0
    ? work()
    : asUser({ uid: rights.uid, gid: rights.gid, groups: [rights.gid] }, work);
}

/**
 * Reads a list of addresses with a user's rights. Throws the system's error. `check` sees what was really opened and
 * throws to refuse it.
 */
export function readAs(
  rights: Pick<UserRights, "uid" | "gid"> | undefined,
  path: string,
  check: (status: Stats) => void,
): string {
  return withRights(rights, () => {
    // O_NONBLOCK: a named pipe in its place must not hold the delivery up.
    const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      const status = fstatSync(fd);
      check(status);
      const bytes = new Uint8Array(status.size);
      let length = 0;
      while (length < bytes.length) {
        const count = readSync(fd, bytes, length, bytes.length - length, length);
        if (count === 0) break;
        length += count;
      }
      return decodeText(bytes.subarray(0, length));
    } finally {
      closeSync(fd);
    }
  });
}
