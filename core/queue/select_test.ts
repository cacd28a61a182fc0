import assert from "node:assert/strict";
import {
  addressPattern,
  AgeTable,
  domainPattern,
  type ListedMessage,
  parseAge,
  parseSizeBound,
  type Selection,
  selects,
  Tally,
} from "./mod.ts";

const NOW = 1_000_000;

function message(more: Partial<ListedMessage> = {}): ListedMessage {
  return {
    queue: "deferred",
    id: "ABCDE1",
    time: NOW - 3600,
    size: 2048,
    forcedExpire: false,
    sender: "Alice@Example.com",
    recipients: [
      {
        address: "bob@mail.example.org",
        original: "",
        log: "defer",
        reason: "connect to mx[192.0.2.1]:25: Connection refused",
      },
      { address: "carol@example.net", original: "", log: "", reason: "" },
    ],
    ...more,
  };
}

Deno.test("select: ages and sizes as people write them", () => {
  assert.deepEqual(["90", "90s", "30m", "2h", "1d12h", "1w"].map(parseAge), [
    90,
    90,
    1800,
    7200,
    129600,
    604800,
  ]);
  for (const wrong of ["", "2x", "h", "-1h", "1.5h", "99999999999s"]) {
    assert.throws(() => parseAge(wrong), RangeError);
  }
  assert.deepEqual(parseSizeBound("+1M"), { least: 1048576, most: Infinity });
  assert.deepEqual(parseSizeBound("-10k"), { least: 0, most: 10240 });
  assert.deepEqual(parseSizeBound("100"), { least: 100, most: Infinity });
  for (const wrong of ["", "+", "1T", "--1", "+-1k"]) assert.throws(() => parseSizeBound(wrong), RangeError);
});

Deno.test("select: address patterns", () => {
  const cases: [string, string[], string[]][] = [
    ["alice@example.com", ["alice@example.com", "ALICE@EXAMPLE.COM"], [
      "xalice@example.com",
      "alice@example.com.net",
    ]],
    ["example.com", ["a@example.com"], ["a@sub.example.com", "example.com@other.example"]],
    ["@example.com", ["a@example.com"], ["a@sub.example.com"]],
    [".example.com", ["a@example.com", "a@b.example.com"], ["a@badexample.com"]],
    ["*@*.example", ["a@b.example"], ["a@example"]],
    ["a.*", ["a.b@c"], ["axb@c"]],
    ["root", ["root"], ["root@example.com"]],
    ["<>", ["MAILER-DAEMON"], ["a@b"]],
  ];
  for (const [text, yes, no] of cases) {
    const matches = addressPattern(text, "MAILER-DAEMON");
    for (const address of yes) assert.ok(matches(address), `${text} ${address}`);
    for (const address of no) assert.ok(!matches(address), `${text} ${address}`);
  }
});

Deno.test("select: every filter must hold, one recipient is enough", () => {
  const yes: Selection[] = [
    {},
    { queues: ["hold", "deferred"] },
    { ids: new Set(["ABCDE1"]) },
    { from: [addressPattern("example.com", "")] },
    { to: [addressPattern("carol@example.net", "")] },
    { to: [domainPattern("nowhere.example"), domainPattern(".example.org")] },
    { olderThan: 3600 },
    { youngerThan: 3601 },
    { size: { least: 2048, most: 2048 } },
    { reason: /refused/ },
  ];
  const no: Selection[] = [
    { queues: ["hold"] },
    { ids: new Set(["ABCDE2"]) },
    { from: [addressPattern("example.org", "")] },
    { to: [domainPattern("example.com")] },
    { olderThan: 3601 },
    { youngerThan: 3600 },
    { size: { least: 2049, most: Infinity } },
    { reason: /timed out/ },
  ];
  for (const selection of yes) assert.ok(selects(selection, message(), NOW), JSON.stringify(selection));
  for (const selection of no) assert.ok(!selects(selection, message(), NOW), JSON.stringify(selection));
  for (const one of yes) for (const other of no) assert.ok(!selects({ ...one, ...other }, message(), NOW));
});

Deno.test("tally: groups of messages, largest first", () => {
  const by = (name: "domain" | "sender-domain" | "reason" | "queue") => {
    const tally = new Tally(name);
    tally.add(message());
    tally.add(message({ id: "ABCDE2", size: 1, time: NOW - 7200 }));
    tally.add(message({ id: "ABCDE3", sender: "root", recipients: [] }));
    return tally.top();
  };
  assert.deepEqual(
    by("domain").map((
      { key, messages, recipients, bytes, oldest },
    ) => [key, messages, recipients, bytes, oldest]),
    [
      ["example.net", 2, 2, 2049, NOW - 7200],
      ["mail.example.org", 2, 2, 2049, NOW - 7200],
    ],
  );
  assert.deepEqual(by("sender-domain").map(({ key, messages }) => [key, messages]), [["example.com", 2], [
    "root",
    1,
  ]]);
  assert.deepEqual(by("reason").map(({ key }) => key), ["(none)", "connect to mx[…]: Connection refused"]);
  assert.deepEqual(by("queue").map(({ key, messages }) => [key, messages]), [["deferred", 3]]);
});

Deno.test("age table: columns double or go on in steps; what is as old as a limit counts beyond it", () => {
  const table = (linear: boolean, bySender: boolean) => {
    const ages = new AgeTable({ first: 5, columns: 4, linear }, bySender, NOW);
    for (const minutes of [0, 4.9, 5, 14, 19, 21]) ages.add(message({ time: NOW - minutes * 60 }));
    return ages;
  };
  assert.deepEqual(table(false, true).limits, [5, 10, 20]);
  assert.deepEqual(table(true, true).limits, [5, 10, 15]);
  assert.deepEqual(table(false, true).rows(), [
    { key: "TOTAL", total: 6, counts: [2, 1, 2, 1] },
    { key: "example.com", total: 6, counts: [2, 1, 2, 1] },
  ]);
  assert.deepEqual(table(true, false).rows(1).map(({ key, total, counts }) => [key, total, counts]), [
    ["TOTAL", 12, [4, 2, 2, 4]],
    ["example.net", 6, [2, 1, 1, 2]],
  ]);
});
