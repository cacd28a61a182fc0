/**
 * How this program starts another copy of itself. It runs in one of three forms: from its sources, packed with the
 * runtime behind a launcher script, or compiled into the runtime.
 */

/** A program and its first arguments. */
export interface OwnCommand {
  readonly program: string;
  readonly args: string[];
}

const V8_FLAGS = "--v8-flags=--enable-experimental-regexp-engine-on-excessive-backtracks";

/**
 * Services run for weeks: their code is made fast after a fifth of the calls that the runtime waits for in a program that
 * may end soon, where many thousand messages would go by before they cost what they cost later.
 */
const SERVICE_V8_FLAGS = `${V8_FLAGS},--invocation-count-for-turbofan=600,--invocation-count-for-maglev=100`;

/** Flags for the runtime that every form is started with: see `docs/install.md`. */
export const RUNTIME_FLAGS: readonly string[] = [
  "-A",
  "--quiet",
  V8_FLAGS,
];

/** What the packed form is started with: nothing is looked for outside its own directory. */
export const PACKED_FLAGS: readonly string[] = [
  ...RUNTIME_FLAGS,
  "--no-config",
  "--no-lock",
  "--no-remote",
  "--unstable-net",
  "--unstable-worker-options",
];

/** The entry module of the packed form. Its arguments are the launcher's path and the name it was called under. */
export const PACKED_ENTRY = "packed.js";

/**
 * Commands that scripts run again and again, by the module that they are in. Each module has an entry of its own, which loads
 * it with itself instead of afterwards and otherwise does the same; the launcher chooses it by the look of the call.
 */
export const QUICK_COMMANDS: Readonly<Record<string, readonly string[]>> = {
  postmap: ["postmap", "postalias"],
  postconf: ["postconf"],
};

/** The entry module of a module in `QUICK_COMMANDS`. */
export function quickEntry(module: string): string {
  return `packed_${module}.js`;
}

/** All entry modules of commands. */
export const PACKED_ENTRIES: readonly string[] = [
  PACKED_ENTRY,
  ...Object.keys(QUICK_COMMANDS).map(quickEntry),
];

/** Where the packed form is unpacked and what launched it; undefined in the other forms. */
export function packedForm(): { directory: string; launcher: string } | undefined {
  const entry = Deno.mainModule.slice(Deno.mainModule.lastIndexOf("/") + 1);
  if (Deno.build.standalone || !PACKED_ENTRIES.includes(entry)) return undefined;
  const directory = decodeURIComponent(new URL(".", Deno.mainModule).pathname).slice(0, -1);
  return { directory, launcher: Deno.args[0] ?? "" };
}

/**
 * The quickest way to start another copy of this program with these arguments: without the launcher in between. For
 * processes that this one starts; they need its environment.
 */
export function selfCommand(...args: string[]): OwnCommand {
  const program = Deno.execPath();
  if (Deno.build.standalone) return { program, args };
  const packed = packedForm();
  if (packed !== undefined) {
    const entry = `${packed.directory}/${PACKED_ENTRY}`;
    return { program, args: ["run", ...PACKED_FLAGS, entry, packed.launcher, "postel", ...args] };
  }
  const main = new URL("../../main.ts", import.meta.url).pathname;
  const config = new URL("../../deno.json", import.meta.url).pathname;
  return { program, args: ["run", ...RUNTIME_FLAGS, `--config=${config}`, main, ...args] };
}

/**
 * The same for a process of the daemon, which will give up root. The runtime must not keep its cache of compiled code open
 * for writing in it: who takes over that process could change what root's next command runs.
 */
export function serviceSelfCommand(...args: string[]): OwnCommand {
  const command = selfCommand(...args);
  if (Deno.build.standalone) return command;
  const [run = "run", ...rest] = command.args;
  const flags = rest.map((flag) => flag === V8_FLAGS ? SERVICE_V8_FLAGS : flag);
  return { program: command.program, args: [run, "--no-code-cache", ...flags] };
}

/**
 * The program file that holds all of Postel, symbolic links resolved: what can be copied to another place. Undefined
 * where it runs from its sources.
 */
export function programFile(): string | undefined {
  if (Deno.build.standalone) return Deno.execPath();
  const launcher = packedForm()?.launcher;
  return launcher === undefined ? undefined : Deno.realPathSync(launcher);
}

/** A command line to write into files, good in any environment for as long as the program stays where it is. */
export function lastingCommand(...args: string[]): OwnCommand {
  const file = programFile();
  return file === undefined ? selfCommand(...args) : { program: file, args };
}
