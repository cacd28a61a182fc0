import assert from "node:assert/strict";
import { encodeText } from "../../core/bytes/mod.ts";
import { randomNumbers } from "../../testdata/random.ts";
import type { BounceService } from "../delivery/types.ts";
import { serveBounce } from "./mod.ts";

/** A peer that sends `input` and hangs up; what it was told is in `output`. */
function peer(input: Uint8Array) {
  let at = 0;
  const output: number[] = [];
  return {
    output,
    read(buffer: Uint8Array): Promise<number | null> {
      if (at === input.length) return Promise.resolve(null);
      const count = Math.min(buffer.length, input.length - at);
      buffer.set(input.subarray(at, at + count));
      at += count;
      return Promise.resolve(count);
    },
    write(bytes: Uint8Array): Promise<number> {
      output.push(...bytes);
      return Promise.resolve(bytes.length);
    },
  };
}

function recorder(): BounceService & { readonly calls: string[] } {
  const calls: string[] = [];
  const note = (what: string) => {
    calls.push(what);
    return Promise.resolve();
  };
  return {
    calls,
    append: (log, id) => note(`append ${log} ${id}`),
    flush: (log, target) => note(`flush ${log} ${target.queueId}`),
    warn: (target) => note(`warn ${target.queueId}`),
    one: (target) => note(`one ${target.queueId}`),
  };
}

const TARGET =
  "flags 0 queue_name active queue_id ABC123 encoding  sendopts 0 sender s@x.test envelope_id  ret_flags 0"
    .split(" ");
const RECIPIENT =
  "original_recipient r@x.test recipient r@x.test offset 18446744073709551615 dsn_orig_rcpt  notify_flags 0"
    .split(" ");
const DSN = "status 5.0.0 diag_type  diag_text  mta_type  mta_mname  action failed reason no".split(" ");

function list(...words: readonly (string | readonly string[])[]): Uint8Array {
  return encodeText(words.flat().map((word) => `${word}\0`).join("") + "\0");
}

Deno.test("bounce server: every request of the protocol", async () => {
  const requests: [Uint8Array, string][] = [
    [list("nrequest", "0", "flags", "0", "queue_id", "ABC123", RECIPIENT, DSN), "append defer ABC123"],
    [list("nrequest", "1", TARGET), "flush defer ABC123"],
    [list("nrequest", "2", TARGET), "warn ABC123"],
    [list("nrequest", "3", TARGET, "verp_delimiters", "+="), "flush defer ABC123"],
    [list("nrequest", "4", TARGET, RECIPIENT, DSN), "one ABC123"],
    [list("nrequest", "5", TARGET), "flush trace ABC123"],
  ];
  for (const [request, call] of requests) {
    const service = recorder();
    const connection = peer(request);
    await serveBounce(connection, service, "defer", assert.fail);
    assert.deepEqual(service.calls, [call]);
    assert.ok(String.fromCharCode(...connection.output).endsWith("status\x000\0\0"));
  }
});

Deno.test("bounce server: paths in queue ids, unknown queues and requests are refused", async () => {
  const bad = [
    list("nrequest", "0", "flags", "0", "queue_id", "../../etc/passwd", RECIPIENT, DSN),
    list("nrequest", "1", TARGET.map((word) => word === "active" ? "../active" : word)),
    list("nrequest", "1", TARGET.map((word) => word === "ABC123" ? "A/B" : word)),
    list("nrequest", "3", TARGET, "verp_delimiters", "+"),
    list("nrequest", "9", TARGET),
    list("flags", "1"),
  ];
  for (const request of bad) {
    const service = recorder();
    const connection = peer(request);
    const warnings: string[] = [];
    await serveBounce(connection, service, "bounce", (text) => warnings.push(text));
    assert.deepEqual(service.calls, []);
    assert.equal(warnings.length, 1);
    assert.ok(String.fromCharCode(...connection.output).endsWith("status\x004294967295\0\0"));
  }
});

Deno.test("bounce server: damaged requests never get through half (fixed seed)", async () => {
  const random = randomNumbers(23);
  const whole = list("nrequest", "4", TARGET, RECIPIENT, DSN);
  for (let round = 0; round < 1000; round++) {
    const cut = whole.slice(0, random(whole.length));
    for (let change = random(4); change > 0 && cut.length > 0; change--) {
      cut[random(cut.length)] = random(256);
    }
    const service = recorder();
    await serveBounce(peer(cut), service, "bounce", () => {});
    assert.deepEqual(service.calls, []);
  }
});
