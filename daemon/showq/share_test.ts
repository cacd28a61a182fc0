import assert from "node:assert/strict";
import { ByteBuffer } from "../../core/bytes/mod.ts";
import { configFromText } from "../../core/config/mod.ts";
import { Logger, memorySink } from "../../core/log/mod.ts";
import {
  appendRecord,
  appendTextRecord,
  MessageCollector,
  openQueue,
  RecordType,
} from "../../core/queue/mod.ts";
import { createShowq, ListingReader, serveListingShare, type ShowqDeps } from "./mod.ts";

const MESSAGES = 500;
const NOTHING = new Uint8Array(0);

interface Shown {
  readonly id: string;
  readonly queue: string;
}

/** A queue on disk with many deferred messages, one on hold, and an id for each. */
function filledQueue(directory: string): { deps: ShowqDeps; ids: Set<string> } {
  const out = new ByteBuffer();
  appendTextRecord(out, RecordType.Time, "1795228776 897284");
  appendTextRecord(out, RecordType.Sender, "a@example.com");
  appendTextRecord(out, RecordType.Recipient, "b@example.org");
  for (const type of [RecordType.Message, RecordType.Extracted, RecordType.End]) {
    appendRecord(out, type, NOTHING);
  }
  const ids = new Set<string>();
  for (const name of ["bounce", "defer", "hold", "maildrop", "incoming", "active", "deferred"]) {
    Deno.mkdirSync(`${directory}/${name}`);
  }
  for (let index = 0; index < MESSAGES; index++) {
    const id = (index * 2097).toString(16).toUpperCase().padStart(5, "0") + "ABC";
    const place = `${directory}/deferred/${id[0]}`;
    Deno.mkdirSync(place, { recursive: true });
    Deno.writeFileSync(`${place}/${id}`, out.view(), { mode: 0o700 });
    ids.add(id);
  }
  Deno.writeFileSync(`${directory}/hold/00000FFF`, out.view(), { mode: 0o700 });
  const config = configFromText(`queue_directory = ${directory}\n`);
  const log = new Logger(memorySink(), "postfix/showq");
  return { deps: { queue: openQueue(config), config, log }, ids };
}

/** @param wait before the client takes the first message */
async function listing(
  deps: ShowqDeps,
  wait?: Promise<void>,
): Promise<{ done: boolean; messages: Shown[] }> {
  const collector = new MessageCollector();
  const reader = new ListingReader(collector);
  await createShowq(deps).serve({
    async write(bytes) {
      if (reader.announced) await wait;
      // The network takes what it likes.
      const taken = bytes.subarray(0, Math.max(1, bytes.length >> 1));
      reader.push(taken);
      return taken.length;
    },
  });
  return { done: reader.done, messages: collector.take() };
}

function helperAt(path: string): NonNullable<ShowqDeps["helper"]> {
  return { connect: () => Deno.connect({ transport: "unix", path }), after: 1 };
}

Deno.test("showq: two processes list every message once, queue after queue", async () => {
  const directory = Deno.makeTempDirSync({ prefix: "postel-share-" });
  const { deps, ids } = filledQueue(directory);
  const path = `${directory}/listing`;
  const listener = Deno.listen({ transport: "unix", path });
  let helped = 0;
  const { promise: asked, resolve: wasAsked } = Promise.withResolvers<void>();
  const serving = (async () => {
    for await (const connection of listener) {
      helped += 1;
      await serveListingShare({
        read(buffer) {
          return connection.read(buffer).finally(wasAsked);
        },
        write: (bytes) => connection.write(bytes),
        close: () => connection.close(),
      }, deps);
      connection.close();
    }
  })();
  const alone = await listing(deps);
  assert.equal(helped, 0);
  const shared = await listing({ ...deps, helper: helperAt(path) }, asked);
  assert.equal(helped, 1);
  for (const { done, messages } of [alone, shared]) {
    assert.ok(done);
    assert.equal(messages.length, MESSAGES + 1);
    assert.deepEqual(messages.at(-1), alone.messages.at(-1));
    assert.equal(messages.at(-1)?.queue, "hold");
    assert.deepEqual(new Set(messages.slice(0, -1).map(({ id }) => id)), ids);
  }
  listener.close();
  await serving;
  Deno.removeSync(directory, { recursive: true });
});

Deno.test("showq: no second process is no harm; one that dies in the middle is an error, not a short listing", async () => {
  const directory = Deno.makeTempDirSync({ prefix: "postel-share-" });
  const { deps } = filledQueue(directory);
  const path = `${directory}/listing`;
  const alone = await listing({ ...deps, helper: helperAt(path) });
  assert.ok(alone.done);
  assert.equal(alone.messages.length, MESSAGES + 1);
  const listener = Deno.listen({ transport: "unix", path });
  const serving = (async () => {
    const connection = await listener.accept();
    await connection.read(new Uint8Array(64));
    await connection.write(Uint8Array.of(0, 0, 0, 9, 1));
    connection.close();
  })();
  await assert.rejects(listing({ ...deps, helper: helperAt(path) }, serving), /helps with the listing ended/);
  await serving;
  listener.close();
  Deno.removeSync(directory, { recursive: true });
});

Deno.test("showq: a request for a part must name a queue and a hash directory", async () => {
  const directory = Deno.makeTempDirSync({ prefix: "postel-share-" });
  const { deps } = filledQueue(directory);
  for (const request of ["deferred ..\n", "deferred ../\n", "corrupt A\n", "private A\n", "deferred A", ""]) {
    let asked = false;
    const connection = {
      read(buffer: Uint8Array) {
        if (asked) return Promise.resolve(null);
        asked = true;
        return Promise.resolve(new TextEncoder().encodeInto(request, buffer).written);
      },
      write: () => Promise.reject(new Error("nothing is to be answered")),
      close() {},
    };
    await assert.rejects(serveListingShare(connection, deps), /malformed request/, request);
  }
  Deno.removeSync(directory, { recursive: true });
});
