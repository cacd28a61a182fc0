/** Mail that a former life left in the queue directories is taken up at the start. */
import assert from "node:assert/strict";
import { startInstance } from "../master/testing.ts";
import { startFakeServer } from "../smtp/testing.ts";
import { queued, send, until } from "./testing.ts";

const options = { sanitizeOps: false, sanitizeResources: false };

Deno.test({
  name: "mail in incoming, active and maildrop at the start is delivered",
  ...options,
  async fn() {
    const directory = Deno.makeTempDirSync({ prefix: "postel-test-" });
    const ids: string[] = [];
    {
      // A first life without a way out: three messages end up in deferred.
      const instance = await startInstance({ directory, main: ["defer_transports = smtp"] });
      for (let number = 0; number < 3; number++) {
        ids.push((await send(instance.port, [`user${number}@elsewhere.example`])).id);
      }
      await until("all deferred", () => queued(instance, "deferred").length === 3);
      assert.equal(await instance.stop(), 0);
      const from = (id: string) => `${instance.spool}/deferred/${id[0]}/${id}`;
      for (const id of ids) Deno.utimeSync(from(id), new Date(), new Date());
      Deno.renameSync(from(ids[0]!), `${instance.spool}/incoming/${ids[0]}`);
      Deno.renameSync(from(ids[1]!), `${instance.spool}/active/${ids[1]}`);
      // Handed in while nothing ran: sendmail falls back on a file in maildrop.
      const handed = await instance.run(
        ["sendmail", "-f", "me@example.org", "drop@elsewhere.example"],
        "Subject: drop\n\nHi\n",
      );
      assert.equal(handed.code, 0, handed.stderr);
      assert.equal(queued(instance, "maildrop").length, 1);
    }
    await using hop = startFakeServer();
    await using instance = await startInstance({ directory, main: [`relayhost = [127.0.0.1]:${hop.port}`] });
    for (const id of ids) await instance.logged(new RegExp(`${id}: to=.*status=sent[^]*${id}: removed`));
    await instance.logged(/to=<drop@elsewhere\.example>.*status=sent/);
    for (const name of ["incoming", "active", "deferred", "maildrop"]) {
      await until(`${name} empty`, () => queued(instance, name).length === 0);
    }
  },
});
