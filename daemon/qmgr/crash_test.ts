/**
 * Power failure between any two file operations: what the first life of the queue manager had in memory is thrown away,
 * a second life starts on the same files, and every recipient must have been delivered to or told of at least once.
 */
import assert from "node:assert/strict";
import type { Queue } from "../../core/queue/mod.ts";
import { memoryQueue, openQueueWith } from "../../core/queue/testing.ts";
import { Bench, enqueue, settled } from "./testing.ts";

/** Operations that change files. */
const CHANGES: ReadonlySet<PropertyKey> = new Set([
  "move",
  "remove",
  "corrupt",
  "setMtime",
  "setMode",
  "markDone",
  "markWarned",
  "killTrace",
  "appendLog",
  "removeLog",
]);

/**
 * The same queue until `allowed` changes were made; from then on changes have no effect, as if the process had been
 * killed at that point: what it goes on to do can't be seen by anybody.
 */
function killedAfter(queue: Queue, allowed: number, killed: () => void): Queue {
  let left = allowed;
  return new Proxy(queue, {
    get(target, name) {
      const value = Reflect.get(target, name);
      if (typeof value !== "function") return value;
      if (!CHANGES.has(name)) return value.bind(target);
      return (...given: unknown[]) => {
        if (left > 0) {
          left -= 1;
          return value.apply(target, given);
        }
        if (left === 0) killed();
        left = -1;
        return name === "appendLog" ? Promise.resolve() : true;
      };
    },
  });
}

const SCRIPT: Record<string, "sent" | "deferred" | "bounced" | "dead"> = {
  "joe@a.net": "sent",
  "ann@b.net": "deferred",
  "bob@c.net": "bounced",
  "eve@d.net": "sent",
  "one@single.net": "sent",
  "late@e.net": "dead",
  "fail@f.net": "bounced",
};

/** Answers deliveries by the script, or in a way that ends everything. */
async function run(bench: Bench, script: boolean): Promise<void> {
  for (let idle = 0; idle < 3;) {
    await settled(2);
    const pending = bench.pending.shift();
    if (pending === undefined) {
      idle += 1;
      continue;
    }
    const planned = SCRIPT[pending.request.recipients[0]!.address]!;
    await pending[script ? planned : planned === "bounced" ? "bounced" : "sent"]();
  }
}

/** Returns whether there was anything left to do when the first life ended. */
async function livesThrough(queue: Queue, allowed: number): Promise<boolean> {
  const messages = [
    await enqueue(queue, { recipients: ["joe@a.net", "ann@b.net", "bob@c.net", "eve@d.net"] }),
    await enqueue(queue, { recipients: ["one@single.net"] }),
    await enqueue(queue, { recipients: ["late@e.net"] }),
    await enqueue(queue, { recipients: ["fail@f.net"] }),
  ];
  let seen: { delivered: string[]; notices: string[] } | undefined;
  const first: Bench = new Bench(
    "",
    killedAfter(queue, allowed, () => {
      seen = { delivered: [...first.delivered], notices: [...first.bounce.notices] };
    }),
  );
  first.manager.start();
  for (const message of messages) first.manager.queued(message);
  await run(first, true);
  const killed = seen !== undefined;
  const before = seen ?? { delivered: first.delivered, notices: first.bounce.notices };

  const second = new Bench("", queue);
  second.clock.time += 10;
  second.manager.start();
  second.manager.trigger("FADI");
  await run(second, false);
  await settled();

  const delivered = new Set([...before.delivered, ...second.delivered]);
  for (const [address, outcome] of Object.entries(SCRIPT)) {
    if (outcome !== "bounced") {
      assert.ok(delivered.has(address), `${address} was lost after ${allowed} changes`);
    }
  }
  const notices = before.notices.length + second.bounce.notices.length;
  assert.ok(notices >= 2, `a bounce was lost after ${allowed} changes`);
  for (const name of ["incoming", "active", "deferred", "corrupt"] as const) {
    assert.deepEqual([...queue.scan(name)], [], `${name} after ${allowed} changes`);
  }
  for (const { id } of messages) {
    for (const log of ["bounce", "defer", "trace"] as const) {
      assert.equal(queue.hasLog(log, id), false, `${log} log left after ${allowed} changes`);
    }
  }
  await second.manager.stop(1);
  return killed;
}

Deno.test("qmgr: a crash after any number of file operations loses nothing (memory)", async () => {
  let allowed = 0;
  while (await livesThrough(memoryQueue({ longIds: true }), allowed)) allowed += 1;
  assert.ok(allowed > 15, `only ${allowed} operations`);
});

Deno.test("qmgr: a crash after any number of file operations loses nothing (disk)", async () => {
  for (let allowed = 0;; allowed += 3) {
    const directory = await Deno.makeTempDir();
    try {
      for (const name of ["incoming", "active", "deferred", "corrupt", "bounce", "defer", "trace"]) {
        Deno.mkdirSync(`${directory}/${name}`);
      }
      const queue = openQueueWith({
        directory,
        hashNames: ["deferred", "defer"],
        hashDepth: 1,
        longIds: true,
        attributeLimit: 100,
        oldLogLine: true,
      });
      if (!(await livesThrough(queue, allowed))) break;
    } finally {
      await Deno.remove(directory, { recursive: true });
    }
  }
});
