import assert from "node:assert/strict";
import { ByteBuffer } from "../../core/bytes/mod.ts";
import type { QueuedMessage } from "../../core/queue/types.ts";
import { appendHandover, decodeHandover, HandoverSender, receiveHandovers } from "./handover.ts";

const message = (id: string, head: number, tail: number): QueuedMessage => ({
  id,
  queue: "incoming",
  head: new Uint8Array(head).fill(7),
  tail: new Uint8Array(tail).fill(9),
  tailOffset: 2 ** 33 + 5,
});

Deno.test("a frame gives back the message", () => {
  const sent = message("4ABCDEF", 900, 4);
  const out = new ByteBuffer();
  appendHandover(out, sent);
  assert.deepEqual(decodeHandover(out.view(4)), sent);
  assert.throws(() => decodeHandover(out.view(4, 300)), RangeError);
});

Deno.test("HandoverSender: a scan first, then every message, also behind a late server and in small pieces", async () => {
  const path = `${Deno.makeTempDirSync()}/s`;
  const sender = new HandoverSender(path);
  await new Promise((done) => setTimeout(done, 20));
  const listener = Deno.listen({ transport: "unix", path });
  const connection = await listener.accept();
  const got: string[] = [];
  let scans = 0;
  const enough = Promise.withResolvers<void>();
  const receiving = receiveHandovers(
    { read: (into) => connection.read(into.subarray(0, 777)) },
    (received) => {
      got.push(received.id);
      if (got.length === 200) enough.resolve();
    },
    () => {
      scans += 1;
      if (scans === 1) { for (let i = 0; i < 200; i++) sender.send(message(`ID${i}`, i * 10, 4)); }
    },
  );
  await enough.promise;
  assert.deepEqual(got, Array.from({ length: 200 }, (_, i) => `ID${i}`));
  // Too large for a frame: a scan request stands for it.
  sender.send(message("BIG", 2 << 20, 4));
  while (scans < 2) await new Promise((done) => setTimeout(done, 5));
  sender.close();
  await receiving;
  connection.close();
  listener.close();
});
