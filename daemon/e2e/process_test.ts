/** Processes that die, the orderly stop under load, places and stress. */
import assert from "node:assert/strict";
import process from "node:process";
import { connectSmtp, startInstance } from "../master/testing.ts";
import { startFakeServer } from "../smtp/testing.ts";
import { count, pause, queued, send, until } from "./testing.ts";

const ROOT = process.geteuid?.() === 0;
const options = { sanitizeOps: false, sanitizeResources: false };

/** The processes that a master started, by parent id in /proc. */
function childrenOf(parent: number): number[] {
  const ids: number[] = [];
  for (const entry of Deno.readDirSync("/proc")) {
    if (!/^\d+$/.test(entry.name)) continue;
    try {
      const status = Deno.readTextFileSync(`/proc/${entry.name}/status`);
      if (Number(/^PPid:\t(\d+)/m.exec(status)?.[1]) === parent) ids.push(Number(entry.name));
    } catch {
      // Ended meanwhile.
    }
  }
  return ids;
}

Deno.test({
  name: "a process that dies again and again comes back, each time after a longer pause",
  ignore: !ROOT,
  ...options,
  async fn() {
    await using instance = await startInstance({ processes: true, main: ["default_transport = discard:"] });
    const pauses: number[] = [];
    const deaths = () => count(instance, /process \w+ pid \d+ .*signal 9|process \w+ pid \d+ .*SIGKILL/);
    for (let round = 1; round <= 3; round++) {
      const before = childrenOf(instance.pid);
      assert.equal(before.length, 3);
      for (const id of before) Deno.kill(id, "SIGKILL");
      const start = performance.now();
      await until("deaths in the log", () => deaths() === 3 * round);
      await until("three processes again", () => childrenOf(instance.pid).length === 3);
      pauses.push(performance.now() - start);
      let id = "";
      await until("mail again", async () => {
        id = await send(instance.port, ["someone@elsewhere.example"]).then((sent) => sent.id, () => "");
        return id !== "";
      });
      await instance.logged(new RegExp(`${id}: removed`));
    }
    assert.ok(pauses[2]! > pauses[0]!, pauses.join(" "));
  },
});

Deno.test({
  name: "SIGTERM under load ends within its bound; what got a 250 is delivered after the next start",
  ignore: !ROOT,
  ...options,
  async fn() {
    const directory = Deno.makeTempDirSync({ prefix: "postel-test-" });
    await using stuck = startFakeServer({ on: { ".": { do: "hang" } } });
    const accepted = new Set<string>();
    {
      const instance = await startInstance({
        directory,
        processes: true,
        main: [`relayhost = [127.0.0.1]:${stuck.port}`],
      });
      let sending = true;
      const sessions = Array.from({ length: 10 }, async (_, session) => {
        for (let number = 0; sending; number++) {
          const mark = `mark-${session}-${number}`;
          const sent = await send(instance.port, ["a@elsewhere.example"], {
            text: `Subject: ${mark}\r\n\r\nHi`,
          }).catch(() => undefined);
          if (sent?.id) accepted.add(mark);
          if (sent === undefined || !sent.reply.startsWith("2")) return;
        }
      });
      await until("some mail", () => accepted.size >= 50);
      const start = performance.now();
      const ended = instance.stop();
      sending = false;
      assert.equal(await ended, 0);
      assert.ok(performance.now() - start < 15000, "the stop took too long");
      await Promise.all(sessions);
    }
    await using hop = startFakeServer();
    await using instance = await startInstance({
      directory,
      processes: true,
      main: [`relayhost = [127.0.0.1]:${hop.port}`],
    });
    await instance.run(["postqueue", "-f"]);
    await until("queue empty", async () => {
      const left = ["incoming", "active", "deferred"].flatMap((name) => queued(instance, name)).length;
      if (left > 0) await instance.run(["postqueue", "-f"]);
      return left === 0;
    });
    const delivered = new Set(
      hop.sessions.flatMap(({ messages }) => messages).map((text) => /^Subject: (.*)\r$/m.exec(text)?.[1]),
    );
    for (const mark of accepted) assert.ok(delivered.has(mark), `${mark} got a 250 and is lost`);
  },
});

Deno.test({
  name: "maxproc of smtpd: further clients wait; the last place is served under stress",
  ...options,
  async fn() {
    await using instance = await startInstance({
      master: [],
      main: ["default_process_limit = 2", "smtpd_banner = ${stress?{busy}:{calm}}"],
    });
    const first = await connectSmtp(instance.port);
    assert.equal(first.greeting, "220 calm");
    const second = await connectSmtp(instance.port);
    assert.equal(second.greeting, "220 busy");
    const third = connectSmtp(instance.port);
    let greeted = false;
    third.then(() => greeted = true);
    await pause(300);
    assert.equal(greeted, false);
    await first.say("QUIT");
    first.close();
    assert.equal((await third).greeting, "220 busy");
    (await third).close();
    second.close();
  },
});
