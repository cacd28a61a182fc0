import assert from "node:assert/strict";
import { ByteBuffer, decodeText, encodeText } from "../bytes/mod.ts";
import {
  appendReply,
  type ByteChannel,
  CoarseTimer,
  ContentWriter,
  decodeXtext,
  encodeXtext,
  reply,
  SmtpStream,
  SmtpStreamError,
} from "./mod.ts";

/** A channel that hands out `pieces` one read each, then ends; what is written is kept. */
function scripted(pieces: string[], hang = false): ByteChannel & { written: string } {
  const waiting: (() => void)[] = [];
  let rest: Uint8Array = new Uint8Array(0);
  return {
    written: "",
    read(into) {
      if (rest.length === 0) {
        const next = pieces.shift();
        if (next === undefined) {
          return hang
            ? new Promise((_, reject) => waiting.push(() => reject(new Error("closed"))))
            : Promise.resolve(null);
        }
        rest = encodeText(next);
      }
      const count = Math.min(into.length, rest.length);
      into.set(rest.subarray(0, count));
      rest = rest.subarray(count);
      return Promise.resolve(count);
    },
    write(bytes) {
      this.written += decodeText(bytes);
      return Promise.resolve(bytes.length);
    },
    close() {
      for (const reject of waiting) reject();
    },
  };
}

Deno.test("SmtpStream: lines across reads, bare LF, too long lines", async () => {
  const long = "x".repeat(3000);
  const stream = new SmtpStream(
    scripted(["EHL", "O a\r", "\nNOOP\nMAIL", ` ${long}`, long, "\r\n", "QUIT\r\nrest"]),
    new CoarseTimer(),
  );
  const lines: [string, boolean, boolean][] = [];
  for (;;) {
    const line = stream.takeLine(100) ?? await stream.readLine(100);
    if (line === null) break;
    lines.push([decodeText(line), stream.bareLf, stream.truncated]);
  }
  assert.deepEqual(lines, [
    ["EHLO a", false, false],
    ["NOOP", true, false],
    [("MAIL " + long).slice(0, 100), false, true],
    ["QUIT", false, false],
  ]);
  stream.close();
});

Deno.test("SmtpStream: a peer that says nothing times out, and output still leaves", async () => {
  const channel = scripted([], true);
  const stream = new SmtpStream(channel, new CoarseTimer(5));
  stream.setTimeout(0.01);
  await assert.rejects(
    stream.readLine(100),
    (error) => error instanceof SmtpStreamError && error.kind === "timeout",
  );
  stream.out.appendAscii("421 bye\r\n");
  await stream.flush();
  stream.close();
  assert.equal(channel.written, "421 bye\r\n");
});

Deno.test("appendReply: every line carries code and enhanced code", () => {
  const out = new ByteBuffer();
  appendReply(out, reply(550, "5.7.1", "one\ntwo"));
  appendReply(out, reply(354, "", "End data with <CR><LF>.<CR><LF>"));
  assert.equal(
    decodeText(out.view()),
    "550-5.7.1 one\r\n550 5.7.1 two\r\n354 End data with <CR><LF>.<CR><LF>\r\n",
  );
});

Deno.test("xtext: there and back", () => {
  assert.equal(encodeXtext("a+b=c é"), "a+2Bb+3Dc+20+C3+A9");
  assert.equal(decodeXtext("a+2Bb+3Dc+20+C3+A9"), "a+b=c é");
  assert.equal(decodeXtext("a+2"), undefined);
  assert.equal(decodeXtext("a+zz"), undefined);
});

/** Frames text as content records. */
function record(type: string, text: string): Uint8Array {
  const data = encodeText(text);
  const length = data.length < 128 ? [data.length] : [(data.length & 127) | 128, data.length >> 7];
  return Uint8Array.from([type.charCodeAt(0), ...length, ...data]);
}

function join(...parts: Uint8Array[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

Deno.test("ContentWriter: dots, pieces of lines, long lines; cut anywhere the result is the same", () => {
  const records = join(
    record("N", ".dot"),
    record("N", ""),
    record("L", "abc"),
    record("L", ".def"),
    record("N", ""),
    record("N", "z".repeat(300)),
    record("N", "0123456789".repeat(3)),
    record("L", "last"),
  );
  const whole = (limit: number, size: number) => {
    const out = new ByteBuffer();
    const writer = new ContentWriter(out, limit);
    for (let at = 0; at < records.length; at += size) {
      assert.equal(writer.write(records.subarray(at, at + size)), Math.min(size, records.length - at));
    }
    writer.finish();
    return decodeText(out.view());
  };
  const expected = `..dot\r\n\r\nabc.def\r\n${"z".repeat(300)}\r\n${"0123456789".repeat(3)}\r\nlast\r\n.\r\n`;
  for (const size of [1, 2, 3, 7, 100000]) assert.equal(whole(0, size), expected);
  const cut = whole(30, 100000);
  assert.ok(cut.split("\r\n").every((line) => line.length <= 31), cut);
  for (const size of [1, 5]) assert.equal(whole(30, size), cut);
  assert.ok(cut.includes("\r\n" + "0123456789".repeat(3) + "\r\nlast\r\n.\r\n"), cut);
});

Deno.test("ContentWriter: stops at the end of the content", () => {
  const out = new ByteBuffer();
  const writer = new ContentWriter(out);
  assert.equal(writer.write(join(record("N", "a"), record("X", ""))), 3);
});
