import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { ByteBuffer } from "../core/bytes/mod.ts";
import { appendTextRecord, formatSizeRecord, RecordType, SIZE_RECORD_LENGTH } from "../core/queue/mod.ts";
import { selfCommand } from "../core/system/mod.ts";

/** A queue file as cleanup writes it. */
function queueFile(seconds: number, sender: string, recipients: readonly string[]): Uint8Array {
  const head = new ByteBuffer();
  appendTextRecord(head, RecordType.Time, `${seconds} 1`);
  appendTextRecord(head, RecordType.Sender, sender);
  for (const recipient of recipients) appendTextRecord(head, RecordType.Recipient, recipient);
  appendTextRecord(head, RecordType.Message, "");
  const content = new ByteBuffer();
  appendTextRecord(content, RecordType.Normal, "Subject: not a record R");
  appendTextRecord(content, RecordType.Normal, "R".repeat(300));
  const tail = new ByteBuffer();
  appendTextRecord(tail, RecordType.Extracted, "");
  appendTextRecord(tail, RecordType.End, "");
  const size = formatSizeRecord({
    contentSize: content.length,
    contentOffset: SIZE_RECORD_LENGTH + head.length,
    recipientCount: recipients.length,
    hints: 0,
    messageSize: content.length,
    sendopts: 0,
  });
  const file = new ByteBuffer();
  for (const part of [size, head.view(), content.view(), tail.view()]) file.append(part);
  return file.toBytes();
}

/** A queue with messages of all ages; every domain has another count, so that their order is certain. */
function makeQueue(): string {
  const directory = Deno.makeTempDirSync({ prefix: "postel-qshape-" });
  for (const name of ["etc", "incoming", "active/A", "deferred"]) {
    Deno.mkdirSync(`${directory}/${name}`, { recursive: true });
  }
  Deno.writeTextFileSync(
    `${directory}/etc/main.cf`,
    `compatibility_level = 3.6\nqueue_directory = ${directory}\n`,
  );
  const now = Math.floor(Date.now() / 1000);
  let serial = 0;
  const put = (
    queue: string,
    minutes: number,
    sender: string,
    recipients: readonly string[],
    mode = 0o700,
  ) => {
    const path = `${directory}/${queue}/ABC${String(serial++).padStart(6, "0")}`;
    Deno.writeFileSync(path, queueFile(now - minutes * 60 - 30, sender, recipients));
    Deno.chmodSync(path, mode);
  };
  for (let count = 0; count < 12; count++) put("incoming", count * 7, "a@sender.example", ["x@many.example"]);
  for (let count = 0; count < 7; count++) {
    put("active/A", 5 * 2 ** count, "", [
      `x@sub${count}.parent.example`,
      "y@LONG.Domain-Name-Of-Many-Letters.example.com",
    ]);
  }
  put("deferred", 4000, "b@other.example", ["z@deferred.example"]);
  put("incoming", 1, "c@unfinished.example", ["u@unfinished.example"], 0o600);
  Deno.writeTextFileSync(`${directory}/etc/master.cf`, "");
  return directory;
}

function ours(directory: string, args: readonly string[]): string {
  const { program, args: words } = selfCommand("qshape", "-c", `${directory}/etc`, ...args);
  const { stdout, stderr } = new Deno.Command(program, { args: words }).outputSync();
  return new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
}

/** Domains with the same count stand in any order: compared as a set of lines, the heading first. */
function normalized(text: string): string[] {
  const [heading = "", ...lines] = text.split("\n");
  return [heading, ...lines.sort()];
}

Deno.test({
  name: "qshape counts and prints as Postfix's does",
  ignore: !existsSync("/usr/sbin/qshape") || !existsSync("/usr/sbin/postconf"),
  fn() {
    const directory = makeQueue();
    try {
      for (
        const args of [
          [],
          ["-s"],
          ["-p"],
          ["-p", "-m", "2"],
          ["-l"],
          ["-b", "3"],
          ["-b", "5", "-t", "1"],
          [
            "-w",
            "120",
          ],
          ["deferred"],
          [`${directory}/incoming`],
          ["-l", "-b", "20", "active"],
        ]
      ) {
        // It calls postconf, and an ordinary user's PATH has neither of them.
        const { stdout } = new Deno.Command("/usr/sbin/qshape", {
          args: ["-c", `${directory}/etc`, ...args],
          env: { PATH: "/usr/sbin:/usr/bin:/bin" },
        }).outputSync();
        assert.deepEqual(
          normalized(ours(directory, args)),
          normalized(new TextDecoder().decode(stdout)),
          args.join(" "),
        );
      }
    } finally {
      Deno.removeSync(directory, { recursive: true });
    }
  },
});

Deno.test("qshape --json", () => {
  const directory = makeQueue();
  try {
    Deno.writeTextFileSync(`${directory}/incoming/NOTAQUEUEFILE`, "text");
    Deno.chmodSync(`${directory}/incoming/NOTAQUEUEFILE`, 0o700);
    const shape = JSON.parse(ours(directory, ["--json", "-b", "3"])) as {
      total: number;
      age_limits: (number | null)[];
      skipped_files: number;
      domains: { domain: string; total: number; ages: number[] }[];
    };
    assert.equal(shape.total, 26);
    assert.deepEqual(shape.age_limits, [5, 10, null]);
    assert.equal(shape.skipped_files, 1);
    assert.deepEqual(shape.domains[0], { domain: "many.example", total: 12, ages: [1, 1, 10] });
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
});
