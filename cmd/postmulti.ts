import { spawnSync } from "node:child_process";
import process from "node:process";
import { ConfigError, DEFAULT_DIRECTORY } from "../core/config/mod.ts";
import { reasonOf } from "../core/errors/mod.ts";
import { selfCommand } from "../core/system/mod.ts";
import {
  environmentOf,
  formatInstances,
  formatInstancesJson,
  type Instance,
  isSelected,
  loadInstances,
  MultiError,
  performLifecycle,
  ScriptError,
} from "../daemon/admin/multi/mod.ts";
import { getopt, type ParsedOptions, UsageError } from "./getopt.ts";
import { FatalError, print, runTool, type Tool } from "./queue_tool.ts";

export const help = `
Usage: postmulti -l [-jRv] [-a | -g group | -i name]            list the mail systems of this host (-j: as JSON)
       postmulti -p [-v] [-a | -g group | -i name] command      run a postfix command for them
       postmulti -x [-Rv] [-a | -g group | -i name] command     run any command for them
       postmulti -e init
       postmulti -e create|import [-a | -g group | -i name] [-I name] [-G group] [param=value...]
       postmulti -e destroy|deport|enable|disable -i name
       postmulti -e assign -i name [-I name] [-G group]

  -a        all mail systems (the default); with -e create and import: put the new one first
  -g group  those of a group                 -i name   this one; "-" is the one without a name
  -G group  the new group, "-" for none      -I name   the new name, "-" for none
  -R        in reverse order                 -v        accepted

-e: init         make /etc/postfix ready to have others beside it
    create       make a new one                 import      add one whose files are there
    destroy      remove one with its files      deport      forget one, its files stay
    enable       let -p start it                disable     keep -p from starting it
    assign       change name and group
`;

const USAGE = "Usage:postmulti -l [-v] [-a] [-g group] [-i instance] | " +
  "postmulti -p [-v] [-a] [-g group] [-i instance] command... | " +
  "postmulti -x [-v] [-a] [-i name] [-g group] command... | " +
  "postmulti -e action [-v] [-a] [-i name] [-g group] [-I name] [-G group] [param=value ...]";

/** `postmulti`. Exit code 0, or 1 if anything went wrong for any instance. */
export async function run(args: string[]): Promise<number> {
  let parsed: ParsedOptions;
  try {
    parsed = getopt(args, "ae:g:i:jlpRvxG:I:");
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    console.error(`postmulti: ${error.message}`);
    console.error(`postmulti: fatal: ${USAGE}`);
    return 1;
  }
  const named = Deno.env.get("MAIL_CONFIG");
  return await runTool("postmulti", 1, DEFAULT_DIRECTORY, (tool) => {
    if (named !== undefined && named !== DEFAULT_DIRECTORY) {
      throw new FatalError(`Non-default configuration directory: MAIL_CONFIG=${named}`);
    }
    return runPostmulti(tool, parsed, DEFAULT_DIRECTORY);
  });
}

/**
 * The command on the instances of a primary configuration directory.
 * @param primary always /etc/postfix, but for tests
 */
function runPostmulti(tool: Tool, parsed: ParsedOptions, primary: string): number {
  const last = (wanted: string) => parsed.options.findLast(({ letter }) => letter === wanted)?.value;
  const given = (wanted: string) => parsed.options.some(({ letter }) => letter === wanted);
  const modes = parsed.options.filter(({ letter }) => "elpx".includes(letter)).map(({ letter }) => letter);
  const [mode] = modes;
  if (mode === undefined || modes.length > 1) {
    throw new FatalError("Specify exactly one of '-e', '-l', '-p', '-x'");
  }
  if ((mode === "p" || mode === "e") && given("R")) {
    throw new FatalError("The '-p' and '-e' options preclude the use of '-R'");
  }
  if (["a", "g", "i"].filter(given).length > 1) {
    throw new FatalError("Specify no more than one of '-a', '-g', '-i'");
  }
  if (given("j") && mode !== "l") throw new FatalError("The '-j' option requires '-l'");
  if (mode === "l" && parsed.operands.length > 0) throw new FatalError("Command not allowed with '-l'");
  if ((mode === "p" || mode === "x") && parsed.operands.length === 0) {
    throw new FatalError("Command required with '-p' or '-x' option");
  }
  try {
    const instances = loadInstances(primary);
    const selection = { name: last("i"), group: last("g") };
    if (mode === "e") {
      return performLifecycle(
        { instances, log: tool.log.as(tool.log.tag.replace(/postmulti$/, "postmulti-script")) },
        {
          action: last("e") ?? "",
          ...selection,
          first: given("a"),
          newName: last("I"),
          newGroup: last("G"),
          settings: parsed.operands,
        },
      );
    }
    const selected = instances.filter((instance) => isSelected(instance, selection));
    const ordered = given("R") ? selected.toReversed() : selected;
    if (mode === "l") {
      print(given("j") ? formatInstancesJson(ordered) : formatInstances(ordered));
      return 0;
    }
    if (ordered.length === 0) throw new FatalError("No matching instances");
    return mode === "x"
      ? runForAll(ordered, parsed.operands)
      : runPostfix(instances[0]!, ordered, parsed.operands);
  } catch (error) {
    if (error instanceof MultiError) throw new FatalError(error.message);
    if (error instanceof ConfigError) throw error;
    if (!(error instanceof ScriptError)) throw error;
    tool.log.as(tool.log.tag.replace(/postmulti$/, "postmulti-script")).fatal(error.message);
    return 1;
  }
}

/** Runs a program with an instance's environment; false if it fails. */
function runFor(instance: Instance, program: string, args: readonly string[]): boolean {
  const env = { ...process.env, ...environmentOf(instance) };
  const { status, error } = spawnSync(program, [...args], { env, stdio: "inherit" });
  if (error !== undefined) {
    throw new FatalError(`execvp ${program}: ${reasonOf(error)}`);
  }
  return status === 0;
}

function runForAll(instances: readonly Instance[], command: readonly string[]): number {
  const [program = "", ...args] = command;
  let failed = false;
  for (const instance of instances) if (!runFor(instance, program, args)) failed = true;
  return failed ? 1 : 0;
}

/** `-p`: which instances a postfix command concerns depends on the command (postmulti_start_commands and the like). */
function runPostfix(primary: Instance, instances: readonly Instance[], command: readonly string[]): number {
  const [action = ""] = command;
  const listed = (parameter: string) => primary.config.list(parameter).includes(action);
  const isStart = listed("postmulti_start_commands");
  const isStop = listed("postmulti_stop_commands");
  const isControl = listed("postmulti_control_commands");
  const ordered = isStop ? instances.toReversed() : instances;
  let failed = false;
  for (const instance of ordered) {
    if (!instance.enabled && (isStop || isControl)) continue;
    const words = !instance.enabled && isStart ? ["check"] : command;
    // `-c` keeps the child from handing the command back to the wrapper.
    const { program, args } = selfCommand("postfix", "-c", instance.directory, ...words);
    if (!runFor(instance, program, args)) failed = true;
  }
  return failed ? 1 : 0;
}
