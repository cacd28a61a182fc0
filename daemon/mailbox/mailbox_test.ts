/** What mailboxes must survive: crashes in the middle, other programs' locks, links, and what a message may hold. */
import assert from "node:assert/strict";
import process from "node:process";
import { encodeText } from "../../core/bytes/mod.ts";
import { type ContentReader, RecordType } from "../../core/queue/types.ts";
import { GroupSync } from "../../core/system/mod.ts";
import {
  appendToMbox,
  deliveredAddresses,
  deliverToMaildir,
  failed,
  MailboxError,
  type MailboxSettings,
} from "./mod.ts";

const user = {
  uid: process.geteuid?.() ?? 0,
  gid: process.getegid?.() ?? 0,
  groups: [process.getegid?.() ?? 0],
};
const settings: MailboxSettings = {
  locks: new Set(["fcntl", "dotlock"]),
  lockAttempts: 2,
  lockDelay: 0.01,
  staleLockTime: 500,
  sizeLimit: 0,
  strictOwnership: true,
};

/** A content reader over lines; a text that ends in `\` is a piece of a line. */
function reader(lines: readonly string[]): ContentReader {
  let at = -1;
  let bytes: Uint8Array = new Uint8Array(0);
  return {
    next() {
      at += 1;
      if (at >= lines.length) return false;
      bytes = encodeText(lines[at]!.replace(/\\$/, ""));
      return true;
    },
    get type() {
      return lines[at]!.endsWith("\\") ? RecordType.Continued : RecordType.Normal;
    },
    get bytes() {
      return bytes;
    },
    start: 0,
    get end() {
      return bytes.length;
    },
    rewind() {
      at = -1;
    },
    close() {},
  };
}

function delivery(path: string, lines: readonly string[], more: Partial<MailboxSettings> = {}) {
  return {
    path,
    user,
    settings: { ...settings, ...more },
    reader: reader(lines),
    form: {
      prepend: ["From a@example.org  Mon Nov 23 05:04:02 2026", "Return-Path: <a@example.org>"],
      quoteFrom: true,
      blankLine: true,
    },
    messageSize: lines.join("\n").length,
    standard: "5.2.0",
    accept() {},
  };
}

function temporaryDirectory(): string {
  return Deno.makeTempDirSync({ prefix: "postel-mailbox-" });
}

const MESSAGE = ["Subject: x", "", "one", "From two", "three"];
const STORED = "From a@example.org  Mon Nov 23 05:04:02 2026\nReturn-Path: <a@example.org>\n" +
  "Subject: x\n\none\n>From two\nthree\n\n";

Deno.test("mbox: remains of the same message, left by a crash, are cut off wherever it stopped", async () => {
  const directory = temporaryDirectory();
  const earlier = "From x  Mon Nov 23 05:04:01 2026\nold\n\n";
  for (let length = 40; length < STORED.length; length += 7) {
    const path = `${directory}/${length}`;
    // The attempt that broke off was made at another time.
    const remains = STORED.slice(0, length).replace("05:04:02", "04:11:59");
    Deno.writeTextFileSync(path, earlier + remains);
    await appendToMbox(delivery(path, MESSAGE));
    assert.equal(Deno.readTextFileSync(path), earlier + STORED, `after ${length} octets`);
  }
  Deno.removeSync(directory, { recursive: true });
});

Deno.test("mbox: other messages, whole copies and unfinished lines of others stay", async () => {
  const directory = temporaryDirectory();
  for (const before of [STORED, "no end", STORED.replace("one", "ONE").slice(0, -3), "", "From b  x\n"]) {
    const path = `${directory}/box`;
    Deno.writeTextFileSync(path, before);
    await appendToMbox(delivery(path, MESSAGE));
    assert.equal(Deno.readTextFileSync(path), before + STORED);
  }
  Deno.removeSync(directory, { recursive: true });
});

Deno.test("mbox: a limit leaves the file as it was", async () => {
  const directory = temporaryDirectory();
  const path = `${directory}/box`;
  Deno.writeTextFileSync(path, "From x\nold\n\n");
  await assert.rejects(appendToMbox(delivery(path, MESSAGE, { sizeLimit: 60 })), { status: "5.2.2" });
  assert.equal(Deno.readTextFileSync(path), "From x\nold\n\n");
  assert.deepEqual([...Deno.readDirSync(directory)].map(({ name }) => name), ["box"]);
  Deno.removeSync(directory, { recursive: true });
});

Deno.test("mbox: many deliveries at once follow each other, whatever the locks", async () => {
  const directory = temporaryDirectory();
  const path = `${directory}/box`;
  for (const locks of [["fcntl"], ["flock"], ["dotlock"], ["fcntl", "flock", "dotlock"]]) {
    const all = Array.from(
      { length: 20 },
      () => appendToMbox(delivery(path, MESSAGE, { locks: new Set(locks) })),
    );
    await Promise.all(all);
    assert.equal(Deno.readTextFileSync(path), STORED.repeat(20));
    Deno.removeSync(path);
  }
  Deno.removeSync(directory, { recursive: true });
});

Deno.test("mbox: somebody's lock file holds for its time, another program's flock too", async () => {
  const directory = temporaryDirectory();
  const path = `${directory}/box`;
  Deno.writeTextFileSync(`${path}.lock`, "1");
  await assert.rejects(
    appendToMbox(delivery(path, MESSAGE)),
    (error) =>
      error instanceof MailboxError && error.status === "4.2.0" &&
      /lock file .*: File exists/.test(error.reason),
  );
  assert.equal(Deno.readTextFileSync(`${path}.lock`), "1");
  await new Promise((done) => setTimeout(done, 20));
  await appendToMbox(delivery(path, MESSAGE, { staleLockTime: 0 }));
  const other = Deno.openSync(path);
  other.lockSync(true);
  await assert.rejects(appendToMbox(delivery(path, MESSAGE, { locks: new Set(["flock"]) })), {
    status: "4.2.0",
  });
  other.close();
  assert.equal(Deno.readTextFileSync(path), STORED);
  Deno.removeSync(directory, { recursive: true });
});

Deno.test("mbox: links and second names are refused, the target stays as it is", async () => {
  const directory = temporaryDirectory();
  Deno.writeTextFileSync(`${directory}/target`, "keep");
  Deno.chmodSync(directory, 0o777);
  Deno.symlinkSync(`${directory}/target`, `${directory}/link`);
  Deno.linkSync(`${directory}/target`, `${directory}/hard`);
  await assert.rejects(appendToMbox(delivery(`${directory}/hard`, MESSAGE)), /file has 2 hard links/);
  Deno.removeSync(`${directory}/hard`);
  await assert.rejects(appendToMbox(delivery(`${directory}/link`, MESSAGE)), /file is a symbolic link/);
  assert.equal(Deno.readTextFileSync(`${directory}/target`), "keep");
  Deno.removeSync(directory, { recursive: true });
});

Deno.test("Maildir: 200 messages at once have names of their own, nothing stays in tmp", async () => {
  const directory = temporaryDirectory();
  const syncs = new GroupSync();
  const deliver = () =>
    deliverToMaildir({
      directory: `${directory}/Maildir`,
      user,
      reader: reader(["Subject: x", "", "long \\", "line"]),
      form: { prepend: ["Return-Path: <>"] },
      sizeLimit: 0,
      standard: "5.2.0",
      warn() {},
      sync: (fd) => syncs.sync(fd),
    });
  await Promise.all(Array.from({ length: 200 }, deliver));
  const names = [...Deno.readDirSync(`${directory}/Maildir/new`)].map(({ name }) => name);
  assert.equal(new Set(names).size, 200);
  assert.equal(
    Deno.readTextFileSync(`${directory}/Maildir/new/${names[0]}`),
    "Return-Path: <>\nSubject: x\n\nlong line\n",
  );
  assert.deepEqual([...Deno.readDirSync(`${directory}/Maildir/tmp`)], []);
  Deno.removeSync(directory, { recursive: true });
});

Deno.test("Delivered-To: folded, quoted, in any case; only in the header", () => {
  const content = reader([
    "Received: x",
    "DELIVERED-TO: Joe@Example.com",
    "Delivered-To:",
    '\t"odd one"@example.com',
    "",
    "Delivered-To: body@example.com",
  ]);
  assert.deepEqual([...deliveredAddresses(content)], ["joe@example.com", "odd one@example.com"]);
  assert.equal(content.next(), true);
});

Deno.test("errors of the system decide whether mail waits or goes back, in whatever form they come", () => {
  const status = (error: unknown) => {
    const { status, reason } = failed("error writing message", error, "5.3.0");
    return `${status} ${reason.replace("error writing message: ", "")}`;
  };
  const raised = (fields: object, text = "write failed") => Object.assign(new Error(text), fields);
  // A plain system call, node:fs, and the runtime's own classes.
  assert.equal(status(raised({ code: 122 })), "5.2.2 Disk quota exceeded");
  assert.equal(status(raised({ code: "EDQUOT", errno: -122 })), "5.2.2 Disk quota exceeded");
  assert.equal(status(raised({ code: "EDQUOT" })), "5.2.2 Disk quota exceeded");
  assert.equal(status(raised({ code: 27 })), "5.2.2 File too large");
  assert.equal(status(raised({ code: 28 })), "4.3.0 No space left on device");
  assert.equal(status(raised({}, "No space left on device (os error 28)")), "4.3.0 No space left on device");
  assert.equal(status(raised({ code: "EROFS", errno: -30 })), "4.3.0 Read-only file system");
  assert.equal(status(raised({ code: 11 })), "4.2.0 Resource temporarily unavailable");
  assert.equal(
    status(new Deno.errors.PermissionDenied("open x: Permission denied")),
    "5.3.0 Permission denied",
  );
  assert.equal(
    status(new Deno.errors.PermissionDenied("open x: Operation not permitted")),
    "5.3.0 Operation not permitted",
  );
  assert.equal(
    status(new Deno.errors.NotFound("open x: No such file or directory")),
    "5.3.0 No such file or directory",
  );
  assert.equal(status(raised({}, "what nobody knows")), "5.3.0 what nobody knows");
});
