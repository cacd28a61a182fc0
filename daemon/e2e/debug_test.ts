/** `postfix -v -D start`: what administrators reach for when mail does not go where it should. */
import assert from "node:assert/strict";
import process from "node:process";
import { initInstance } from "./private_instance_testing.ts";
import { until } from "./testing.ts";

Deno.test({
  name: "postfix -v -D start: debugger_command for each process, then a log that tells everything",
  sanitizeOps: false,
  sanitizeResources: false,
  async fn() {
    using instance = initInstance("i");
    const { base, directory, log } = instance;
    Deno.writeTextFileSync(
      `${directory}/etc/main.cf`,
      `debugger_command = echo $process_name $process_id "$$PWD" >>${base}/debugged\n` +
        "virtual_alias_maps = inline:{other@localhost=you@localhost}\n",
      { append: true },
    );
    await instance.run("postfix", ["-v", "-D", "start"]);
    try {
      const debugged = Deno.readTextFileSync(`${base}/debugged`).trim().split("\n");
      const queue = Deno.realPathSync(`${directory}/spool`);
      // As root there are four processes, otherwise one.
      const names = debugged.map((line) => {
        assert.match(line, /^\w+ \d+ /);
        assert.equal(Deno.realPathSync(line.split(" ")[2]!), queue);
        return line.split(" ")[0]!;
      });
      const root = process.geteuid?.() === 0;
      assert.deepEqual(names.sort(), root ? ["delivery", "front", "master", "queue"] : ["master"]);
      assert.match(log(), /master\[\d+\]: running: echo master /);

      await instance.run("sendmail", ["other@localhost"], "Subject: hi\n\nHello\n");
      for (
        const line of [
          /cleanup\[\d+\]: rewrite: recipient <other@localhost> -> <other@localhost>/,
          /cleanup\[\d+\]: virtual_alias_maps: <other@localhost> -> <you@localhost>/,
          /trivial-rewrite\[\d+\]: resolve_clnt: .* -> `you@localhost' -> transp=`/,
          /: deliver request: from=<.*> to=<you@localhost> nexthop=/,
          /: deliver request: done/,
        ]
      ) await until(`${line} in the log`, () => line.test(log()));
    } finally {
      await instance.run("postfix", ["stop"]);
    }
  },
});

Deno.test({
  name: "-v and -D in master.cf concern the services that have them",
  sanitizeOps: false,
  sanitizeResources: false,
  async fn() {
    using instance = initInstance("i");
    const { base, directory, log } = instance;
    const master = `${directory}/etc/master.cf`;
    const entries = Deno.readTextFileSync(master);
    Deno.writeTextFileSync(
      master,
      entries.replace(/^(cleanup .*) cleanup$/m, "$1 cleanup -v").replace(
        /^(pickup .*) pickup$/m,
        "$1 pickup -D",
      ),
    );
    const main = `debugger_command = echo $process_name >>${base}/debugged\n`;
    Deno.writeTextFileSync(`${directory}/etc/main.cf`, main, { append: true });
    await instance.run("postfix", ["start"]);
    try {
      assert.equal(Deno.readTextFileSync(`${base}/debugged`), "pickup\n");
      await instance.run("sendmail", ["you@localhost"], "Subject: hi\n\nHello\n");
      await until("the delivery", () => / status=sent [\s\S]*: removed/.test(log()));
      assert.match(log(), /cleanup\[\d+\]: rewrite: recipient <you@localhost>/);
      assert.ok(!log().includes("resolve_clnt") && !log().includes("deliver request"), log());
    } finally {
      await instance.run("postfix", ["stop"]);
    }
  },
});
