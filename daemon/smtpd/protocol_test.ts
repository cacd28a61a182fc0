/**
 * Who the client is, the filter in front of the queue, and settings that change the protocol: our answers, log lines,
 * queue file records and what the filter gets, beside those of a real Postfix 3.7.11 (testdata/smtpd).
 */
import assert from "node:assert/strict";
import { decodeText } from "../../core/bytes/mod.ts";
import { RecordCursor } from "../../core/queue/mod.ts";
import { base } from "../../testdata/smtpd/cases.ts";
import { type Dialogue, protocolGroups } from "../../testdata/smtpd/protocol_cases.ts";
import { type FakeServer, startFakeServer } from "../smtp/testing.ts";
import { playDialogue } from "./dialogue_testing.ts";
import { loopbackResolver, startSmtpd, type StoredMessage } from "./testing.ts";

interface Recorded {
  readonly answers: readonly string[];
  readonly log: readonly string[];
  readonly records?: readonly (readonly string[])[];
  readonly filtered?: readonly {
    readonly commands: readonly string[];
    readonly messages: readonly string[];
  }[];
}

const recorded = JSON.parse(
  Deno.readTextFileSync(new URL("../../testdata/smtpd/protocol_dialogues.json", import.meta.url)),
) as Record<string, Record<string, Recorded>>;

/** What differs from run to run. */
function steady(text: string): string {
  return text
    .replace(/queued as [0-9A-F]{10,}/g, "queued as QUEUEID")
    .replace(/^(warning: )?[0-9A-F]{10,}: /, "$1QUEUEID: ")
    .replace(/\]:\d{4,5}(?=$| )/, "]:PORT")
    .replace(/ PORT=\d{4,5}/, " PORT=@CLIENT@")
    .replace(/127\.0\.0\.1, \d+: \w{3} \d\d [\d:]{8}/g, "127.0.0.1, PORT: TIME")
    // How much of an overlong header has arrived when it is refused.
    .replace(/z{20,}/, "zzz")
    .replace(/\w{3}, +\d+ \w{3} \d{4} [\d:]{8} [+-]\d{4} \(\w+\)/g, "DATE");
}

/** Since 3.10 these lines begin with the queue id or NOQUEUE. */
function steadyLog(line: string): string {
  return steady(line)
    .replace(/^(?:QUEUEID|NOQUEUE): ((?:lost connection|timeout|too many errors) after)/, "$1");
}

/** Envelope and Received: of a message as `postcat` shows them; records that differ from run to run are left out. */
function shown({ id, records }: StoredMessage): string[] {
  const cursor = new RecordCursor(records);
  const lines: string[] = [];
  let content = false;
  while (cursor.next()) {
    const text = decodeText(cursor.data()).replaceAll(id, "QUEUEID");
    const type = String.fromCharCode(cursor.type);
    if (type === "M") content = true;
    else if (content && type === "N") lines.push(text);
    else if (type === "A") lines.push(`named_attribute: ${text}`);
    else if (type === "S") lines.push(`sender: ${text}`);
    else if (type === "V") lines.push(`verp_delimiters: ${text}`);
    else if (type === "R") lines.push(`recipient: ${text}`);
  }
  return untilReceived(lines);
}

/** What belongs to smtpd alone. */
function untilReceived(lines: readonly string[]): string[] {
  const at = lines.findIndex((line) => line.startsWith("Received: "));
  let end = at + 1;
  while (lines[end]?.startsWith("\t")) end += 1;
  return lines.slice(0, end)
    .filter((line) => !/_port=\d{4,5}$/.test(line) && !line.startsWith("original_recipient: "))
    .map(steady);
}

/**
 * Only our own address has a name.
 * @param ready the name is not found before that, so that an early client has surely spoken
 */
const resolverAfter = (ready: Promise<void>) => ({
  ...loopbackResolver,
  async hostName(address: string) {
    await ready;
    if (address === "127.0.0.1") return ["localhost"];
    throw new Error("no name");
  },
});

/** Mistakes in tables are described in other words; Postfix names discarded keywords in some cases only. */
const OURS = /^(?:warning: )?(?:regexp |NOQUEUE: reject: VRFY)|^discarding EHLO keywords: 8BITMIME AUTH/;

/** Where we do something else on purpose, and what; the recorded dialogue is not compared then. */
const DIFFERENT: Readonly<Record<string, string>> = {
  "haproxy/TCP4 in two pieces": "we wait for the rest of a header",
  "proxy/garbage at the end": "we refuse the message for now and pass no garbage on",
};

/** Starts what plays the filter. A port where nobody listens is one that was free a moment ago. */
function startFilter(dialogue: Dialogue): FakeServer | undefined {
  return dialogue.filter === undefined
    ? undefined
    : startFakeServer(dialogue.filter === "down" ? {} : dialogue.filter);
}

for (const [group, { settings, dialogues }] of Object.entries(protocolGroups)) {
  Deno.test(`smtpd does as Postfix does: ${group}`, async (test) => {
    for (const [title, dialogue] of Object.entries(dialogues)) {
      const ignore = `${group}/${title}` in DIFFERENT;
      await test.step({
        name: title,
        ignore,
        fn: () => compare(settings, dialogue, recorded[group]![title]!),
      });
    }
  });
}

async function compare(
  settings: Readonly<Record<string, string>>,
  dialogue: Dialogue,
  expected: Recorded,
): Promise<void> {
  const filter = startFilter(dialogue);
  const port = String(filter?.port ?? 1);
  if (dialogue.filter === "down") await filter!.close();
  const adapted = Object.fromEntries(
    Object.entries({ ...base, ...settings }).map(([name, value]) => [name, value.replace("@PORT@", port)]),
  );
  const spoken = Promise.withResolvers<void>();
  // The event loop gets the time to notice what has arrived.
  const written = () => setTimeout(spoken.resolve, 30);
  if (dialogue.early !== true) spoken.resolve();
  const server = startSmtpd({ ...adapted, mail_name: "Postfix", notify_classes: "" }, {
    resolver: resolverAfter(spoken.promise),
  });
  const local = (text: string) => steady(text.replaceAll(`127.0.0.1:${port}`, "127.0.0.1:@PORT@"));
  try {
    const wanted = expected.answers.map((text) => text.replaceAll("QUEUEID", "ABCD0000000"));
    const answers = await playDialogue(server.port, dialogue.pieces, wanted, {
      early: dialogue.early,
      written,
    });
    await server.idle();
    const quiet = (answer: string) => answer !== "";
    assert.deepEqual(answers.map(steady).filter(quiet), expected.answers.map(steady).filter(quiet));
    const lines = (log: readonly string[]) =>
      log.map(local).map(steadyLog).filter((line) => !OURS.test(line));
    assert.deepEqual(lines(server.sink.lines()), lines(expected.log));
    assert.deepEqual(
      server.cleanup.stored.map(shown),
      (expected.records ?? []).map(untilReceived),
    );
    if (filter !== undefined && dialogue.filter !== "down") {
      const got = filter.sessions.map(({ commands, messages }) => ({
        commands: commands.map(local),
        messages: messages.map(steady),
      }));
      const wantedThere = (expected.filtered ?? []).map(({ commands, messages }) => ({
        commands: commands.map(steady),
        messages: messages.map(steady),
      }));
      assert.deepEqual(got, wantedThere);
    }
  } finally {
    await server.close();
    await filter?.close();
  }
}
