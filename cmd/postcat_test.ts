import assert from "node:assert/strict";
import { ByteBuffer } from "../core/bytes/mod.ts";
import { appendTextRecord } from "../core/queue/mod.ts";
import { selfCommand } from "../core/system/mod.ts";
import { type Ran, runProgram } from "../core/system/run_testing.ts";

const RECORDED = new URL("../testdata/queue/", import.meta.url).pathname;

/** Runs a command with a configuration of its own, beside the recorded queue files. */
async function run(name: string, args: readonly string[], input?: Uint8Array): Promise<Ran> {
  const directory = Deno.makeTempDirSync({ prefix: "postel-command-" });
  Deno.mkdirSync(`${directory}/spool`);
  Deno.writeTextFileSync(
    `${directory}/main.cf`,
    `queue_directory = ${directory}/spool\ncompatibility_level = 3.6\n`,
  );
  const command = selfCommand(name, ...args);
  const env = { MAIL_CONFIG: directory, TZ: "UTC" };
  const result = await runProgram(command.program, command.args, { cwd: RECORDED, env, input });
  Deno.removeSync(directory, { recursive: true });
  return result;
}

Deno.test("postcat: what Postfix's postcat printed of the same file", async () => {
  const expected = Deno.readTextFileSync(`${RECORDED}deferred.postcat`);
  const { code, stdout, stderr } = await run("postcat", ["-o", "deferred.bin"]);
  assert.deepEqual({ code, stderr }, { code: 0, stderr: "" });
  assert.equal(stdout, expected);
});

Deno.test("postcat -f: the name of the file in front of each line", async () => {
  const plain = await run("postcat", ["deferred.bin", "maildrop.bin"]);
  const named = await run("postcat", ["-f", "deferred.bin", "maildrop.bin"]);
  assert.equal(named.stdout.replaceAll(/^(deferred|maildrop)\.bin: /gm, ""), plain.stdout);
  assert.ok(named.stdout.trimEnd().split("\n").every((line) => /^(deferred|maildrop)\.bin: /.test(line)));
  const offsets = (await run("postcat", ["-fo", "deferred.bin"])).stdout;
  assert.match(offsets, /^deferred\.bin: +\d+ sender: alice@example\.com$/m);
});

Deno.test("postcat -f: pieces of one long line have the name once", async () => {
  const out = new ByteBuffer();
  const add = (type: string, text: string) => appendTextRecord(out, type.charCodeAt(0), text);
  const records = [
    "CT",
    "T1795435534 100",
    "Sa@example.com",
    "M",
    "NSubject: x",
    "N",
    "Lone ",
    "Nline",
    "X",
    "E",
  ];
  for (const record of records) add(record[0]!, record.slice(1));
  assert.equal((await run("postcat", ["-bf"], out.toBytes())).stdout, "stdin: \nstdin: one line\n");
});

Deno.test("postcat: standard input, one part, JSON", async () => {
  const input = Deno.readFileSync(`${RECORDED}deferred.bin`);
  assert.equal((await run("postcat", ["-b"], input)).stdout, "\nHello\nlast\n");
  const { stdout } = await run("postcat", ["-j"], input);
  const file = JSON.parse(stdout);
  assert.equal(file.file, "stdin");
  assert.equal(file.envelope.sender, "alice@example.com");
  assert.deepEqual(file.envelope.recipients[1], {
    address: "joe smith@example.net",
    notify: 12,
    dsn_original: "rfc822;joe smith@example.net",
    original: "joe smith@example.net",
    state: "pending",
    offset: 414,
  });
  assert.equal(file.headers[1].name, "Subject");
  assert.equal(file.body, "Hello\nlast\n");
});

Deno.test("postcat: a message whose last line has no end gets none, unless something follows", async () => {
  const out = new ByteBuffer();
  const add = (type: string, text: string) => appendTextRecord(out, type.charCodeAt(0), text);
  add("C", " ".repeat(79));
  for (
    const [type, text] of [["T", "1795435534 100"], ["S", "a@example.com"], ["R", "b@example.com"]] as const
  ) {
    add(type, text);
  }
  add("M", "");
  const start = out.length;
  for (const [type, text] of [["N", "Subject: x"], ["N", ""], ["L", "no end"]] as const) add(type, text);
  const size = out.length - start;
  add("X", "");
  add("E", "");
  const sizes = [size, start, 1, 0, size].map((number) => String(number).padStart(15)).join(" ");
  out.overwrite(2, new TextEncoder().encode(sizes));
  const file = out.toBytes();
  assert.equal((await run("postcat", ["-bh"], file)).stdout, "Subject: x\n\nno end");
  assert.match((await run("postcat", ["-beh"], file)).stdout, /\nno end\n\*\*\* HEADER EXTRACTED stdin/);
});

Deno.test("postcat: damage is reported after what could be read", async () => {
  const cut = await run("postcat", ["-e"], Deno.readFileSync(`${RECORDED}deferred.bin`).slice(0, 300));
  assert.equal(cut.code, 1);
  assert.match(cut.stdout, /^sender: alice@example\.com$/m);
  assert.match(cut.stderr, /^postcat: warning: stdin: record is cut off at offset 296$/m);
  assert.match(cut.stderr, /^postcat: fatal: record read error$/m);
  const directory = await run("postcat", [".", "deferred.bin"]);
  assert.equal(directory.code, 0);
  assert.equal(directory.stderr, "postcat: warning: close .: Is a directory\n");
  assert.match(directory.stdout, /^sender: alice@example\.com$/m);
  const other = await run("postcat", ["defer.log"]);
  assert.deepEqual(other, {
    code: 0,
    stdout: "",
    stderr: "postcat: warning: defer.log: input is not a valid queue file\n",
  });
});

Deno.test("queue commands: wrong usage, in Postfix's words and with its exit codes", async () => {
  const cases: readonly (readonly [string, readonly string[], number, RegExp])[] = [
    ["postcat", ["-x"], 1, /^postcat: invalid option -- 'x'\npostcat: fatal: usage: postcat /],
    ["postcat", ["-q", "NOSUCH"], 1, /^postcat: fatal: open queue file NOSUCH: No such file or directory$/m],
    ["postcat", ["-q", "a/b"], 1, /^postcat: fatal: bad mail queue ID: a\/b$/m],
    ["postcat", ["-s", "x", "deferred.bin"], 1, /^postcat: fatal: bad offset: x$/m],
    ["postqueue", [], 69, /^postqueue: fatal: usage: postqueue -f \| postqueue -i queueid/],
    ["postqueue", ["-p", "-j"], 69, /^postqueue: fatal: usage: /],
    ["postqueue", ["-i", "x!y"], 69, /^postqueue: fatal: Cannot flush queue ID - invalid name: "x!y"$/m],
    [
      "postqueue",
      ["-s", "b d"],
      69,
      /^postqueue: fatal: Cannot flush mail queue - invalid destination: "b d"$/m,
    ],
    ["postqueue", ["-f"], 69, /^postqueue: fatal: Cannot flush mail queue - mail system is down$/m],
    ["postqueue", ["-c", "/none", "-p"], 69, /^postqueue: fatal: open \/none\/main\.cf: No such file/m],
    ["postsuper", ["-x"], 1, /^postsuper: invalid option -- 'x'\npostsuper: fatal: usage: postsuper /],
    ["postkick", ["public", "qmgr"], 1, /^postkick: fatal: usage: postkick /],
    [
      "postkick",
      ["public", "none", "W"],
      1,
      /^postkick: warning: Cannot contact class public service none - /m,
    ],
  ];
  for (const [name, args, code, words] of cases) {
    const result = await run(name, args);
    assert.equal(result.code, code, `${name} ${args.join(" ")}: ${result.stderr}`);
    assert.match(result.stderr, words);
    assert.equal(result.stdout, "");
  }
});
