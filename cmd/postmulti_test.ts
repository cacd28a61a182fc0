import assert from "node:assert/strict";
import process from "node:process";
import { selfCommand } from "../core/system/mod.ts";

const RECORDING = new URL("../testdata/admin/postmulti.txt", import.meta.url);
const SCRIPT = new URL("../testdata/admin/record_postmulti.sh", import.meta.url).pathname;

/** The recording is played in a mount namespace of its own, over a scratch copy of /etc/postfix. */
function canPlay(): boolean {
  if (process.geteuid?.() !== 0) return false;
  try {
    Deno.statSync("/etc/postfix/master.cf");
    Deno.statSync("/usr/bin/script");
    return new Deno.Command("unshare", { args: ["-m", "true"] }).outputSync().success;
  } catch {
    return false;
  }
}

/** Steps of a transcript: the command and what it printed. */
function steps(transcript: string): Map<string, string> {
  const found = new Map<string, string>();
  const seen = new Map<string, number>();
  for (const part of transcript.split(/^--- /m).slice(1)) {
    const end = part.indexOf("\n");
    const command = part.slice(0, end);
    const count = (seen.get(command) ?? 0) + 1;
    seen.set(command, count);
    found.set(`${command} #${count}`, part.slice(end + 1));
  }
  return found;
}

/** What differs on purpose. */
const DIFFERENT: readonly RegExp[] = [
  // The version of the templates' postconf, and the order of settings with it.
  /^postconf -c @\/b-etc -n/,
  // The usage line knows -j.
  /^cat @\/log\/mail\.log/,
];

Deno.test({
  name: "postmulti does what Postfix's does, step by step",
  ignore: !canPlay(),
  async fn() {
    const programs = Deno.makeTempDirSync({ prefix: "postel-programs-" });
    try {
      Deno.chmodSync(programs, 0o755);
      for (const name of ["postmulti", "postfix"]) {
        const { program, args } = selfCommand(name);
        const words = [program, ...args].map((word) => `'${word}'`).join(" ");
        Deno.writeTextFileSync(`${programs}/${name}`, `#!/bin/sh\nexec ${words} "$@"\n`);
        Deno.chmodSync(`${programs}/${name}`, 0o755);
      }
      const { stdout, stderr } = await new Deno.Command(SCRIPT, { env: { PROGRAMS: programs } }).output();
      const ours = steps(new TextDecoder().decode(stdout));
      const theirs = steps(Deno.readTextFileSync(RECORDING));
      assert.deepEqual([...ours.keys()], [...theirs.keys()], new TextDecoder().decode(stderr));
      const compared = (all: Map<string, string>) =>
        [...all].filter(([command]) => !DIFFERENT.some((pattern) => pattern.test(command)));
      assert.deepEqual(compared(ours), compared(theirs));
    } finally {
      Deno.removeSync(programs, { recursive: true });
    }
  },
});
