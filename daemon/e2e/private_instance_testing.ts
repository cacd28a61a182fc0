/** Instances as `postel init` makes them, worked with by their own commands. */
import assert from "node:assert/strict";
import process from "node:process";
import { runProgram } from "../../core/system/run_testing.ts";
import { freePort } from "../master/testing.ts";
import { createInstance } from "../master/instance.ts";

/** One such instance, in a directory of its own. */
export interface PrivateInstance extends Disposable {
  /** A directory that belongs to the test; the instance is below it. */
  readonly base: string;
  readonly directory: string;
  /** Runs one of its commands, which has to succeed. */
  run(command: string, args: readonly string[], input?: string): Promise<void>;
  /** Everything it has logged. */
  log(): string;
}

/** Makes an instance; disposing of it removes its files. @param place below the test's directory */
export function initInstance(place: string): PrivateInstance {
  const base = Deno.makeTempDirSync({ prefix: "postel-test-" });
  // Root's instance is passed through by the users that its processes become.
  if (process.geteuid?.() === 0) Deno.chmodSync(base, 0o755);
  const directory = `${base}/${place}`;
  createInstance(directory, { smtp: freePort(), submission: freePort() });
  return {
    base,
    directory,
    run: (command, args, input = "") => run(`${directory}/bin/${command}`, args, input),
    log() {
      const files = [...Deno.readDirSync(`${directory}/log`)];
      return files.map(({ name }) => Deno.readTextFileSync(`${directory}/log/${name}`)).join("");
    },
    [Symbol.dispose]: () => Deno.removeSync(base, { recursive: true }),
  };
}

async function run(program: string, args: readonly string[], input: string): Promise<void> {
  const { code, stderr } = await runProgram(program, args, { input });
  assert.equal(code, 0, `${program} ${args.join(" ")}: ${stderr}`);
}
