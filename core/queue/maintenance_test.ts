import assert from "node:assert/strict";
import {
  DEFAULT_DIRECTORIES,
  isLongId,
  longId,
  type MaintenanceReport,
  type Queue,
  QueueMaintenance,
  type QueueSettings,
  shortId,
  StructureCheck,
} from "./mod.ts";
import { openQueueWith } from "./testing.ts";

const QUEUES = ["maildrop", "incoming", "active", "deferred", "hold"];

interface Spool {
  readonly directory: string;
  readonly settings: QueueSettings;
  readonly queue: Queue;
  readonly said: string[];
  readonly report: MaintenanceReport;
}

function spool(more: Partial<QueueSettings> = {}): Spool {
  const directory = Deno.makeTempDirSync({ prefix: "postel-maintenance-" });
  for (const name of [...QUEUES, "corrupt", "bounce", "defer", "trace", "flush"]) {
    Deno.mkdirSync(`${directory}/${name}`);
  }
  const settings: QueueSettings = {
    directory,
    hashNames: ["deferred", "defer"],
    hashDepth: 1,
    longIds: false,
    attributeLimit: 100,
    oldLogLine: true,
    ...more,
  };
  const said: string[] = [];
  const report = {
    done: (text: string) => void said.push(text),
    warning: (text: string) => void said.push(`warning: ${text}`),
    detail: () => {},
  };
  return { directory, settings, queue: openQueueWith(settings), said, report };
}

async function message(queue: Queue, to: "incoming" | "deferred" | "hold" | "active"): Promise<string> {
  const writer = queue.create("incoming");
  await writer.commit();
  if (to !== "incoming") queue.move(writer.id, "incoming", to, 4_000_000_000);
  return writer.id;
}

function check(spool: Spool, options = { structure: true, redundant: false, purge: true }): number {
  const structure = new StructureCheck(spool.settings, options, spool.report);
  structure.run(DEFAULT_DIRECTORIES);
  return structure.renamed;
}

Deno.test("maintenance: each action where it makes sense, and nowhere else", async () => {
  const place = spool();
  const { queue, said } = place;
  const maintenance = new QueueMaintenance(place.settings, place.report);
  const id = await message(queue, "deferred");
  const entry = { action: "delayed", status: "4.0.0", reason: "x" };
  const recipient = { address: "a@b", original: "a@b", dsnOriginal: "", notify: 0, offset: 1 };
  await queue.appendLog("defer", id, { ...entry, recipient });

  assert.ok(!maintenance.one("release", id, QUEUES));
  assert.ok(maintenance.one("hold", id, QUEUES));
  assert.equal(queue.stat("hold", id)?.mtime, 4_000_000_000);
  assert.ok(!maintenance.one("hold", id, QUEUES));
  assert.ok(maintenance.one("expire-and-release", id, QUEUES));
  assert.equal(queue.stat("deferred", id)?.mode, 0o710);
  assert.ok(!maintenance.one("delete", id, ["hold", "incoming"]));
  assert.ok(maintenance.one("requeue", id, QUEUES));
  assert.ok(queue.stat("maildrop", id) !== undefined);
  assert.ok(queue.hasLog("defer", id));
  for (const action of ["hold", "requeue", "expire"] as const) {
    assert.ok(!maintenance.one(action, id, QUEUES));
  }
  assert.ok(maintenance.one("delete", id, QUEUES));
  assert.ok(!queue.hasLog("defer", id));
  assert.ok(!maintenance.one("delete", "../maildrop", QUEUES));
  assert.deepEqual(maintenance.count, { deleted: 1, requeued: 1, held: 1, released: 1, expired: 1 });
  assert.deepEqual(said, [
    `${id}: placed on hold`,
    `${id}: expired`,
    `${id}: released from hold`,
    `${id}: requeued`,
    `${id}: removed`,
    "warning: invalid mail queue id: ../maildrop",
  ]);
  Deno.removeSync(place.directory, { recursive: true });
});

Deno.test("maintenance: unfinished files, links and foreign names are never touched, nothing is overwritten", async () => {
  const place = spool();
  const { queue, said, directory } = place;
  const maintenance = new QueueMaintenance(place.settings, place.report);
  const unfinished = queue.create("incoming");
  Deno.symlinkSync("/etc/passwd", `${directory}/incoming/LINK1234`);
  Deno.writeTextFileSync(`${directory}/incoming/not an id`, "x", { mode: 0o700 });
  const id = await message(queue, "incoming");
  Deno.writeTextFileSync(`${directory}/hold/${id}`, "precious");
  maintenance.all("hold", QUEUES);
  maintenance.all("delete", QUEUES.filter((name) => name !== "hold"));
  assert.equal(Deno.readTextFileSync(`${directory}/hold/${id}`), "precious");
  assert.deepEqual(
    [...Deno.readDirSync(`${directory}/incoming`)].map(({ name }) => name).sort(),
    [
      unfinished.id,
      "LINK1234",
      "not an id",
    ].sort(),
  );
  assert.deepEqual(
    [...new Set(said)].sort(),
    [
      "warning: bogus file name: incoming/not an id",
      `warning: incoming/${id} is left alone: hold/${id} exists`,
      "warning: skipping incoming/LINK1234: it is not a regular file",
    ],
  );
  assert.deepEqual(maintenance.count, { deleted: 1, requeued: 0, held: 0, released: 0, expired: 0 });
  unfinished.discard();
  Deno.removeSync(directory, { recursive: true });
});

Deno.test("maintenance: work on all messages finds those in wrong hash directories, and logs of none", async () => {
  const place = spool();
  const { queue, directory } = place;
  const maintenance = new QueueMaintenance(place.settings, place.report);
  const [lost, astray, nested] = [
    await message(queue, "deferred"),
    await message(queue, "deferred"),
    await message(queue, "hold"),
  ];
  Deno.mkdirSync(`${directory}/deferred/Q/R`, { recursive: true });
  Deno.mkdirSync(`${directory}/hold/A`);
  Deno.renameSync(queue.path("deferred", lost!), `${directory}/deferred/Q/R/${lost}`);
  Deno.renameSync(queue.path("deferred", astray!), `${directory}/deferred/${astray}`);
  Deno.renameSync(queue.path("hold", nested!), `${directory}/hold/A/${nested}`);
  const entry = { action: "failed", status: "5.0.0", reason: "x" };
  const recipient = { address: "a@b", original: "a@b", dsnOriginal: "", notify: 0, offset: 1 };
  for (const id of [lost!, "ABCDE123"]) await queue.appendLog("defer", id, { ...entry, recipient });
  await queue.appendLog("bounce", "ABCDE123", { ...entry, recipient });
  Deno.writeTextFileSync(`${directory}/incoming/ABCDE123`, "unfinished", { mode: 0o600 });
  maintenance.all("release", QUEUES);
  maintenance.all("hold", QUEUES);
  assert.equal(maintenance.count.held, 3);
  for (const id of [lost!, astray!, nested!]) assert.ok(queue.stat("hold", id) !== undefined);
  const named = ["hold", "defer"];
  maintenance.all("delete", named, ["hold"]);
  assert.equal(maintenance.count.deleted, 3);
  assert.ok(!queue.hasLog("defer", lost!));
  // The other logs belong to a message that is being written.
  maintenance.all("delete", DEFAULT_DIRECTORIES);
  assert.ok(queue.hasLog("bounce", "ABCDE123"));
  Deno.removeSync(`${directory}/incoming/ABCDE123`);
  maintenance.all("delete", ["bounce"], ["bounce"]);
  assert.ok(!queue.hasLog("bounce", "ABCDE123"));
  maintenance.all("delete", DEFAULT_DIRECTORIES);
  assert.ok(!queue.hasLog("defer", "ABCDE123"));
  maintenance.close();
  Deno.removeSync(directory, { recursive: true });
});

Deno.test("maintenance: a file with a second name is not marked as expired", async () => {
  const place = spool();
  const { queue, said, directory } = place;
  const maintenance = new QueueMaintenance(place.settings, place.report);
  const id = await message(queue, "hold");
  Deno.linkSync(queue.path("hold", id), `${directory}/second name`);
  assert.ok(!maintenance.one("expire", id, QUEUES));
  assert.equal(queue.stat("hold", id)?.mode, 0o700);
  assert.ok(said.includes(`warning: expire file hold/${id}: file has 2 hard links`));
  maintenance.close();
  Deno.removeSync(directory, { recursive: true });
});

Deno.test("structure: a check that was killed between its two passes is finished by the next", async () => {
  const place = spool();
  const { queue, directory } = place;
  const id = await message(queue, "deferred");
  Deno.renameSync(queue.path("deferred", id), `${queue.path("deferred", id)}#FIX`);
  check(place);
  assert.deepEqual([...queue.scan("deferred")], [id]);
  Deno.removeSync(directory, { recursive: true });
});

Deno.test("structure: names follow inode numbers, logs follow names, places follow the settings", async () => {
  const place = spool();
  const { queue, directory } = place;
  const id = await message(queue, "deferred");
  const info = queue.stat("deferred", id)!;
  // As restored from a backup: the same time, another inode number, in a directory that hashing does not want.
  const restored = shortId(123456, info.inode + 1);
  Deno.mkdirSync(`${directory}/deferred/Q/R`, { recursive: true });
  Deno.renameSync(queue.path("deferred", id), `${directory}/deferred/Q/R/${restored}`);
  Deno.mkdirSync(`${directory}/bounce/X`);
  const entry = { action: "failed", status: "5.0.0", reason: "x" };
  const recipient = { address: "a@b", original: "a@b", dsnOriginal: "", notify: 0, offset: 1 };
  await queue.appendLog("bounce", restored, { ...entry, recipient });
  assert.equal(check(place), 1);
  const fixed = shortId(123456, info.inode);
  assert.deepEqual([...queue.scan("deferred")], [fixed]);
  assert.ok(queue.stat("deferred", fixed) !== undefined);
  assert.ok(queue.hasLog("bounce", fixed));
  assert.throws(() => Deno.statSync(`${directory}/bounce/X`));
  assert.throws(() => Deno.statSync(`${directory}/deferred/Q/R`));
  assert.equal(check(place), 0);
  Deno.removeSync(directory, { recursive: true });
});

Deno.test("structure: what goes into a directory that is looked at later is renamed once, without a warning", () => {
  const place = spool();
  const { directory, said } = place;
  const hashes = [..."0123456789ABCDEF"];
  for (const hash of hashes) {
    Deno.mkdirSync(`${directory}/deferred/${hash}`);
    Deno.writeTextFileSync(`${directory}/deferred/${hash}00000`, "x", { mode: 0o700 });
    Deno.chmodSync(`${directory}/deferred/${hash}00000`, 0o700);
  }
  assert.equal(check(place), hashes.length);
  assert.deepEqual(said, []);
  assert.equal([...place.queue.scan("deferred")].length, hashes.length);
  assert.equal(check(place), 0);
  Deno.removeSync(directory, { recursive: true });
});

Deno.test("structure: long names stay unless asked for or switched off", async () => {
  const place = spool({ longIds: true });
  const { queue, directory } = place;
  const id = await message(queue, "incoming");
  const inode = queue.stat("incoming", id)!.inode;
  const other = longId(1_795_229_309, 617292, inode + 7);
  Deno.renameSync(queue.path("incoming", id), queue.path("incoming", other));
  assert.equal(check(place), 0);
  assert.equal(check(place, { structure: true, redundant: true, purge: false }), 1);
  const [now] = [...queue.scan("incoming")];
  assert.equal(now, longId(1_795_229_309, 617292, inode));
  const short = { ...place, settings: { ...place.settings, longIds: false } };
  assert.equal(check(short), 1);
  const [after] = [...queue.scan("incoming")];
  assert.equal(after, shortId(617292, inode));
  assert.equal(isLongId(after!), false);
  Deno.removeSync(directory, { recursive: true });
});

Deno.test("structure: only old unfinished files are purged", () => {
  const place = spool();
  const { directory } = place;
  const old = Date.now() / 1000 - 8 * 86400;
  for (
    const [name, mode, time] of [
      ["ABCDE1", 0o600, old],
      ["12.34", 0o600, old],
      ["ABCDE2", 0o600, undefined],
      ["ABCDE3", 0o700, old],
    ] as const
  ) {
    Deno.writeTextFileSync(`${directory}/incoming/${name}`, "x", { mode });
    Deno.chmodSync(`${directory}/incoming/${name}`, mode);
    if (time !== undefined) Deno.utimeSync(`${directory}/incoming/${name}`, time, time);
  }
  check(place, { structure: false, redundant: false, purge: true });
  assert.deepEqual([...Deno.readDirSync(`${directory}/incoming`)].map(({ name }) => name).sort(), [
    "ABCDE2",
    "ABCDE3",
  ]);
  Deno.removeSync(directory, { recursive: true });
});
