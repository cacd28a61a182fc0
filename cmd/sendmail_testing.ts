/** Private instances and runs of this program's commands, for the tests of sendmail and its kin. */
import { selfCommand } from "../core/system/mod.ts";
import { type Ran, runProgram } from "../core/system/run_testing.ts";
import { baseConfig } from "../testdata/sendmail/cases.ts";

/** A configuration directory that is its own queue directory, with `maildrop` and `public`. */
export function instance(settings: Readonly<Record<string, string>>): string {
  const directory = Deno.makeTempDirSync();
  Deno.mkdirSync(`${directory}/maildrop`);
  Deno.mkdirSync(`${directory}/public`);
  const all: Record<string, string> = {
    ...baseConfig,
    queue_directory: directory,
    maillog_file: `${directory}/log`,
    maillog_file_prefixes: directory,
    ...settings,
  };
  Deno.writeTextFileSync(
    `${directory}/main.cf`,
    Object.entries(all).map(([name, value]) => `${name} = ${value}\n`).join(""),
  );
  Deno.writeTextFileSync(`${directory}/master.cf`, "");
  return directory;
}

/** Runs a command of this program with `input` on standard input. */
export function command(
  name: string,
  args: readonly string[],
  input: Uint8Array,
  env: Record<string, string>,
): Promise<Ran> {
  const self = selfCommand(name, ...args);
  return runProgram(self.program, self.args, { env, input });
}
