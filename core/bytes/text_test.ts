import assert from "node:assert/strict";
import { ByteBuffer, decodeText, encodeText } from "./mod.ts";
import { randomNumbers } from "../../testdata/random.ts";

Deno.test("decodeText: UTF-8 is text", () => {
  assert.equal(decodeText(new TextEncoder().encode("jörg@例え.jp")), "jörg@例え.jp");
});

Deno.test("decodeText and encodeText: any octets survive (fixed seed)", () => {
  const random = randomNumbers(4711);
  for (let round = 0; round < 3000; round++) {
    const bytes = Uint8Array.from(
      { length: random(24) },
      () => random(3) === 0 ? random(256) : 0xc0 + random(64),
    );
    assert.deepEqual(encodeText(decodeText(bytes)), bytes);
  }
});

Deno.test("ByteBuffer.appendText: ASCII, longer text and lone octets", () => {
  const buffer = new ByteBuffer(2);
  for (const text of ["plain", "jörg", "a\udcff", ""]) buffer.appendText(text);
  assert.equal(decodeText(buffer.view()), "plainjörga\udcff");
});
