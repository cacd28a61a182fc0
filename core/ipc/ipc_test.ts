import assert from "node:assert/strict";
import {
  announcement,
  AttributeError,
  AttributeReader,
  AttributeWriter,
  readAnnouncement,
  trigger,
} from "./mod.ts";
import { randomNumbers } from "../../testdata/random.ts";

const octets = (text: string) => Uint8Array.from(text, (character) => character.charCodeAt(0));

/** Gives out `bytes` in pieces, as a socket does. */
function pieces(bytes: Uint8Array, size: number) {
  let at = 0;
  return {
    read(buffer: Uint8Array): Promise<number | null> {
      if (at >= bytes.length) return Promise.resolve(null);
      const piece = bytes.subarray(at, at + Math.min(size, buffer.length));
      buffer.set(piece);
      at += piece.length;
      return Promise.resolve(piece.length);
    },
  };
}

async function kind(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
  } catch (error) {
    assert.ok(error instanceof AttributeError, String(error));
    return error.kind;
  }
  return "none";
}

Deno.test("attributes: what Postfix's programs put on the wire", async () => {
  const writer = new AttributeWriter().integer("status", -1).long("offset", -1).text("reason", "").end();
  assert.deepEqual(
    writer.view(),
    octets("status\x004294967295\0offset\x0018446744073709551615\0reason\0\0\0"),
  );
  const reader = new AttributeReader(writer.view());
  assert.equal(await reader.integer("status"), -1);
  assert.equal(await reader.long("offset"), -1);
  assert.equal(await reader.text("reason"), "");
  await reader.end();
  assert.equal(await reader.atEnd(), true);
});

Deno.test("attributes: the plain form", async () => {
  const writer = new AttributeWriter("plain").text("request", "a\nb=c").integer("count", 7).end();
  assert.deepEqual(writer.view(), octets("request=ab=c\ncount=7\n\n"));
  const reader = new AttributeReader(pieces(writer.view(), 2), "plain");
  assert.deepEqual([...await reader.rest()], [["request", "ab=c"], ["count", "7"]]);
});

Deno.test("attributes: groups, binary data, several lists, any split", async () => {
  const binary = Uint8Array.from({ length: 88 }, (_, i) => i * 3);
  const writer = new AttributeWriter().group([["a", "1"], ["b", "jörg"]]).bytes("time", binary).end();
  writer.text("next", "\udc80x").end();
  for (const size of [1, 2, 3, 7, 1000]) {
    const reader = new AttributeReader(pieces(writer.view(), size));
    assert.deepEqual([...await reader.group()], [["a", "1"], ["b", "jörg"]]);
    assert.deepEqual(await reader.bytes("time"), binary);
    assert.equal(await reader.peek(), undefined);
    await reader.end();
    assert.equal((await reader.peek())?.name, "next");
    assert.equal(await reader.text("next"), "\udc80x");
    await reader.end();
    assert.equal(await reader.atEnd(), true);
  }
});

Deno.test("attributes: a peer that breaks the protocol", async () => {
  const read = (text: string) =>
    new AttributeReader(pieces(octets(text), 5), "nul", { length: 20, count: 3 });
  assert.equal(await kind(read("").next()), "eof");
  assert.equal(await kind(read("name\0val").next()), "eof");
  assert.equal(await kind(read("name\0value\0\0").text("other")), "order");
  assert.equal(await kind(read("\0").text("other")), "order");
  assert.equal(await kind(read("name\x001x\0\0").integer("name")), "syntax");
  assert.equal(await kind(read("name\x004294967296\0\0").integer("name")), "syntax");
  assert.equal(await kind(read("name\0!\0\0").bytes("name")), "syntax");
  assert.equal(await kind(read("name\0" + "x".repeat(21) + "\0").next()), "limit");
  assert.equal(await kind(read("x".repeat(1000)).next()), "limit");
  assert.equal(await kind(read("a\0b\0".repeat(4) + "\0").rest()), "limit");
  assert.equal(await kind(read("{\0a\0b\0\0").group()), "syntax");
  assert.equal(await kind(new AttributeReader(octets("nonsense\n\n"), "plain").next()), "syntax");
  assert.equal(await read("name\0-1\0\0").integer("name"), -1);
});

Deno.test("attributes: hostile bytes only ever give an AttributeError (fixed seed)", async () => {
  const random = randomNumbers(99);
  for (let round = 0; round < 2000; round++) {
    const bytes = Uint8Array.from(
      { length: random(60) },
      () => random(3) === 0 ? 0 : [0x7b, 0x7d, 0x3d, 0x0a, 0xff, 0x61][random(6)]!,
    );
    const reader = new AttributeReader(pieces(bytes, 1 + random(9)), random(2) === 0 ? "nul" : "plain");
    const outcome = await kind((async () => {
      while (!(await reader.atEnd())) {
        if ((await reader.peek())?.name === "{") await reader.group();
        else await reader.next();
      }
    })());
    assert.ok(["none", "eof", "syntax", "order"].includes(outcome));
  }
});

Deno.test("announcement: both ways", async () => {
  const bytes = announcement("cleanup", [["queue_id", "ABC"]]);
  assert.deepEqual(bytes, octets("protocol\0cleanup_protocol\0queue_id\0ABC\0\0"));
  assert.equal((await readAnnouncement(new AttributeReader(bytes), "cleanup")).get("queue_id"), "ABC");
  assert.equal(await kind(readAnnouncement(new AttributeReader(bytes), "flush")), "order");
  assert.deepEqual(announcement("anvil"), octets("protocol=anvil_protocol\n\n"));
});

Deno.test("trigger: bytes, a NUL, and waiting for the close", async () => {
  const directory = await Deno.makeTempDir();
  try {
    const path = `${directory}/qmgr`;
    const listener = Deno.listen({ transport: "unix", path });
    const woken = trigger(path, "FADI");
    const connection = await listener.accept();
    const buffer = new Uint8Array(100);
    const count = await connection.read(buffer);
    assert.deepEqual(buffer.subarray(0, count!), octets("FADI\0"));
    connection.close();
    await woken;
    listener.close();
    await assert.rejects(trigger(path));
    await assert.rejects(trigger(`${directory}/missing`));
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("trigger: a FIFO gets the bytes alone, and no reader is an error at once", async () => {
  const directory = await Deno.makeTempDir();
  try {
    const path = `${directory}/pickup`;
    assert.ok((await new Deno.Command("mkfifo", { args: [path] }).output()).success);
    await assert.rejects(trigger(path));
    // Opening for reading and writing does not wait for the other side.
    const fifo = Deno.openSync(path, { read: true, write: true });
    await trigger(path, "W");
    const buffer = new Uint8Array(10);
    assert.deepEqual(buffer.subarray(0, fifo.readSync(buffer)!), octets("W"));
    fifo.close();
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
