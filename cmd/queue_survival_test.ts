/** The tools are killed at any moment, run against each other, and meet what does not belong into a queue. */
import assert from "node:assert/strict";
import type { Queue } from "../core/queue/mod.ts";
import { openQueueWith } from "../core/queue/testing.ts";
import { lookupUser, selfCommand } from "../core/system/mod.ts";

const QUEUES = ["maildrop", "incoming", "active", "deferred", "hold"] as const;
const NAMES = [...QUEUES, "corrupt", "bounce", "defer", "trace", "flush", "public", "pid"];

interface Place {
  readonly directory: string;
  readonly spool: string;
  readonly queue: Queue;
  readonly env: Record<string, string>;
  remove(): void;
}

/** A queue directory with a configuration, owned by whoever runs the test. */
function place(): Place {
  const directory = Deno.makeTempDirSync({ prefix: "postel-survival-" });
  const spool = `${directory}/spool`;
  const owner = lookupUser(Deno.uid() ?? 0)?.name ?? "root";
  Deno.mkdirSync(`${directory}/etc`);
  Deno.mkdirSync(spool);
  for (const name of NAMES) Deno.mkdirSync(`${spool}/${name}`);
  Deno.writeTextFileSync(`${directory}/etc/master.cf`, "");
  Deno.writeTextFileSync(
    `${directory}/etc/main.cf`,
    `compatibility_level = 3.11\nqueue_directory = ${spool}\nmail_owner = ${owner}\nmyhostname = mx.example.com\n` +
      `maillog_file = ${directory}/mail.log\nmaillog_file_prefixes = ${directory}\n`,
  );
  const queue = openQueueWith({
    directory: spool,
    hashNames: ["deferred", "defer"],
    hashDepth: 1,
    longIds: false,
    attributeLimit: 100,
    oldLogLine: true,
  });
  return {
    directory,
    spool,
    queue,
    env: { MAIL_CONFIG: `${directory}/etc` },
    remove: () => Deno.removeSync(directory, { recursive: true }),
  };
}

/** Content tells messages apart when their names change. */
async function fill(queue: Queue, count: number): Promise<Set<string>> {
  const marks = new Set<string>();
  for (let index = 0; index < count; index++) {
    const writer = queue.create("incoming");
    const mark = `message ${index}`;
    writer.append(new TextEncoder().encode(mark));
    await writer.commit();
    queue.move(writer.id, "incoming", index % 5 === 0 ? "hold" : "deferred", 4_000_000_000);
    marks.add(mark);
  }
  return marks;
}

/** What is in the queues by content, with the place of each. */
function content(spool: string): Map<string, string[]> {
  const found = new Map<string, string[]>();
  const look = (directory: string) => {
    for (const entry of Deno.readDirSync(directory)) {
      const path = `${directory}/${entry.name}`;
      if (entry.isDirectory) look(path);
      else {
        const mark = Deno.readTextFileSync(path);
        found.set(mark, [...found.get(mark) ?? [], path]);
      }
    }
  };
  for (const name of QUEUES) look(`${spool}/${name}`);
  return found;
}

function start(env: Record<string, string>, args: readonly string[]): Deno.ChildProcess {
  const self = selfCommand(...args);
  return new Deno.Command(self.program, {
    args: self.args,
    env,
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
}

/** Numbers that look random and are the same in every run. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1103515245 + 12345) % 2147483648;
    return state / 2147483648;
  };
}

Deno.test("survival: postsuper killed at any moment leaves every message whole and once", async () => {
  const { spool, queue, env, remove } = place();
  const marks = await fill(queue, 3000);
  const next = random(20240501);
  for (const action of ["-h", "-H", "-r", "-e", "-h", "-H", "-h", "-f"]) {
    const child = start(env, ["postsuper", action, "ALL"]);
    // The start takes most of this; some are killed before they begin, some in the middle, some never.
    await new Promise((done) => setTimeout(done, 60 + next() * 140));
    try {
      child.kill("SIGKILL");
    } catch {
      // It was through already.
    }
    await child.status;
    const found = content(spool);
    assert.equal(found.size, marks.size);
    for (const [mark, paths] of found) assert.ok(marks.has(mark) && paths.length === 1, `${mark}: ${paths}`);
  }
  const { code } = await start(env, ["postsuper", "-s"]).status;
  assert.equal(code, 0);
  assert.equal(content(spool).size, marks.size);
  for (const name of QUEUES) {
    for (const id of queue.scan(name)) assert.equal(queue.stat(name, id)!.mode & 0o700, 0o700);
  }
  remove();
});

Deno.test("survival: a structure check killed at any moment is finished by the next one", async () => {
  const { spool, queue, env, remove } = place();
  const marks = await fill(queue, 600);
  // As after a restore: the names tell other inode numbers, and stand in no hash directory.
  for (const id of [...queue.scan("deferred")]) {
    const log = `${spool}/defer/${id[0]}`;
    Deno.mkdirSync(log, { recursive: true });
    Deno.writeTextFileSync(`${log}/${id}1`, `log of ${id}`);
    Deno.renameSync(queue.path("deferred", id), `${spool}/deferred/${id}1`);
  }
  const next = random(7);
  for (let round = 0; round < 6; round++) {
    const child = start(env, ["postsuper", "-s"]);
    await new Promise((done) => setTimeout(done, 70 + next() * 60));
    try {
      child.kill("SIGKILL");
    } catch {
      // It was through already.
    }
    await child.status;
    assert.equal(content(spool).size, marks.size);
  }
  assert.equal((await start(env, ["postsuper", "-s"]).status).code, 0);
  const found = content(spool);
  assert.equal(found.size, marks.size);
  for (const [mark, paths] of found) {
    assert.equal(paths.length, 1, mark);
    const name = paths[0]!.slice(paths[0]!.lastIndexOf("/") + 1);
    assert.equal(name.slice(5), Deno.statSync(paths[0]!).ino!.toString(16).toUpperCase());
  }
  for (const id of queue.scan("deferred")) assert.ok(queue.hasLog("defer", id), id);
  remove();
});

Deno.test("survival: two administrators at once neither lose nor double a message", async () => {
  const { spool, queue, env, remove } = place();
  const marks = await fill(queue, 2000);
  for (const [one, other] of [["-h", "-H"], ["-h", "-h"], ["-r", "-h"], ["-s", "-H"]] as const) {
    const both = [one, other].map((action) =>
      start(env, action === "-s" ? ["postsuper", "-s"] : ["postsuper", action, "ALL"])
    );
    for (const child of both) assert.equal((await child.status).code, 0);
    const found = content(spool);
    assert.equal(found.size, marks.size);
    for (const [mark, paths] of found) assert.equal(paths.length, 1, mark);
  }
  const both = [start(env, ["postsuper", "-d", "ALL"]), start(env, ["postsuper", "-d", "ALL"])];
  for (const child of both) assert.equal((await child.status).code, 0);
  assert.equal(content(spool).size, 0);
  remove();
});

Deno.test("survival: what does not belong into a queue is neither followed nor touched", async () => {
  const { directory, spool, queue, env, remove } = place();
  await fill(queue, 20);
  const outside = `${directory}/outside`;
  Deno.writeTextFileSync(outside, "not mail");
  Deno.chmodSync(outside, 0o700);
  Deno.mkdirSync(`${directory}/elsewhere`);
  Deno.writeTextFileSync(`${directory}/elsewhere/ABCDEF12345`, "not mail either");
  Deno.chmodSync(`${directory}/elsewhere/ABCDEF12345`, 0o700);
  // An id whose hash directory is a link.
  const behindLink = `${directory}/elsewhere/L0000012345`;
  Deno.writeTextFileSync(behindLink, "nor this", { mode: 0o700 });
  const foreign: string[] = [];
  for (const name of ["incoming", "deferred", "hold", "maildrop"]) {
    const inside = `${spool}/${name}`;
    Deno.symlinkSync(outside, `${inside}/ABCDEF00001`);
    Deno.symlinkSync(`${directory}/elsewhere`, `${inside}/L`);
    assert.ok((await new Deno.Command("mkfifo", { args: [`${inside}/ABCDEF00002`] }).output()).success);
    Deno.mkdirSync(`${inside}/ABCDEF00003`);
    Deno.writeTextFileSync(`${inside}/ABCDEF00003/kept`, "x");
    Deno.writeTextFileSync(`${inside}/not an id`, "x");
    Deno.writeTextFileSync(`${inside}/ABCDEF00004`, "unfinished", { mode: 0o600 });
    for (const entry of ["ABCDEF00001", "L", "ABCDEF00002", "ABCDEF00003/kept", "not an id", "ABCDEF00004"]) {
      foreign.push(`${inside}/${entry}`);
    }
  }
  const states = () =>
    foreign.map((path) => Deno.lstatSync(path)).map(({ mode, size, mtime }) => ({ mode, size, mtime }));
  const before = states();
  const ids = [...queue.scan("deferred")];
  const commands = [
    ["postsuper", "-h", "ALL"],
    ["postsuper", "-H", "ALL"],
    ["postsuper", "-e", "ALL"],
    ["postsuper", "-h", "ABCDEF00001", "-d", "ABCDEF00002", "-r", "ABCDEF00003", "-d", "ABCDEF00004"],
    ["postsuper", "-d", "ABCDEF12345", "-d", "L0000012345", "-h", "L0000012345", "-e", "L0000012345"],
    ["postsuper", "-d", "ALL"],
  ];
  for (const command of commands) assert.equal((await start(env, command).status).code, 0, command.join(" "));
  assert.deepEqual(states(), before);
  assert.ok(ids.length > 0);
  for (const id of ids) assert.equal(queue.stat("deferred", id), undefined);
  assert.equal(Deno.readTextFileSync(`${directory}/elsewhere/ABCDEF12345`), "not mail either");
  assert.equal(Deno.lstatSync(behindLink).mode! & 0o777, 0o700);
  assert.equal(Deno.readTextFileSync(outside), "not mail");
  remove();
});
