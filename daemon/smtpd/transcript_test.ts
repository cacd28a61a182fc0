/** What the postmaster is told about sessions, beside a real Postfix 3.7.11 (testdata/smtpd/notices.json). */
import assert from "node:assert/strict";
import { startAuthServer } from "../../testdata/sasl/auth_server.ts";
import { base } from "../../testdata/smtpd/cases.ts";
import { CLASSES, noticeGroups, steadyNotice } from "../../testdata/smtpd/notice_cases.ts";
import { RecordCursor, RecordType } from "../../core/queue/mod.ts";
import { decodeText } from "../../core/bytes/mod.ts";
import { startFakeServer } from "../smtp/testing.ts";
import { memoryCleanup, startSmtpd, type StoredMessage } from "./testing.ts";

interface Recorded {
  readonly classes: readonly string[];
  readonly notices: readonly string[];
}

const recorded = JSON.parse(
  Deno.readTextFileSync(new URL("../../testdata/smtpd/notices.json", import.meta.url)),
) as Record<string, Record<string, Recorded>>;

/** What cleanup says to a message, where that is not "queued". */
const CLEANUP_ANSWERS: Readonly<Record<string, { readonly status: number; readonly reason: string }>> = {
  "too many hops": { status: 16, reason: "" },
  "content refused": { status: 8, reason: "5.7.1 bad header" },
};

/** Plays a dialogue, one piece after the answer to the other, and hangs up. */
async function play(port: number, pieces: readonly string[], staysOpen: boolean): Promise<void> {
  const conn = await Deno.connect({ hostname: "127.0.0.1", port });
  const buffer = new Uint8Array(65536);
  let open = true;
  const answer = async () => {
    for (let text = ""; open && !/^\d{3} .*\r\n$/m.test(text);) {
      const count = await conn.read(buffer).catch(() => null);
      if (count === null) open = false;
      else text += decodeText(buffer.subarray(0, count));
    }
  };
  await answer();
  for (const [at, piece] of pieces.entries()) {
    if (!open) break;
    await conn.write(Uint8Array.from(piece, (character) => character.charCodeAt(0))).catch(() => 0);
    if (at < pieces.length - 1) await answer();
  }
  if (open && !staysOpen) await conn.closeWrite().catch(() => {});
  while (open) await answer();
  conn.close();
}

const octets = (bytes: Uint8Array) => [...bytes].map((byte) => String.fromCharCode(byte)).join("");

/** A message in the form of the recording. */
function shown({ records }: StoredMessage): string {
  const lines: string[] = [];
  for (const cursor = new RecordCursor(records); cursor.next();) {
    const text = octets(records.subarray(cursor.start, cursor.end));
    if (cursor.type === RecordType.Sender) lines.push(`sender: ${text}`);
    else if (cursor.type === RecordType.Recipient) lines.push(`recipient: ${text}`);
    else if (cursor.type === RecordType.Normal) lines.push(text);
  }
  // Postfix has its own domain and a message id added by cleanup.
  return lines.map((line) => steadyNotice(line).replace(/\bpostmaster(>?)$/, "postmaster@mx.example.com$1"))
    .join("\n");
}

const isNotice = ({ records }: StoredMessage) => decodeText(records).includes(" SMTP server: errors from ");
/** Postfix shows passwords there. */
const asRecorded = (notice: string) =>
  notice.replace(/^Message-Id: .*\n/m, "").replace(/(In: {2}AUTH \w+) .*/, "$1 (not shown)").trimEnd();

for (const [name, { settings, dialogues }] of Object.entries(noticeGroups)) {
  Deno.test(`the postmaster is told what Postfix tells: ${name}`, async (test) => {
    const authentication = startAuthServer();
    const { filter: behaviour } = noticeGroups[name]!;
    const filter = behaviour === undefined || behaviour === "down" ? undefined : startFakeServer(behaviour);
    const notices = async (title: string, pieces: readonly string[], classes: string) => {
      const refusals = [CLEANUP_ANSWERS[title]].filter((answer) => answer !== undefined);
      const cleanup = memoryCleanup(() => refusals.shift() ?? { status: 0, reason: "" });
      const own = Object.entries(settings).map(([key, value]) =>
        [
          key,
          value.replace("@AUTH@", String(authentication.port)).replace(
            "@FILTER@",
            String(filter?.port ?? 79),
          ),
        ] as const
      );
      const server = startSmtpd(
        { ...base, ...Object.fromEntries(own), notify_classes: classes, mail_name: "Postfix" },
        { cleanup, ...(name === "space" ? { freeSpace: () => 1e6 } : {}) },
      );
      await play(server.port, pieces, name === "timeout");
      await server.idle();
      await server.close();
      return cleanup.stored.filter(isNotice).map(shown);
    };
    for (const [title, pieces] of Object.entries(dialogues)) {
      await test.step(title, async () => {
        const expected = recorded[name]![title]!;
        const asking: string[] = [];
        for (const each of CLASSES) if ((await notices(title, pieces, each)).length > 0) asking.push(each);
        assert.deepEqual(asking, expected.classes);
        assert.deepEqual(
          (await notices(title, pieces, CLASSES.join(", "))).map(asRecorded),
          expected.notices.map(asRecorded),
        );
      });
    }
    await authentication.close();
    await filter?.close();
  });
}
