import { findCommand } from "./registry.ts";

/** The program name that stands for no command of its own. */
const PROGRAM = "postel";

/** The last part of a path. (`node:path` would cost more time than a whole `postconf -h`.) */
function lastPart(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

/**
 * The name that the running program was started under: the first word of its command line, without directories.
 * Empty where the system doesn't tell.
 */
export function startedAs(): string {
  try {
    const [first = ""] = Deno.readTextFileSync("/proc/self/cmdline").split("\0", 1);
    return lastPart(first);
  } catch {
    return "";
  }
}

/**
 * Picks the command from the name the program was started under, else from the first argument, and runs it.
 * Resolves to the exit code.
 */
export async function runMain(startedAs: string, given: string[]): Promise<number> {
  const args = given.some((arg) => arg.includes("\ufffd")) ? await withOctets(given) : given;
  const called = findCommand(lastPart(startedAs));
  if (called !== undefined) return await (await called.load()).run(args, called.name);
  const [first, ...rest] = args;
  if (
    first === undefined || first === "help" || first === "--help" || first === "-h" || first === "--version"
  ) {
    return await (await import("./help.ts")).run(args, PROGRAM);
  }
  const command = findCommand(first);
  if (command === undefined) return await (await import("./help.ts")).unknownCommand(first);
  // Postfix's commands know no --help; in this form of the call nobody can mean anything else.
  if (rest[0] === "--help") return await (await import("./help.ts")).run(["help", command.name], PROGRAM);
  return await (await command.load()).run(rest, command.name);
}

/** The arguments in the form of `decodeText`, which keeps octets that are not UTF-8; the runtime replaces them. */
async function withOctets(args: string[]): Promise<string[]> {
  const { decodeText } = await import("../core/bytes/mod.ts");
  try {
    const words = decodeText(Deno.readFileSync("/proc/self/cmdline")).split("\0").slice(0, -1);
    return words.length < args.length ? args : words.slice(words.length - args.length);
  } catch {
    return args;
  }
}
