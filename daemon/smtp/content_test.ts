import assert from "node:assert/strict";
import type { ContentReader } from "../../core/queue/types.ts";
import { makeRequest } from "./double_testing.ts";
import { memoryQueue } from "../../core/queue/testing.ts";
import { WireContent } from "./content.ts";
import { randomNumbers } from "../../testdata/random.ts";

const NORMAL = 0x4e;
const CONTINUED = 0x4c;

/** Records as a reader hands them out, from windows of a few records each. */
function readerOf(records: readonly { type: number; data: Uint8Array }[], perWindow: number): ContentReader {
  let index = -1;
  let bytes = new Uint8Array(0);
  let next = 0;
  const reader = {
    type: 0,
    bytes,
    start: 0,
    end: 0,
    next() {
      index += 1;
      if (index >= records.length) return false;
      if (index % perWindow === 0) {
        const framed = records.slice(index, index + perWindow).flatMap(({ type, data }) => [
          type,
          ...(data.length < 128 ? [data.length] : [data.length & 127 | 128, data.length >> 7]),
          ...data,
        ]);
        bytes = Uint8Array.from(framed);
        next = 0;
      }
      const { type, data } = records[index]!;
      reader.type = type;
      reader.bytes = bytes;
      reader.start = next + (data.length < 128 ? 2 : 3);
      reader.end = next = reader.start + data.length;
      return true;
    },
    rewind() {},
    close() {},
  };
  return reader;
}

/** The same by the letter of the rules, with strings. */
function plainly(records: readonly { type: number; data: Uint8Array }[], limit: number): string {
  const text = records.map(({ type, data }) => String.fromCharCode(...data) + (type === NORMAL ? "\n" : ""))
    .join("");
  const lines = text.split("\n");
  if (lines.at(-1) === "") lines.pop();
  return lines.map((line) => {
    const parts: string[] = [];
    let rest = line;
    let room = limit;
    while (rest.length > room) {
      parts.push((parts.length === 0 ? "" : " ") + rest.slice(0, room));
      rest = rest.slice(room);
      room = limit - 1;
    }
    parts.push((parts.length === 0 ? "" : " ") + rest);
    return parts.map((part) => (part.startsWith(".") ? "." : "") + part + "\r\n").join("");
  }).join("");
}

function wired(reader: ContentReader, limit: number): string {
  const wire = new WireContent(limit);
  let text = "";
  for (let more = true; more;) {
    more = wire.fill(reader);
    text += new TextDecoder("latin1").decode(wire.piece);
    wire.clear();
  }
  wire.release();
  return text;
}

Deno.test("content: any records become the same lines as by the letter of the rules (fixed seed)", () => {
  const random = randomNumbers(77);
  for (let round = 0; round < 600; round++) {
    const records = Array.from({ length: random(60) }, () => ({
      type: random(5) === 0 ? CONTINUED : NORMAL,
      data: Uint8Array.from(
        { length: random(4) === 0 ? random(400) : random(40) },
        () => random(8) === 0 ? 46 : 65 + random(26),
      ),
    }));
    const limit = [998, 100, 20, 3][round % 4]!;
    assert.equal(wired(readerOf(records, 1 + random(9)), limit), plainly(records, limit), `round ${round}`);
  }
});

Deno.test("content: megabytes in several pieces, with and without a limit", async () => {
  const queue = memoryQueue();
  const lines = Array.from({ length: 20000 }, (_, at) => ".".repeat(at % 3) + "x".repeat(at % 150));
  const request = await makeRequest(queue, { nexthop: "x", lines });
  const expected = lines.map((line) => (line.startsWith(".") ? "." : "") + line + "\r\n").join("");
  for (const limit of [0, 998]) {
    const reader = queue.openContent(request.queueName, request.queueId, request.contentOffset);
    assert.equal(wired(reader, limit), expected);
    reader.close();
  }
});
