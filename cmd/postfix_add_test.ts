import assert from "node:assert/strict";
import { loadConfig, readMasterFile } from "../core/config/mod.ts";
import { run } from "./postfix_add.ts";

async function withMaster(work: (directory: string) => Promise<void>): Promise<void> {
  const directory = Deno.makeTempDirSync({ prefix: "postel-add-" });
  const { log, error } = console;
  console.log = console.error = () => {};
  try {
    Deno.writeTextFileSync(`${directory}/main.cf`, "compatibility_level = 3.11\n");
    Deno.writeTextFileSync(`${directory}/master.cf`, "# comment\nsmtp inet n - n - - smtpd");
    await work(directory);
  } finally {
    console.log = log;
    console.error = error;
    Deno.removeSync(directory, { recursive: true });
  }
}

Deno.test("a filter and a policy service are added once, the old file is kept", async () => {
  await withMaster(async (directory) => {
    const add = (name: string, ...words: string[]) => run(["-c", directory, ...words], name);
    assert.equal(await add("postfix-add-filter", "amavis", "10025"), 0);
    const entries = readMasterFile(loadConfig({ directory }));
    assert.deepEqual(entries.map(({ name }) => name), ["smtp", "amavis", "127.0.0.1:10025"]);
    assert.equal(entries[2]?.overrides.length, 20);
    assert.ok([...Deno.readDirSync(directory)].some(({ name }) => /^master\.cf\.\d+$/.test(name)));
    assert.equal(await add("postfix-add-filter", "amavis", "10026"), 1);
    assert.equal(await add("postfix-add-filter", "other", "10025"), 1);
    assert.equal(await add("postfix-add-policy", "policyd", "nobody", "/usr/bin/policyd -x"), 0);
    const policy = readMasterFile(loadConfig({ directory })).at(-1);
    assert.equal(policy?.command, "spawn");
    assert.deepEqual(policy?.arguments, ["user=nobody", "argv=/usr/bin/policyd", "-x"]);
  });
});

Deno.test("names and programs that would become other lines are refused", async () => {
  await withMaster(async (directory) => {
    const add = (name: string, ...words: string[]) => run(["-c", directory, ...words], name);
    const before = Deno.readTextFileSync(`${directory}/master.cf`);
    assert.equal(await add("postfix-add-filter", "a b", "10025"), 1);
    assert.equal(await add("postfix-add-filter", "amavis", "x"), 1);
    assert.equal(await add("postfix-add-policy", "p", "nobody", "/bin/x\nsmtp2 inet n"), 1);
    assert.equal(await add("postfix-add-policy", "p", "nobody", "relative"), 1);
    assert.equal(Deno.readTextFileSync(`${directory}/master.cf`), before);
  });
});
