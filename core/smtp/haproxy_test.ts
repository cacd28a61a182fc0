import assert from "node:assert/strict";
import { MOST_HEADER_BYTES, parseProxyHeader } from "./mod.ts";
import { randomNumbers } from "../../testdata/random.ts";

const both = { ipv4: true, ipv6: true };
const octets = (text: string) => Uint8Array.from(text, (character) => character.charCodeAt(0));
const SIGNATURE = "\r\n\r\n\0\r\nQUIT\n";
const u16 = (value: number) => String.fromCharCode(value >> 8, value & 255);
const v2 = (verb: number, family: number, body: string) =>
  octets(SIGNATURE + String.fromCharCode(verb, family) + u16(body.length) + body);
const body4 = "\xc0\0\x02\x07\xc6\x33\x64\x09" + u16(4711) + u16(25);
const address6 = "\x20\x01\x0d\xb8" + "\0".repeat(11);

/** Well-formed headers and what they say. */
const GOOD: readonly (readonly [Uint8Array, unknown])[] = [
  [octets("PROXY TCP4 192.0.2.7 198.51.100.9 4711 25\r\n"), {
    kind: "proxied",
    length: 43,
    client: { address: "192.0.2.7", port: "4711" },
    server: { address: "198.51.100.9", port: "25" },
  }],
  [octets("PROXY TCP6 2001:db8::7 ::ffff:198.51.100.9 4711 25\r\n"), {
    kind: "proxied",
    length: 52,
    client: { address: "2001:db8::7", port: "4711" },
    server: { address: "198.51.100.9", port: "25" },
  }],
  [v2(0x21, 0x11, body4 + "\x04" + u16(3) + "abc"), {
    kind: "proxied",
    length: 34,
    client: { address: "192.0.2.7", port: "4711" },
    server: { address: "198.51.100.9", port: "25" },
  }],
  [v2(0x21, 0x21, address6 + "\x07" + "\0".repeat(10) + "\xff\xff\xc6\x33\x64\x09" + u16(4711) + u16(25)), {
    kind: "proxied",
    length: 52,
    client: { address: "2001:db8::7", port: "4711" },
    server: { address: "198.51.100.9", port: "25" },
  }],
  [v2(0x20, 0x00, ""), { kind: "local", length: 16 }],
  [v2(0x20, 0x11, body4), { kind: "local", length: 28 }],
];

Deno.test("haproxy: headers of both versions, whole, cut at every octet, and with something behind", () => {
  for (const [bytes, expected] of GOOD) {
    assert.deepEqual(parseProxyHeader(bytes, both), expected);
    for (let length = 0; length < bytes.length; length++) {
      const part = bytes.subarray(0, length);
      assert.deepEqual(parseProxyHeader(part, both), { kind: "incomplete" }, `${length} octets`);
      assert.equal(parseProxyHeader(part, both, true).kind, "bad", `${length} octets and the end`);
    }
    const longer = new Uint8Array([...bytes, ...octets("EHLO x\r\n")]);
    assert.deepEqual(parseProxyHeader(longer, both), expected);
  }
});

Deno.test("haproxy: address families that the system does not speak", () => {
  const only4 = { ipv4: true, ipv6: false };
  const only6 = { ipv4: false, ipv6: true };
  assert.equal(parseProxyHeader(GOOD[0]![0], only6).kind, "bad");
  assert.equal(parseProxyHeader(GOOD[1]![0], only4).kind, "bad");
  assert.equal(parseProxyHeader(GOOD[2]![0], only6).kind, "bad");
  assert.equal(parseProxyHeader(GOOD[3]![0], only4).kind, "bad");
});

Deno.test("haproxy: seeded garbage is refused or understood, never both, and never asks for input without end", () => {
  const random = randomNumbers(20261123);
  const kinds = new Set<string>();
  for (let round = 0; round < 20_000; round++) {
    const [good] = GOOD[random(GOOD.length)]!;
    const bytes = random(8) === 0
      ? Uint8Array.from({ length: random(700) }, () => random(256))
      : new Uint8Array([
        ...good,
        ...Array.from({ length: random(4) === 0 ? random(700) : 0 }, () => random(256)),
      ]);
    for (let count = random(4); count > 0 && bytes.length > 0; count--) {
      bytes[random(bytes.length)] = random(256);
    }
    const input = bytes.subarray(0, random(3) === 0 ? random(bytes.length + 1) : bytes.length);
    const header = parseProxyHeader(input, both);
    kinds.add(header.kind);
    if (header.kind === "incomplete") {
      assert.ok(input.length < MOST_HEADER_BYTES, "the limit ends every wait");
      assert.equal(parseProxyHeader(input, both, true).kind, "bad");
    } else if (header.kind !== "bad") {
      assert.ok(header.length > 0 && header.length <= Math.min(input.length, MOST_HEADER_BYTES));
    }
    if (header.kind === "proxied") {
      for (const { address, port } of [header.client, header.server]) {
        assert.match(address, /^[0-9a-f.:]+$/);
        assert.ok(Number(port) <= 65535);
      }
    }
  }
  assert.deepEqual([...kinds].sort(), ["bad", "incomplete", "local", "proxied"]);
});
