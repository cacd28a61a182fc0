import { type FileHandle, fileLock, openFile } from "../system/mod.ts";
import { pause } from "./pause.ts";

/** Where a metadata page has the number of its transaction, and the page size. */
const TRANSACTION_AT = 144;
const PAGE_SIZE_AT = 40;
/** How long to wait between two tries to get the lock, in milliseconds. */
const PAUSE = 2;

/**
 * Real Postfix's programs change lmdb files in place: `postmap` and `postmap -d` under an fcntl(2) lock, `postmap -i`
 * without one. This says whether one of them did between the reading of a file and its replacement.
 */
export class LmdbWriters {
  #seen = "";
  #locked: FileHandle | undefined;

  constructor(private readonly path: string) {}

  /** Remembers the state of the file, which is read next. */
  note(): void {
    this.release();
    const file = opened(this.path);
    this.#seen = file === undefined ? "" : stateOf(file);
    file?.close();
  }

  /**
   * Waits for a writer that has the lock, takes the lock, and says whether the file is still as it was noted. The lock is
   * held until `release`, for the replacement.
   */
  unchanged(): boolean {
    const file = opened(this.path);
    if (file === undefined) return this.#seen === "";
    this.#locked = file;
    while (!lock(file)) pause(PAUSE);
    // Whoever had the lock before may have replaced the file.
    const now = opened(this.path);
    const state = now === undefined ? "" : stateOf(now);
    now?.close();
    return state === this.#seen && state === stateOf(file);
  }

  /** May be called again. */
  release(): void {
    this.#locked?.close();
    this.#locked = undefined;
  }
}

/** Opened for changing, which the lock takes, if that is allowed; undefined if there is no such file. */
function opened(path: string): FileHandle | undefined {
  for (const access of ["change", "read"] as const) {
    try {
      return openFile(path, access);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return undefined;
      if (access === "read") throw error;
    }
  }
}

/** True also where a file that can only be read can't be locked: there is nothing to wait for then. */
function lock(file: FileHandle): boolean {
  try {
    return fileLock(file.fd);
  } catch {
    return true;
  }
}

/** Which file it is, and the transactions that its metadata pages name. */
function stateOf(file: FileHandle): string {
  const bytes = new Uint8Array(TRANSACTION_AT + 8);
  const view = new DataView(bytes.buffer);
  const { inode, device } = file.place();
  file.readAt(bytes, 0);
  const first = view.getBigUint64(TRANSACTION_AT, true);
  file.readAt(bytes, view.getUint32(PAGE_SIZE_AT, true));
  return `${device} ${inode} ${first} ${view.getBigUint64(TRANSACTION_AT, true)}`;
}
