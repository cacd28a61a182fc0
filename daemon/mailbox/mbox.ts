import { closeSync, fstatSync, fsync, ftruncateSync, writeSync } from "node:fs";
import { promisify } from "node:util";
import type { ContentReader } from "../../core/queue/mod.ts";
import { QueueFileError } from "../../core/queue/types.ts";
import { asUser, type Identity } from "../../core/system/mod.ts";
import { failed, MailboxError } from "./errors.ts";
import { isLockable, type OpenedFile, openForAppend } from "./open_file.ts";
import { takeDotLock, takeFileLocks } from "./locks.ts";
import { messageText, type TextForm } from "./message_text.ts";
import { remainsOf } from "./partial.ts";
import type { MailboxSettings } from "./settings.ts";

const sync = promisify(fsync);

export interface MboxDelivery {
  readonly path: string;
  /** Whose rights the message is written with. */
  readonly user: Identity;
  /** Whose rights the file is opened and locked with, where these are others (a group's spool directory). */
  readonly opener?: Identity;
  readonly settings: MailboxSettings;
  readonly reader: ContentReader;
  readonly form: TextForm;
  /** About how long the message is. */
  readonly messageSize: number;
  /** The status for a file that can't be used, where the error does not say more: `5.2.0`. */
  readonly standard: string;
  /** Called for a lock file that can't be made, which then does not matter; absent: it does. */
  readonly lockWarning?: (text: string) => void;
  /** Called with the file before anything is written; throws `MailboxError` to refuse it. */
  readonly accept: (file: OpenedFile) => void;
  /** Called when the text is written: the reader is free, and only the disk is waited for. */
  readonly written?: () => void;
}

/** Deliveries to a file wait here for each other, instead of for the lock's next try. */
const underWay = new Map<string, Promise<unknown>>();

async function oneAtATime<T>(path: string, work: () => Promise<T>): Promise<T> {
  const before = underWay.get(path);
  const mine = before === undefined ? work() : before.then(work, work);
  const settled = mine.catch(() => {});
  underWay.set(path, settled);
  try {
    return await mine;
  } finally {
    if (underWay.get(path) === settled) underWay.delete(path);
  }
}

/**
 * Appends one message to a file under the locks that the settings name. What is written is synced; a partial append is
 * cut off again, also one that a crash left behind. Throws `MailboxError` or `QueueFileError`.
 * @returns the offset where the message begins
 */
export function appendToMbox(delivery: MboxDelivery): Promise<number> {
  return oneAtATime(delivery.path, () => append(delivery));
}

async function append(delivery: MboxDelivery): Promise<number> {
  const { path, user, settings } = delivery;
  const opener = delivery.opener ?? user;
  const dotLock = settings.locks.has("dotlock") && isLockable(path, opener)
    ? await takeDotLock(path, opener, settings, delivery.standard, delivery.lockWarning)
    : undefined;
  try {
    const owner = opener.uid === user.uid ? undefined : { uid: user.uid, gid: user.gid };
    const file = openForAppend(path, opener, owner, delivery.standard);
    try {
      delivery.accept(file);
      if (file.status.isFile()) await takeFileLocks(file.fd, settings);
      return await write(delivery, file);
    } finally {
      closeSync(file.fd);
    }
  } finally {
    dotLock?.release();
  }
}

async function write(delivery: MboxDelivery, { fd, status }: OpenedFile): Promise<number> {
  const { user, settings, reader, form } = delivery;
  const isFile = status.isFile();
  let start = isFile ? fstatSync(fd).size : 0;
  if (isFile && start > 0 && form.blankLine === true) start = withoutRemains(delivery, fd, start);
  const limit = settings.sizeLimit > 0 && isFile ? settings.sizeLimit : Infinity;
  try {
    asUser(user, () => {
      let end = start;
      for (const piece of messageText(reader, form)) {
        end += piece.length;
        if (end > limit) throw new MailboxError("5.2.2", "error writing message: File too large");
        for (let rest: Uint8Array = piece; rest.length > 0;) rest = rest.subarray(writeSync(fd, rest));
      }
    });
    delivery.written?.();
    if (isFile) await sync(fd);
    return start;
  } catch (error) {
    if (isFile) ftruncateSync(fd, start);
    if (error instanceof MailboxError || error instanceof QueueFileError) throw error;
    throw failed("error writing message", error, "5.3.0");
  }
}

function withoutRemains(delivery: MboxDelivery, fd: number, size: number): number {
  const { reader, form, messageSize } = delivery;
  let remains: number | undefined;
  try {
    remains = remainsOf(fd, size, messageSize, () => messageText(reader, form));
  } catch (error) {
    if (error instanceof QueueFileError) throw error;
    // A file that can be written to but not read: what it ends with can't be known.
  }
  reader.rewind();
  if (remains === undefined) return size;
  ftruncateSync(fd, remains);
  return remains;
}
