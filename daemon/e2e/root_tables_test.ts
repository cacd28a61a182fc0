/** Tables that root alone may read, in processes that have given up root. */
import assert from "node:assert/strict";
import process from "node:process";
import { startInstance } from "../master/testing.ts";
import { send, until } from "./testing.ts";

Deno.test({
  name:
    "a table that root alone may read is read again after a rebuild, and after a reload, by a process that began as root",
  ignore: process.geteuid?.() !== 0,
  sanitizeOps: false,
  sanitizeResources: false,
  async fn() {
    const directory = Deno.makeTempDirSync({ prefix: "postel-test-" });
    Deno.chmodSync(directory, 0o755);
    const table = `${directory}/transport`;
    const write = (word: string) => {
      Deno.writeTextFileSync(`${table}.new`, `elsewhere.example discard:${word}\n`, { mode: 0o600 });
      Deno.renameSync(`${table}.new`, table);
    };
    write("first");
    await using instance = await startInstance({
      processes: true,
      main: [`transport_maps = texthash:${table}`],
    });
    const answers = async (word: string) => {
      await until(`mail goes by the rule with ${word}`, async () => {
        const { id } = await send(instance.port, ["user@elsewhere.example"]);
        await instance.logged(new RegExp(`${id}: removed`));
        return new RegExp(`${id}: to=.* status=sent \\(${word}\\)`).test(instance.log());
      });
    };
    await answers("first");
    write("second");
    await answers("second");
    assert.match(instance.log(), /replacing the queue process: open database .*transport: Permission denied/);
    write("third");
    instance.reload();
    await answers("third");
    assert.equal(await instance.stop(), 0);
    assert.doesNotMatch(instance.log(), /status=deferred|error: |fatal: /);
    Deno.removeSync(directory, { recursive: true });
  },
});
