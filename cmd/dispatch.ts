import { basename } from "node:path";
import process from "node:process";
import { findCommand } from "./registry.ts";

/** Exit code of a usage error (sysexits.h EX_USAGE). */
export const EX_USAGE = 64;

/** The program name that stands for no command of its own. */
const PROGRAM = "postel";

/**
 * Picks the command from the name the program was started under, else from the first argument, and runs it.
 * Resolves to the exit code.
 */
export async function runMain(args: string[]): Promise<number> {
  const called = findCommand(basename(process.argv0 ?? ""));
  if (called !== undefined) return await (await called.load()).run(args, called.name);
  const [first, ...rest] = args;
  if (
    first === undefined || first === "help" || first === "--help" || first === "-h" || first === "--version"
  ) {
    return await (await import("./help.ts")).run(args, PROGRAM);
  }
  const command = findCommand(first);
  if (command === undefined) return await (await import("./help.ts")).unknownCommand(first);
  return await (await command.load()).run(rest, command.name);
}
