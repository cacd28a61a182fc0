import assert from "node:assert/strict";
import process from "node:process";
import { type CommandEnd, commandWords, outcomeOf, runCommand } from "./mod.ts";

const me = { uid: process.geteuid?.() ?? 0, gid: process.getegid?.() ?? 0 };

function run(
  command: string,
  input: Iterable<Uint8Array<ArrayBuffer>> = [],
  timeLimit = 20,
  utf8 = true,
): Promise<CommandEnd> {
  return runCommand({
    words: commandWords(command),
    shellCommand: command,
    identity: me,
    directory: "/",
    environment: { PATH: "/usr/bin:/bin", ONLY: "this" },
    timeLimit,
    input,
    utf8,
    name: "test",
    fatal() {},
  });
}

function* lines(count: number): Generator<Uint8Array<ArrayBuffer>> {
  const line = new TextEncoder().encode("x".repeat(999) + "\n");
  for (let n = 0; n < count; n++) yield line;
}

Deno.test("a command reads all of a big message and answers", async () => {
  assert.deepEqual(await run("wc -c", lines(3000)), { how: "exited", number: 0, output: "3000000 " });
});

Deno.test("a command that stops reading, says too much, or is killed", async () => {
  assert.deepEqual(await run("exec <&-; exit 0", lines(3000)), { how: "exited", number: 0, output: "" });
  const flood = await run("yes | head -c 10000000; exit 67", lines(10));
  assert.deepEqual([flood.how, flood.number, flood.output.length], ["exited", 67, 4095]);
  assert.deepEqual(await run("kill -9 $$"), { how: "signaled", number: 9, output: "" });
});

Deno.test("what a command says becomes one line: UTF-8 stays where it is known, as with real pipe(8)", async () => {
  const command = String.raw`printf 'u\303\244v\377w\301\200x\001y\302\205z\177\n\tend'`;
  assert.equal((await run(command)).output, "u\u00e4v_w__x_y\u0085z_  end");
  assert.equal((await run(command, [], 20, false)).output, "u__v_w__x_y__z_  end");
});

Deno.test("the time limit ends a command and its children", async () => {
  const end = await run("echo before; sleep 1000 & sleep 1000", [], 0.3);
  assert.deepEqual(end, { how: "timed out", number: 0, output: "before " });
  assert.equal(
    outcomeOf(end, "x").detail.reason,
    'Command time limit exceeded: "x". Command output: before ',
  );
});

Deno.test("a process left behind does not hold the delivery up", async () => {
  const end = await run("sleep 5 & echo $!", []);
  assert.equal(end.how, "exited");
  process.kill(Number(end.output), "SIGKILL");
});

Deno.test("the environment is what was given and nothing else", async () => {
  const { output } = await run("/usr/bin/env");
  assert.deepEqual(output.trim().split(" ").sort(), ["ONLY=this", "PATH=/usr/bin:/bin"]);
});

Deno.test("programs that are not there: temporary, or the shell's business", async () => {
  const missing = await run("/no/such/program");
  assert.deepEqual(outcomeOf(missing, "x").detail.status, "4.3.0");
  assert.match(missing.output, /execvp \/no\/such\/program: No such file or directory/);
  assert.equal((await run("no-such-program-here")).number, 127);
  assert.equal((await run("exit 3")).number, 3);
});

Deno.test("an input that breaks off ends the command and is the caller's error", async () => {
  function* broken(): Generator<Uint8Array<ArrayBuffer>> {
    yield new Uint8Array(10);
    throw new RangeError("damaged");
  }
  await assert.rejects(run("cat; sleep 1000", broken()), RangeError);
});
