import assert from "node:assert/strict";
import { ByteBuffer } from "../core/bytes/mod.ts";
import { loadConfig } from "../core/config/mod.ts";
import { Logger, memorySink } from "../core/log/mod.ts";
import {
  appendRecord,
  appendTextRecord,
  createQueueDirectories,
  fixedNumber,
  formatSizeRecord,
  openQueue,
  type Queue,
  RecordType,
} from "../core/queue/mod.ts";
import { createShowq } from "../daemon/showq/mod.ts";
import { canRunPostfix, privatePostfix, until } from "./postqueue_fixture.ts";

const NOTHING = new Uint8Array(0);

interface Draft {
  readonly sender: string;
  readonly recipients: readonly string[];
  readonly lines: readonly string[];
}

/** Writes a message as cleanup would, and gives it to the mail system's user. */
async function write(queue: Queue, draft: Draft): Promise<string> {
  const writer = queue.create("incoming");
  const out = new ByteBuffer();
  const size = { contentSize: 0, contentOffset: 0, recipientCount: 0, hints: 0, messageSize: 0, sendopts: 0 };
  out.append(formatSizeRecord(size));
  appendTextRecord(out, RecordType.Time, `${writer.created.seconds} ${writer.created.micros}`);
  appendTextRecord(out, RecordType.Attribute, `create_time=${writer.created.seconds}`);
  appendTextRecord(out, RecordType.Attribute, "rewrite_context=local");
  appendTextRecord(out, RecordType.Sender, draft.sender);
  if (draft.sender !== "") {
    appendTextRecord(out, RecordType.Warning, fixedNumber(writer.created.seconds + 14400));
  }
  for (const recipient of draft.recipients) {
    appendTextRecord(out, RecordType.Attribute, `dsn_orig_rcpt=rfc822;${recipient}`);
    appendTextRecord(out, RecordType.OriginalRecipient, recipient);
    appendTextRecord(out, RecordType.Recipient, recipient);
  }
  appendRecord(out, RecordType.Message, NOTHING);
  const contentOffset = out.length;
  for (const line of draft.lines) {
    for (let at = 0; line.length - at >= 2048; at += 2048) {
      appendTextRecord(out, RecordType.Continued, line.slice(at, at + 2048));
    }
    appendTextRecord(out, RecordType.Normal, line.slice(line.length - line.length % 2048));
  }
  const contentSize = out.length - contentOffset;
  appendRecord(out, RecordType.Extracted, NOTHING);
  appendRecord(out, RecordType.End, NOTHING);
  writer.append(out.view());
  writer.overwrite(
    0,
    formatSizeRecord({
      ...size,
      contentSize,
      contentOffset,
      recipientCount: draft.recipients.length,
      messageSize: contentSize,
    }),
  );
  await writer.commit();
  return writer.id;
}

const DRAFTS: readonly Draft[] = [
  {
    sender: "alice@example.com",
    recipients: ["bob@example.org"],
    lines: ["Received: by mx", "Subject: one", "", "Hello"],
  },
  {
    sender: "",
    recipients: ["joe smith@example.org", "büro@example.org", ".dot@example.net"],
    lines: [
      "Received: by mx",
      "Subject: long",
      "",
      "x".repeat(2048),
      "y".repeat(5000),
      "",
      ". dot",
    ],
  },
  {
    sender: 'a"quote@example.com',
    recipients: ["z@example.org"],
    lines: [
      "Received: by mx",
      " folded",
      "",
      ...Array.from({ length: 9000 }, (_, index) => `line ${index} ${"b".repeat(60)}`),
    ],
  },
];

Deno.test({
  name: "exchange: real postcat, postsuper and postqueue take the files that we write",
  ignore: !canRunPostfix,
  async fn() {
    const postfix = privatePostfix();
    try {
      const config = loadConfig({ directory: `${postfix.directory}/conf` });
      createQueueDirectories(config);
      for (const longIds of ["no", "yes"]) {
        postfix.set(`enable_long_queue_ids = ${longIds}`);
        const queue = openQueue(loadConfig({ directory: `${postfix.directory}/conf` }));
        const ids: string[] = [];
        for (const draft of DRAFTS) ids.push(await write(queue, draft));
        const entry = {
          action: "delayed",
          status: "4.4.1",
          reason: "connect to mx.example.org[192.0.2.1]:25: Connection refused",
        };
        const base = { dsnOriginal: "rfc822;x", notify: 0, offset: 300 };
        const recipient = { address: "joe smith@example.org", original: "joe smith@example.org", ...base };
        await queue.appendLog("defer", ids[1]!, { ...entry, recipient });
        queue.move(ids[1]!, "incoming", "deferred", Date.now() / 1000 + 3600);
        queue.move(ids[2]!, "incoming", "hold");
        postfix.giveAway();
        for (const id of ids) {
          for (const option of ["-e", "-h", "-b", "-o", "-d", "-v", "-r", "-bh", "-edo"]) {
            const [theirs, our] = await Promise.all([
              postfix.real("postcat", [option, "-q", id]),
              postfix.ours("postcat", [option, "-q", id]),
            ]);
            assert.equal(theirs.code, 0, theirs.stderr);
            assert.equal(our.stdout, theirs.stdout, `${option} ${id}`);
            assert.equal(our.code, 0);
          }
        }
        const check = await postfix.real("postsuper", [longIds === "yes" ? "-S" : "-s"]);
        assert.deepEqual(check, { code: 0, stdout: "", stderr: "" });
        for (const id of ids) assert.equal((await postfix.real("postcat", ["-e", "-q", id])).code, 0);
        const theirs = await postfix.real("postqueue", ["-p"]);
        const our = await postfix.ours("postqueue", ["-p"]);
        assert.equal(our.stdout, theirs.stdout);
        assert.match(theirs.stdout, /"joe smith"@example\.org/);
        await postfix.real("postsuper", ["-d", "ALL"]);
        assert.equal((await postfix.ours("postqueue", ["-p"])).stdout, "Mail queue is empty\n");
        const site = ["-s", "example.net"];
        assert.deepEqual(await postfix.ours("postqueue", site), await postfix.real("postqueue", site));
      }
    } finally {
      await postfix.remove();
    }
  },
});

Deno.test({
  name: "exchange: real postqueue reads our showq",
  ignore: !canRunPostfix,
  async fn() {
    const postfix = privatePostfix();
    postfix.set("postel_wire_level = 3.7");
    const config = loadConfig({ directory: `${postfix.directory}/conf` });
    createQueueDirectories(config);
    const queue = openQueue(config);
    for (const draft of DRAFTS) await write(queue, draft);
    const listener = Deno.listen({ transport: "unix", path: `${postfix.queue}/public/showq` });
    const serving = (async () => {
      const showq = createShowq({ queue, config, log: new Logger(memorySink(), "postfix/showq") });
      for await (const connection of listener) {
        await showq.serve(connection);
        connection.close();
      }
    })();
    try {
      const theirs = await postfix.real("postqueue", ["-p"]);
      assert.equal(theirs.code, 0, theirs.stderr);
      assert.equal(theirs.stderr.includes("directly"), false);
      assert.equal((await postfix.ours("postqueue", ["-p"])).stdout, theirs.stdout);
      const json = await postfix.real("postqueue", ["-j"]);
      assert.equal((await postfix.ours("postqueue", ["-j"])).stdout, json.stdout);
      assert.equal(json.stdout.split("\n").length, DRAFTS.length + 1);
    } finally {
      listener.close();
      await serving;
      await postfix.remove();
    }
  },
});

Deno.test({
  name: "exchange: our tools work on a running Postfix",
  ignore: !canRunPostfix,
  async fn() {
    const postfix = privatePostfix();
    const listed = async (): Promise<Map<string, string>> => {
      const { stdout } = await postfix.real("postqueue", ["-j"]);
      const lines = stdout.split("\n").filter((line) => line !== "").map((line) => JSON.parse(line));
      return new Map(lines.map((message) => [message.queue_id, message.queue_name]));
    };
    const attempts = () => postfix.log().split("status=deferred").length - 1;
    try {
      await postfix.start();
      for (let count = 0; count < 6; count++) {
        const args = ["-f", `u${count}@example.com`, `r${count}@example.org`];
        await postfix.real("sendmail", args, `Subject: ${count}\n\nHello\n`);
      }
      await until(
        "six deferred messages",
        async () => [...(await listed()).values()].filter((name) => name === "deferred").length === 6,
      );
      const [a, b, c, d, e, f] = [...(await listed()).keys()] as [
        string,
        string,
        string,
        string,
        string,
        string,
      ];

      assert.equal(
        (await postfix.ours("postqueue", ["-p"])).stdout,
        (await postfix.real("postqueue", ["-p"])).stdout,
      );
      const json = await postfix.ours("postqueue", ["-j"]);
      assert.equal(json.stdout, (await postfix.real("postqueue", ["-j"])).stdout);

      // Delivery on demand: one message, one site, all.
      let before = attempts();
      assert.deepEqual(await postfix.ours("postqueue", ["-i", f]), { code: 0, stdout: "", stderr: "" });
      await until("an attempt after -i", () => attempts() > before);
      await until(
        "all deferred",
        async () => [...(await listed()).values()].every((name) => name === "deferred"),
      );
      before = attempts();
      assert.equal((await postfix.ours("postqueue", ["-s", "example.org"])).code, 0);
      await until("attempts after -s", () => attempts() >= before + 6);
      await until(
        "all deferred",
        async () => [...(await listed()).values()].every((name) => name === "deferred"),
      );
      before = attempts();
      assert.equal((await postfix.ours("postqueue", ["-f"])).code, 0);
      await until("attempts after -f", () => attempts() >= before + 6);
      await until(
        "all deferred",
        async () => [...(await listed()).values()].every((name) => name === "deferred"),
      );
      const denied = await postfix.ours("postqueue", ["-s", "example.net"]);
      assert.deepEqual(denied, await postfix.real("postqueue", ["-s", "example.net"]));
      assert.equal(denied.code, 69);

      const done = await postfix.ours("postsuper", ["-d", a, "-h", b, "-h", c, "-H", c, "-e", d, "-r", e]);
      assert.equal(
        done.stderr,
        [
          `${a}: removed`,
          `${b}: placed on hold`,
          `${c}: placed on hold`,
          `${c}: released from hold`,
          `${d}: expired`,
          `${e}: requeued`,
          "Requeued: 1 message",
          "Deleted: 1 message",
          "Force-expired: 1 message",
          "Placed on hold: 2 messages",
          "Released from hold: 1 message",
        ].map((line) => `postsuper: ${line}\n`).join(""),
      );
      const after = await listed();
      assert.deepEqual(
        [a, b, c, d, e].map((id) => after.get(id)),
        [undefined, "hold", "deferred", "deferred", "maildrop"],
      );
      assert.match((await postfix.real("postqueue", ["-p"])).stdout, new RegExp(`^${d}#`, "m"));
      for (const option of ["-e", "-bh", "-o", "-v", "-d"]) {
        const shown = await postfix.ours("postcat", [option, "-q", b]);
        assert.equal(shown.stdout, (await postfix.real("postcat", [option, "-q", b])).stdout, option);
        assert.equal(shown.code, 0, shown.stderr);
      }
      // pickup takes the requeued message when it is woken, under a new id.
      assert.equal((await postfix.ours("postkick", ["public", "pickup", "W"])).code, 0);
      await until("pickup", async () => !(await listed()).has(e));
      assert.match(postfix.log(), new RegExp(`orig_id=${e}`));
      assert.match(postfix.log(), new RegExp(`postfix/postsuper\\[\\d+\\]: ${a}: removed`));

      // A line through postlogd, and mail from our sendmail and postdrop.
      assert.equal((await postfix.ours("postlog", ["-t", "postfix/script", "hello from our side"])).code, 0);
      await until("postlogd", () => /postfix\/script\[\d+\]: hello from our side/.test(postfix.log()));
      const nobody = await postfix.ours("sendmail", ["-t"], "Subject: to nobody\n\nx\n");
      assert.deepEqual(nobody, await postfix.real("sendmail", ["-t"], "Subject: to nobody\n\nx\n"));
      const sent = await postfix.ours(
        "sendmail",
        ["-f", "mine@example.com", "-t"],
        "To: r7@example.org\n\nx\n",
      );
      assert.deepEqual(sent, { code: 0, stdout: "", stderr: "" });
      await until("our message", () => /to=<r7@example\.org>.*status=deferred/.test(postfix.log()));
      assert.match(postfix.log(), /postfix\/pickup\[\d+\]: [0-9A-F]+: uid=0 from=<mine@example\.com>/);
    } finally {
      await postfix.remove();
    }
  },
});

Deno.test({
  name:
    "exchange: our structure check agrees with the real one, and repairs what was restored from elsewhere",
  ignore: !canRunPostfix,
  async fn() {
    const postfix = privatePostfix();
    try {
      const config = loadConfig({ directory: `${postfix.directory}/conf` });
      createQueueDirectories(config);
      const queue = openQueue(config);
      const id = await write(queue, DRAFTS[0]!);
      // A copy has another inode number; a foreign file is left alone.
      const copy = `${postfix.queue}/incoming/ABCDE999`;
      Deno.copyFileSync(queue.path("incoming", id), copy);
      Deno.chmodSync(copy, 0o700);
      postfix.giveAway();
      Deno.symlinkSync("/etc/passwd", `${postfix.queue}/incoming/LINK12345`);
      Deno.mkdirSync(`${postfix.queue}/incoming/lost+found`);
      Deno.writeTextFileSync(`${postfix.queue}/incoming/lost+found/x`, "");
      Deno.writeTextFileSync(`${postfix.queue}/incoming/bad name`, "");
      const strange = [
        "BADNAME",
        "0BADNAME",
        "ABCDEZ1",
        "ABCD",
        "4XYZabc1234zDEF",
        "123456789012345678901234",
      ];
      for (const name of strange) {
        Deno.writeTextFileSync(`${postfix.queue}/incoming/${name}`, "x", { mode: 0o700 });
      }
      const fixed = `ABCDE${Deno.statSync(copy).ino!.toString(16).toUpperCase()}`;
      const first = await postfix.ours("postsuper", ["-s"]);
      assert.equal(first.code, 0, first.stderr);
      assert.match(first.stderr, /Renamed to match inode number: 1 message\n/);
      assert.match(first.stderr, /skipping incoming\/LINK12345/);
      assert.match(first.stderr, /bogus file name: incoming\/bad name/);
      for (const name of strange) assert.ok(first.stderr.includes(`bogus file name: incoming/${name}\n`));
      assert.deepEqual([...queue.scan("incoming")].sort(), [fixed, id, ...strange].sort());
      assert.ok(Deno.lstatSync(`${postfix.queue}/incoming/LINK12345`).isSymlink);
      Deno.removeSync(`${postfix.queue}/incoming/LINK12345`);
      Deno.removeSync(`${postfix.queue}/incoming/bad name`);
      Deno.removeSync(`${postfix.queue}/incoming/lost+found`, { recursive: true });
      // The real one logs with its owner's rights: a log that root made is out of its reach.
      Deno.removeSync(`${postfix.directory}/data/maillog`);
      const again = await postfix.real("postsuper", ["-s"]);
      for (const name of strange) {
        assert.ok(again.stderr.includes(`bogus file name: incoming/${name}\n`), again.stderr);
        Deno.removeSync(`${postfix.queue}/incoming/${name}`);
      }
      postfix.set("hash_queue_names = incoming, deferred, defer");
      for (const depth of [2, 3, 1]) {
        postfix.set(`hash_queue_depth = ${depth}`);
        await postfix.ours("postsuper", ["-s"]);
        assert.deepEqual(await postfix.real("postsuper", ["-s"]), { code: 0, stdout: "", stderr: "" });
        const now = openQueue(loadConfig({ directory: `${postfix.directory}/conf` }));
        for (const name of [id, fixed]) assert.equal(now.stat("incoming", name)?.mode, 0o700);
      }
    } finally {
      await postfix.remove();
    }
  },
});
