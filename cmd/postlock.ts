import { spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import process from "node:process";
import { ConfigError } from "../core/config/mod.ts";
import { reasonOf } from "../core/errors/mod.ts";
import {
  MailboxError,
  type MailboxSettings,
  mailboxSettings,
  takeDotLock,
  takeFileLocks,
} from "../daemon/mailbox/mod.ts";
import { getopt, type ParsedOptions, UsageError } from "./getopt.ts";
import { FatalError, runTool, type Tool, usageError } from "./queue_tool.ts";

export const help = `
Usage: postlock [-c config_dir] [-l lock_style] [-v] file command...

Locks a mailbox file as local delivery does, runs the command, unlocks it. The exit code is the command's, or 75 when
the lock could not be had.

  -c config_dir  configuration directory
  -l lock_style  instead of mailbox_delivery_lock: fcntl, flock, dotlock, or several of them
`;

const USAGE = "postlock [-c config_dir] [-l lock_style] [-v] folder command...";
const EX_TEMPFAIL = 75;

/** `postlock`. */
export async function run(args: string[]): Promise<number> {
  let parsed: ParsedOptions;
  try {
    parsed = getopt(args, "c:l:v");
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    return usageError("postlock", error.message, USAGE, EX_TEMPFAIL);
  }
  const [folder, ...command] = parsed.operands;
  if (folder === undefined || command.length === 0) {
    return usageError("postlock", undefined, USAGE, EX_TEMPFAIL);
  }
  const last = (wanted: string) => parsed.options.findLast(({ letter }) => letter === wanted)?.value;
  return await runTool("postlock", EX_TEMPFAIL, last("c"), async (tool) => {
    const settings = lockSettings(tool, last("l"));
    return await withLock(tool, folder, settings, () => runCommand(command));
  });
}

function lockSettings({ config }: Tool, style: string | undefined): MailboxSettings {
  try {
    return mailboxSettings(
      style === undefined ? config : config.with([["mailbox_delivery_lock", style]]),
      "local",
    );
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const value = style ?? config.string("mailbox_delivery_lock");
    const unknown = value.split(/[\s,]+/).find((word) => !["flock", "fcntl", "dotlock"].includes(word));
    if (unknown === undefined) throw error;
    throw new FatalError(`unknown mailbox_delivery_lock value "${unknown}" in "${value}"`);
  }
}

/** Holds the mailbox's locks while `work` runs. Throws `FatalError` if they can't be had. */
async function withLock(
  tool: Tool,
  folder: string,
  settings: MailboxSettings,
  work: () => Promise<number>,
): Promise<number> {
  const identity = {
    uid: process.geteuid?.() ?? 0,
    gid: process.getegid?.() ?? 0,
    groups: (process.getgroups?.() ?? []) as number[],
  };
  let fd: number | undefined;
  let dotLock;
  try {
    if (settings.locks.has("dotlock")) {
      // A spool directory that takes no lock files is no reason to leave the mailbox alone if other locks are left.
      const warn = settings.locks.size > 1 ? (text: string) => tool.log.warning(text) : undefined;
      dotLock = await takeDotLock(folder, identity, settings, "5.2.0", warn);
    }
    fd = openMailbox(folder);
    await takeFileLocks(fd, settings);
    return await work();
  } catch (error) {
    if (!(error instanceof MailboxError)) throw error;
    throw new FatalError(`open file ${folder}: ${error.message}`);
  } finally {
    if (fd !== undefined) closeSync(fd);
    dotLock?.release();
  }
}

function openMailbox(folder: string): number {
  try {
    return openSync(folder, "a", 0o600);
  } catch (error) {
    throw new FatalError(`open file ${folder}: ${reasonOf(error)}`);
  }
}

/** Runs the command on our terminal; resolves to its exit code, 1 if it died of a signal. */
function runCommand([program = "", ...args]: readonly string[]): Promise<number> {
  return new Promise((resolve) => {
    const child = spawn(program, args, { stdio: "inherit" });
    child.on("error", (error) => {
      console.error(`postlock: fatal: execvp ${program}: ${reasonOf(error)}`);
      resolve(1);
    });
    child.on("exit", (code: number | null) => resolve(code ?? 1));
  });
}
