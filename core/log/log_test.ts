import assert from "node:assert/strict";
import { formatClassic, formatJson, Logger, memorySink, openLog } from "./mod.ts";

Deno.test("formatClassic: label, tag and pid; control characters can't forge a line", () => {
  const entry = {
    time: Date.UTC(2026, 0, 2, 3, 4, 5),
    tag: "postfix/smtpd",
    pid: 7,
    level: "warning",
    text: "a\r\nb\udc80",
  } as const;
  assert.match(formatClassic(entry, "mx"), /^Jan \d\d \d\d:04:05 mx postfix\/smtpd\[7\]: warning: a\?\?b\?$/);
});

Deno.test("formatJson: the same event with its fields", () => {
  const sink = memorySink();
  new Logger(sink, "postfix/qmgr", 3).info("A1: removed", "removed", { queue_id: "A1", none: undefined });
  const parsed = JSON.parse(formatJson(sink.entries[0]!, "mx"));
  assert.equal(parsed.program, "postfix/qmgr");
  assert.equal(parsed.event, "removed");
  assert.equal(parsed.queue_id, "A1");
  assert.equal(parsed.text, "A1: removed");
  assert.ok(!("none" in parsed));
});

Deno.test("openLog: a file outside the allowed prefixes is refused, one inside is appended to", () => {
  const directory = Deno.makeTempDirSync();
  const settings = {
    prefixes: [directory],
    permissions: 0o600,
    facility: "mail",
    format: "classic",
    host: "mx",
  } as const;
  assert.throws(() => openLog({ ...settings, file: "/etc/passwd" }), /maillog_file_prefixes/);
  for (const text of ["one", "two"]) {
    const sink = openLog({ ...settings, file: `${directory}/log` });
    new Logger(sink, "postfix/master", 1).info(text);
    sink.flush();
  }
  const lines = Deno.readTextFileSync(`${directory}/log`).trimEnd().split("\n");
  assert.deepEqual(lines.map((line) => line.replace(/^.{15} /, "")), [
    "mx postfix/master[1]: one",
    "mx postfix/master[1]: two",
  ]);
  assert.equal(Deno.statSync(`${directory}/log`).mode! & 0o777, 0o600);
  Deno.removeSync(directory, { recursive: true });
});
