/** `postfix start-fg` as containers run it: the log on standard output, end by SIGTERM. */
import assert from "node:assert/strict";
import { selfCommand } from "../../core/system/mod.ts";
import { freePort, startInstance } from "../master/testing.ts";
import { send, until } from "./testing.ts";

const options = { sanitizeOps: false, sanitizeResources: false };

Deno.test({
  name: "postfix start-fg with maillog_file = /dev/stdout",
  ...options,
  async fn() {
    // A first life makes the directories and files.
    const directory = Deno.makeTempDirSync({ prefix: "postel-test-" });
    const port = freePort();
    const made = await startInstance({
      directory,
      port,
      main: ["default_transport = discard:", `mail_owner = ${owner()}`],
    });
    assert.equal(await made.stop(), 0);
    const main = Deno.readTextFileSync(`${made.etc}/main.cf`).replace(
      /^maillog_file = .*$/m,
      "maillog_file = /dev/stdout",
    );
    Deno.writeTextFileSync(`${made.etc}/main.cf`, main);
    const { program, args } = selfCommand("postfix", "-c", made.etc, "start-fg");
    const child = new Deno.Command(program, { args, stdin: "null", stdout: "piped", stderr: "piped" })
      .spawn();
    let output = "";
    let errors = "";
    const reading = Promise.all([
      (async () => {
        for await (const chunk of child.stdout) output += new TextDecoder().decode(chunk);
      })(),
      (async () => {
        for await (const chunk of child.stderr) errors += new TextDecoder().decode(chunk);
      })(),
    ]);
    await until("daemon started", () => /postfix\/master\[\d+\]: daemon started/.test(output));
    const { id } = await send(port, ["someone@elsewhere.example"]);
    await until(
      "message in the log",
      () => new RegExp(`postfix/qmgr\\[\\d+\\]: ${id}: removed`).test(output),
    );
    child.kill("SIGTERM");
    assert.equal((await child.status).code, 0, errors);
    await reading;
    assert.match(output, /terminating on signal 15/);
    Deno.removeSync(directory, { recursive: true });
  },
});

/** The name of whoever runs the test: an instance of an ordinary user belongs to that user. */
function owner(): string {
  return Deno.uid() === 0 ? "postfix" : Deno.env.get("USER") ?? "postfix";
}
