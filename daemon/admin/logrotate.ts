import { existsSync, renameSync } from "node:fs";
import { messageOf } from "../../core/errors/mod.ts";
import { prepareLogFile, runningMasterOf } from "../master/mod.ts";
import type { AdminDeps } from "./actions.ts";

/** Milliseconds that running processes get to move on to the new file before the old one is compressed. */
const SETTLE = 1000;

/** Runs a program; rejects with what it said on standard error if it fails. */
async function runProgram(program: string, args: readonly string[]): Promise<string> {
  let output;
  try {
    output = await new Deno.Command(program, { args: [...args], stdin: "null" }).output();
  } catch (error) {
    throw new Error(`cannot run ${program}: ${messageOf(error)}`);
  }
  const decoder = new TextDecoder();
  if (!output.success) {
    throw new Error(decoder.decode(output.stderr).trim() || `${program}: exit status ${output.code}`);
  }
  return decoder.decode(output.stdout).trim();
}

/**
 * `postfix logrotate`: renames `maillog_file`, has the running mail system open a new one, compresses the old one.
 * Resolves to the exit code. Nothing is renamed when a setting is missing.
 */
export async function logrotate({ config, log }: AdminDeps): Promise<number> {
  for (const name of ["maillog_file", "maillog_file_compressor", "maillog_file_rotate_suffix"]) {
    if (config.expand(config.raw(name) ?? "") !== "") continue;
    log.fatal(`empty '${name}' parameter value - logfile rotation failed`);
    return 1;
  }
  const file = config.string("maillog_file");
  if (file.startsWith("/dev/")) {
    log.fatal(`not rotating '${file}'`);
    return 1;
  }
  try {
    // date(1) knows the conversions of strftime(3) as this system has them.
    const suffix = await runProgram("date", [`+${config.string("maillog_file_rotate_suffix")}`]);
    if (suffix === "" || suffix.includes("/")) throw new Error(`bad suffix "${suffix}"`);
    const rotated = `${file}.${suffix}`;
    if (existsSync(rotated)) throw new Error(`${rotated} exists already`);
    renameSync(file, rotated);
    const pid = runningMasterOf(config);
    if (pid !== undefined) {
      // The new file must have an owner that processes without root's rights can open it as.
      prepareLogFile(config);
      Deno.kill(pid, "SIGHUP");
    }
    await new Promise((done) => setTimeout(done, SETTLE));
    await runProgram(config.string("maillog_file_compressor"), [rotated]);
    return 0;
  } catch (error) {
    log.fatal(`logfile '${file}' rotation failed: ${messageOf(error)}`);
    return 1;
  }
}
