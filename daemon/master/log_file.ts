import { closeSync, constants, fchownSync, fstatSync, openSync } from "node:fs";
import type { Config } from "../../core/config/types.ts";
import { messageOf } from "../../core/errors/mod.ts";
import { logSettings, openLog, type SwitchSink } from "../../core/log/mod.ts";
import { isRoot, mailOwner } from "./privileges.ts";

/**
 * As root, makes the mail log belong to the mail system's user: processes that gave up root open the file again after a
 * rotation. A file that somebody else owns, a link or a device is left alone. Does nothing for other kinds of log.
 */
export function prepareLogFile(config: Config): void {
  const { file, permissions, prefixes } = logSettings(config);
  const inPlace = prefixes.some((prefix) => file.startsWith(prefix.endsWith("/") ? prefix : `${prefix}/`));
  if (!isRoot() || !inPlace || file.startsWith("/dev/")) return;
  const { O_APPEND, O_CREAT, O_NOFOLLOW, O_WRONLY } = constants;
  let fd: number;
  try {
    fd = openSync(file, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW, permissions);
  } catch {
    // A link, or a directory that is missing: opening the log says so in its own words.
    return;
  }
  try {
    const info = fstatSync(fd);
    if (!info.isFile() || info.uid !== 0 || info.nlink !== 1) return;
    const { uid } = mailOwner(config);
    fchownSync(fd, uid, info.gid);
  } finally {
    closeSync(fd);
  }
}

/**
 * Opens the log that main.cf names now and puts it in the place of the old one. The old one stays if the new one can't be
 * opened; the reason comes back.
 */
export function reopenLog(sink: SwitchSink, config: Config): string | undefined {
  try {
    const settings = logSettings(config);
    if (settings.file !== "/dev/stdout") sink.switchTo(openLog(settings));
    return undefined;
  } catch (error) {
    return messageOf(error);
  }
}
