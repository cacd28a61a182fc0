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

/**
 * Runs the packed or compiled program and ends the process. The packed one's launcher gives its own path and the name it was
 * called under as the first two arguments, since a script has no `argv[0]` to pass on; the compiled one has its own name.
 */
export async function runPacked(): Promise<never> {
  if (Deno.build.standalone) Deno.exit(await runMain(startedAs(), Deno.args));
  const [, name = "", ...args] = Deno.args;
  Deno.exit(await runMain(name, args));
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
