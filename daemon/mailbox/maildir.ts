import { unlinkSync } from "node:fs";
import { messageOf } from "../../core/errors/mod.ts";
import type { ContentReader } from "../../core/queue/mod.ts";
import { QueueFileError } from "../../core/queue/types.ts";
import {
  asUser,
  createFile,
  type FileHandle,
  type Identity,
  renameFile,
  UserTurns,
} from "../../core/system/mod.ts";
import { errorName, failed, MailboxError } from "./errors.ts";
import { messageText, type TextForm } from "./message_text.ts";

/** Deliveries of one user that go on at the same time share the change of rights. */
const turns = new UserTurns();

/** Tells files apart that one process makes in the same second. */
let counter = 0;

/** The name of this machine as file names have it: `/` and `:` mean something there. */
let safeHost: string | undefined;

function hostPart(): string {
  return safeHost ??= Deno.hostname().replaceAll("/", "\\057").replaceAll(":", "\\072");
}

function makeDirectory(path: string): void {
  // Not `mkdirSync` of node:fs, which looks at each directory above and makes an exception of those that are missing.
  Deno.mkdirSync(path, { recursive: true, mode: 0o700 });
}

/** Does `work`, and once more after making the parts that are missing, if something is. */
function makingMissing<T>(directory: string, parts: readonly string[], work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (errorName(error) !== "ENOENT") throw error;
    for (const part of parts) makeDirectory(`${directory}/${part}`);
    return work();
  }
}

export interface MaildirDelivery {
  /** Without the final `/`. */
  readonly directory: string;
  readonly user: Identity;
  readonly reader: ContentReader;
  readonly form: TextForm;
  /** Bytes that a message may have, 0 for no limit. */
  readonly sizeLimit: number;
  /** The status for a directory that can't be used, where the error does not say more: `5.2.0`. */
  readonly standard: string;
  readonly warn: (text: string) => void;
  /** fsync(2), together with other files that are due. */
  readonly sync: (fd: number) => Promise<void>;
  /** Called when the text is written: the reader is free, and only the disk is waited for. */
  readonly written?: () => void;
}

/**
 * Delivers one message into a Maildir: written and synced under `tmp`, then renamed into `new`, all with the user's
 * rights. Missing directories are made. Throws `MailboxError` or `QueueFileError`; nothing is left behind then.
 */
export async function deliverToMaildir(delivery: MaildirDelivery): Promise<void> {
  const { directory, user } = delivery;
  const now = performance.timeOrigin + performance.now();
  const seconds = Math.floor(now / 1000);
  const micros = Math.floor((now % 1000) * 1000);
  counter += 1;
  const temporary = `${directory}/tmp/${seconds}.P${Deno.pid}Q${counter}.${hostPart()}`;
  let file: FileHandle | undefined;
  let target = temporary;
  try {
    const opened = await turns.run(user, () => {
      file = makingMissing(directory, ["tmp"], () => createFile(temporary, 0o600));
      writeText(file, delivery);
      return file;
    });
    delivery.written?.();
    await synced(opened, delivery);
    const { device, inode } = opened.place();
    const numbers = `V${device.toString(16)}I${inode.toString(16)}`;
    target = `${directory}/new/${seconds}.${numbers}M${micros}.${hostPart()}`;
    await turns.run(
      user,
      () => makingMissing(directory, ["cur", "new"], () => renameFile(temporary, target)),
    );
  } catch (error) {
    if (file !== undefined) asUser(user, () => removeQuietly(temporary));
    if (error instanceof MailboxError || error instanceof QueueFileError) throw error;
    throw unusable(delivery, `create maildir file ${target}`, error);
  } finally {
    file?.close();
  }
}

async function synced({ fd }: FileHandle, { sync }: MaildirDelivery): Promise<void> {
  try {
    await sync(fd);
  } catch (error) {
    throw new MailboxError(
      "4.3.0",
      `error writing message: ${messageOf(error)}`,
    );
  }
}

function removeQuietly(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // The directory is gone: the error of the delivery tells.
  }
}

function unusable({ user, warn, standard }: MaildirDelivery, what: string, error: unknown): MailboxError {
  const found = failed(what, error, standard);
  if (errorName(error) === "EACCES") {
    warn(`maildir access problem for UID/GID=${user.uid}/${user.gid}: ${found.reason}`);
    warn("perhaps you need to create the maildirs in advance");
  }
  return found;
}

function writeText(file: FileHandle, { reader, form, sizeLimit }: MaildirDelivery): void {
  let size = 0;
  try {
    for (const piece of messageText(reader, form)) {
      size += piece.length;
      if (sizeLimit > 0 && size > sizeLimit) {
        throw new MailboxError("5.2.2", "error writing message: File too large");
      }
      file.write(piece);
    }
  } catch (error) {
    if (error instanceof MailboxError || error instanceof QueueFileError) throw error;
    throw failed("error writing message", error, "5.3.0");
  }
}
