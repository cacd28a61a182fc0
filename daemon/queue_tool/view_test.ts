import assert from "node:assert/strict";
import { LogTail, renderWatch, type WatchState } from "./mod.ts";

// deno-lint-ignore no-control-regex -- the styles begin with one
const STYLES = /\x1b\[\d+m/g;

function state(more: Partial<WatchState> = {}): WatchState {
  return {
    now: 1_700_000_000,
    host: "mx.example.com",
    queues: [["maildrop", 0], ["active", 2], ["deferred", 12345], ["hold", undefined]],
    rates: [
      { counts: { received: 10, sent: 3, deferred: 0, bounced: 1, rejected: 0 }, seconds: 2 },
      { counts: { received: 0, sent: 1, deferred: 0, bounced: 1, rejected: 0 }, seconds: 2 },
    ],
    top: [{ key: "example.org", messages: 40, recipients: 41, bytes: 1, oldest: 1 }],
    topTime: 1_699_999_990,
    logLines: ["Nov 01 a: one", "Nov 01 b: warning: two\x1b[2J"],
    problems: [],
    ...more,
  };
}

Deno.test("watch: the picture fits every size of terminal, and no text can move the cursor", () => {
  for (const rows of [1, 2, 5, 10, 24, 60]) {
    for (const columns of [1, 20, 80, 200]) {
      const lines = renderWatch(state({ problems: ["Log: no such file"] }), columns, rows);
      assert.equal(lines.length, rows);
      for (const line of lines) {
        const text = line.replaceAll(STYLES, "");
        assert.ok([...text].length <= columns, JSON.stringify(text));
        assert.ok(!text.includes("\x1b"));
      }
    }
  }
});

Deno.test("watch: what it says", () => {
  const text = renderWatch(state(), 80, 24).join("\n").replaceAll(STYLES, "");
  assert.match(text, /^Queue of mx\.example\.com +\d\d:\d\d:\d\d$/m);
  assert.match(text, /^maildrop 0 {3}active 2 {3}deferred 12,345 {3}hold \?/m);
  assert.match(text, /^received 2\.5\/s {3}sent 1\.0\/s {3}deferred 0\.0\/s {3}bounced 0\.5\/s/m);
  assert.match(text, /^Waiting by domain \(10 s ago\)/m);
  assert.match(text, /^ {7}40 {2}example\.org/m);
  assert.match(text, /^Nov 01 b: warning: two\?\[2J/m);
});

Deno.test("log tail: begins with the last lines, counts what comes, goes on when the log is rotated", () => {
  const directory = Deno.makeTempDirSync();
  const path = `${directory}/mail.log`;
  const add = (...lines: string[]) =>
    Deno.writeTextFileSync(path, lines.map((line) => `${line}\n`).join(""), { append: true });
  const sent =
    "Nov 23 h postfix/smtp[1]: A1: to=<a@b>, relay=x, delay=1, delays=0/0/0/1, dsn=2.0.0, status=sent (250 ok)";
  const tail = new LogTail(path);
  assert.equal(tail.look().sent, 0);
  assert.match(tail.problem ?? "", /No such file/);
  add("old line", sent);
  assert.equal(tail.look().sent, 0);
  assert.equal(tail.problem, undefined);
  assert.deepEqual(tail.lines, ["old line", sent]);
  add(
    sent,
    sent.replace("2.0.0, status=sent", "4.4.1, status=deferred"),
    sent.replace("2.0.0, status=sent", "5.1.1, status=bounced"),
    "Nov 23 h postfix/cleanup[1]: A2: message-id=<x@y>",
    "Nov 23 h postfix/smtpd[1]: NOQUEUE: reject: RCPT from c[192.0.2.1]: 554 5.7.1 <a@b>: Relay access denied",
    "Nov 23 h postfix/smtp[1]: A1: said: status=sent (not a delivery)",
  );
  assert.deepEqual(tail.look(), { received: 1, sent: 1, deferred: 1, bounced: 1, rejected: 1 });
  Deno.renameSync(path, `${path}.1`);
  add(sent);
  assert.equal(tail.look().sent, 1);
  tail.close();
  Deno.removeSync(directory, { recursive: true });
});
