import assert from "node:assert/strict";
import { configFromText } from "../../core/config/mod.ts";
import { AttributeError } from "../../core/ipc/mod.ts";
import { Logger, memorySink } from "../../core/log/mod.ts";
import { openQueue, type Queue } from "../../core/queue/mod.ts";
import { askFlush, createFlush, type Flush, type FlushRequest, FlushStatus } from "./mod.ts";
import { randomNumbers } from "../../testdata/random.ts";

interface Setup {
  readonly directory: string;
  readonly queue: Queue;
  readonly flush: Flush;
  readonly woken: string[];
}

function setup(more = ""): Setup {
  const directory = Deno.makeTempDirSync({ prefix: "postel-flush-" });
  for (const name of ["incoming", "deferred", "flush"]) Deno.mkdirSync(`${directory}/${name}`);
  const config = configFromText(
    `queue_directory = ${directory}\nfast_flush_domains = example.org, [192.0.2.1]\n` +
      `parent_domain_matches_subdomains = fast_flush_domains\n${more}`,
  );
  const queue = openQueue(config);
  const woken: string[] = [];
  const flush = createFlush({
    queue,
    config,
    log: new Logger(memorySink(), "postfix/flush"),
    wakeQueueManager: (request) => void woken.push(request),
    wakePickup: () => void woken.push("pickup"),
  });
  return { directory, queue, flush, woken };
}

async function deferred(queue: Queue): Promise<string> {
  const writer = queue.create("incoming");
  await writer.commit();
  queue.move(writer.id, "incoming", "deferred", 4_000_000_000);
  return writer.id;
}

Deno.test("flush: the messages of a site come back, each once, and the log is empty afterwards", async () => {
  const { directory, queue, flush, woken } = setup();
  const first = await deferred(queue);
  const second = await deferred(queue);
  assert.equal(await flush.add("Example.ORG", first), FlushStatus.Ok);
  assert.equal(await flush.add("example.org", first), FlushStatus.Ok);
  assert.equal(await flush.add("example.org", "GONE123"), FlushStatus.Ok);
  assert.equal(await flush.add("sub.example.org", second), FlushStatus.Ok);
  assert.equal(await flush.add("example.net", second), FlushStatus.Denied);
  assert.equal(await flush.add("example.org", "../etc"), FlushStatus.Bad);
  assert.deepEqual([...Deno.readDirSync(`${directory}/flush`)].map(({ name }) => name).sort(), [
    "example_org",
    "sub_example_org",
  ]);
  assert.equal(await flush.handle({ request: "send_site", site: "example.org" }), FlushStatus.Ok);
  assert.deepEqual(woken, ["F", "I"]);
  assert.deepEqual([...queue.scan("incoming")], [first]);
  assert.ok(queue.stat("incoming", first)!.mtime < 3_000_000_000);
  assert.deepEqual([...queue.scan("deferred")], [second]);
  assert.equal(Deno.readTextFileSync(`${directory}/flush/example_org`), "");
  assert.equal(await flush.handle({ request: "send_site", site: "example.net" }), FlushStatus.Denied);
  Deno.removeSync(directory, { recursive: true });
});

Deno.test("flush: one message comes back with the mark that lifts throttling", async () => {
  const { directory, queue, flush, woken } = setup();
  const id = await deferred(queue);
  assert.equal(await flush.handle({ request: "send_file", id }), FlushStatus.Ok);
  assert.equal(queue.stat("incoming", id)?.mode, 0o740);
  assert.deepEqual(woken, ["I"]);
  assert.equal(await flush.handle({ request: "send_file", id: "NOSUCH" }), FlushStatus.Ok);
  assert.equal(await flush.handle({ request: "send_file", id: "a/b" }), FlushStatus.Bad);
  Deno.removeSync(directory, { recursive: true });
});

Deno.test("flush: old logs are sent, old empty ones go", async () => {
  const { directory, queue, flush } = setup("fast_flush_refresh_time = 1h\nfast_flush_purge_time = 1d\n");
  const id = await deferred(queue);
  await flush.add("example.org", id);
  await flush.add("a.example.org", id);
  Deno.writeTextFileSync(`${directory}/flush/b_example_org`, "");
  const old = Date.now() / 1000 - 90000;
  Deno.utimeSync(`${directory}/flush/example_org`, old, old);
  Deno.utimeSync(`${directory}/flush/b_example_org`, old, old);
  await flush.refresh();
  assert.deepEqual([...queue.scan("incoming")], [id]);
  assert.deepEqual([...Deno.readDirSync(`${directory}/flush`)].map(({ name }) => name).sort(), [
    "a_example_org",
    "example_org",
  ]);
  Deno.removeSync(directory, { recursive: true });
});

/** Talks to the service over a socket pair on a path. */
async function converse(
  flush: Flush,
  users: boolean,
  client: (path: string) => Promise<number>,
): Promise<number> {
  const directory = Deno.makeTempDirSync();
  const path = `${directory}/flush`;
  const listener = Deno.listen({ transport: "unix", path });
  const served = (async () => {
    const connection = await listener.accept();
    try {
      await flush.serve(connection, users);
    } catch (error) {
      assert.ok(error instanceof AttributeError || error instanceof Deno.errors.BrokenPipe, String(error));
    } finally {
      connection.close();
    }
  })();
  try {
    return await client(path);
  } finally {
    await served;
    listener.close();
    Deno.removeSync(directory, { recursive: true });
  }
}

function ask(flush: Flush, request: FlushRequest, users = false): Promise<number> {
  return converse(flush, users, async (path) => {
    const connection = await Deno.connect({ transport: "unix", path });
    try {
      return await askFlush(connection, request);
    } finally {
      connection.close();
    }
  });
}

Deno.test("flush: the protocol, and what users may not ask", async () => {
  const { directory, queue, flush, woken } = setup();
  const id = await deferred(queue);
  assert.equal(await ask(flush, { request: "add", site: "example.org", id }), FlushStatus.Ok);
  assert.equal(await ask(flush, { request: "add", site: "example.org", id }, true), FlushStatus.Bad);
  assert.equal(await ask(flush, { request: "send_site", site: "example.org" }, true), FlushStatus.Ok);
  assert.deepEqual([...queue.scan("incoming")], [id]);
  assert.equal(await ask(flush, { request: "send_all" }, true), FlushStatus.Ok);
  assert.deepEqual(woken, ["F", "I", "FADI", "pickup"]);
  await assert.rejects(ask(flush, { request: "send_all" }), AttributeError);
  assert.equal(await ask(flush, { request: "rfrsh" }), FlushStatus.Ok);
  Deno.removeSync(directory, { recursive: true });
});

Deno.test("flush: hostile requests do no harm (fixed seed)", async () => {
  const { directory, flush } = setup();
  const random = randomNumbers(11);
  const words = ["request", "add", "send_site", "send_file", "site", "../../x", "queue_id", "A1", "", "\n"];
  for (let round = 0; round < 100; round++) {
    let text = "";
    for (let count = random(12); count > 0; count--) text += words[random(words.length)] + "\0";
    await converse(flush, random(2) === 0, async (path) => {
      const connection = await Deno.connect({ transport: "unix", path });
      await connection.write(new TextEncoder().encode(text + "\0\0\0"));
      await connection.closeWrite();
      const buffer = new Uint8Array(1000);
      while (await connection.read(buffer).catch(() => null) !== null) {
        // What it answers does not matter here.
      }
      connection.close();
      return 0;
    });
  }
  assert.ok([...Deno.readDirSync(`${directory}/flush`)].every(({ name }) => /^[a-z0-9_]+$/.test(name)));
  Deno.removeSync(directory, { recursive: true });
});
