/** Instances as `postel init` makes them, worked with by their own commands. */
import assert from "node:assert/strict";
import process from "node:process";
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
  const child = new Deno.Command(program, {
    args: [...args],
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(input)).catch(() => {});
  await writer.close().catch(() => {});
  const { code, stderr } = await child.output();
  assert.equal(code, 0, `${program} ${args.join(" ")}: ${new TextDecoder().decode(stderr)}`);
}
