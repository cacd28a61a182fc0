import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { selfCommand } from "../core/system/mod.ts";

interface Result {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

async function withMailbox(
  work: (directory: string, run: (args: string[]) => Promise<Result>) => Promise<void>,
) {
  const directory = Deno.makeTempDirSync({ prefix: "postel-postlock-" });
  Deno.mkdirSync(`${directory}/etc`);
  Deno.writeTextFileSync(
    `${directory}/etc/main.cf`,
    `compatibility_level = 3.6\nqueue_directory = ${directory}\nmaillog_file = ${directory}/mail.log\n` +
      `maillog_file_prefixes = ${directory}\nmailbox_delivery_lock = fcntl, dotlock\n` +
      "deliver_lock_attempts = 2\ndeliver_lock_delay = 1s\n",
  );
  try {
    await work(directory, async (words) => {
      const { program, args } = selfCommand("postlock", "-c", `${directory}/etc`, ...words);
      const { code, stdout, stderr } = await new Deno.Command(program, { args }).output();
      return { code, stdout: new TextDecoder().decode(stdout), stderr: new TextDecoder().decode(stderr) };
    });
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
}

Deno.test("postlock holds the lock while the command runs and passes its exit code on", async () => {
  await withMailbox(async (directory, run) => {
    const box = `${directory}/box`;
    const listed = await run([box, "ls", directory]);
    assert.deepEqual([listed.code, listed.stderr], [0, ""]);
    assert.match(listed.stdout, /^box\.lock$/m);
    assert.equal(existsSync(`${box}.lock`), false);
    assert.equal((await run([box, "sh", "-c", "exit 3"])).code, 3);
    assert.equal((await run([box, "sh", "-c", "kill -9 $$"])).code, 1);
  });
});

Deno.test("postlock's failures are Postfix's", async () => {
  await withMailbox(async (directory, run) => {
    const box = `${directory}/box`;
    const usage = "postlock: fatal: usage: postlock [-c config_dir] [-l lock_style] [-v] folder command...\n";
    assert.deepEqual(await run([]), { code: 75, stdout: "", stderr: usage });
    assert.deepEqual(await run([box]), { code: 75, stdout: "", stderr: usage });
    assert.deepEqual(await run(["-x"]), {
      code: 75,
      stdout: "",
      stderr: `postlock: invalid option -- 'x'\n${usage}`,
    });
    assert.deepEqual(await run(["-l", "foo", box, "true"]), {
      code: 75,
      stdout: "",
      stderr: 'postlock: fatal: unknown mailbox_delivery_lock value "foo" in "foo"\n',
    });
    assert.deepEqual(await run([box, "nosuchcommand"]), {
      code: 1,
      stdout: "",
      stderr: "postlock: fatal: execvp nosuchcommand: No such file or directory\n",
    });
    assert.deepEqual(await run(["-l", "dotlock", "/nonexist/a/b", "true"]), {
      code: 75,
      stdout: "",
      stderr: "postlock: fatal: open file /nonexist/a/b: unable to create lock file /nonexist/a/b.lock: " +
        "No such file or directory\n",
    });
    Deno.writeTextFileSync(`${box}.lock`, "1");
    const busy = await run([box, "true"]);
    assert.equal(busy.code, 75);
    assert.match(busy.stderr, /unable to create lock file .*box\.lock: File exists/);
  });
});
