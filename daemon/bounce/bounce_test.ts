import assert from "node:assert/strict";
import { decodeText } from "../../core/bytes/mod.ts";
import { type Config, configFromText } from "../../core/config/mod.ts";
import { Logger, memorySink } from "../../core/log/mod.ts";
import { openQueue, readRecords, RecordType } from "../../core/queue/mod.ts";
import { CASES, MESSAGES, SETTINGS } from "../../testdata/dsn/cases.ts";
import { CleanupFlag, type CleanupService } from "../cleanup/types.ts";
import { type BounceService, type BounceTarget, SendOption } from "../delivery/types.ts";
import { createBounce, createBounceClient, serveBounce } from "./mod.ts";

const DATA = `${import.meta.dirname}/../../testdata/dsn`;

interface Notice {
  readonly id: string;
  readonly sender: string;
  readonly recipient: string;
  readonly content: readonly string[];
}
interface Recorded {
  readonly name: string;
  readonly queueId: string;
  readonly log: readonly string[];
  readonly notices: readonly Notice[];
}

const recorded = new Map(
  (JSON.parse(Deno.readTextFileSync(`${DATA}/notices.json`)) as Recorded[]).map((each) => [each.name, each]),
);

/** A cleanup service that keeps what it is given. */
function capture(notices: Notice[]): CleanupService {
  return {
    begin() {
      const id = `NEW${notices.length + 1}`;
      const lines: string[] = [];
      const envelope = { sender: "", recipient: "" };
      let line = "";
      return {
        queueId: id,
        write(records) {
          for (const { type, data } of readRecords(records)) {
            const text = decodeText(data);
            if (type === RecordType.Sender) envelope.sender = text;
            else if (type === RecordType.Recipient) envelope.recipient = text;
            else if (type === RecordType.Continued) line += text;
            else if (type === RecordType.Normal) {
              lines.push(line + text);
              line = "";
            }
          }
        },
        finish() {
          notices.push({ id, ...envelope, content: lines });
          return Promise.resolve({ status: 0, reason: "" });
        },
        abort() {},
      };
    },
  };
}

const UNAVAILABLE = "\t--- Undelivered message unavailable ---";

function boundaryOf(content: readonly string[]): string {
  return content.map((line) => /^\tboundary="(.*)"$/.exec(line)?.[1]).find((found) => found !== undefined)!;
}

/** Dates in notices are in the local time zone; the recording was made in UTC. */
const LOCAL_DATE = /\w{3}, +\d+ \w{3} \d{4} [\d:]{8} [+-]\d{4} \(\w+\)/;

/** Leaves out what differs from run to run, and what cleanup adds. */
function comparable(notice: Notice): unknown {
  const from = notice.content.findIndex((line) => line.startsWith("From: "));
  const content = notice.content.slice(from)
    .map((line) => line.replace(/\.\d{9,}\/mail\.example\.com/, ".TIME/mail.example.com"))
    .map((line) => line.replace(LOCAL_DATE, (date) => new Date(date).toISOString()));
  const messageId = content.findIndex((line) => line.startsWith("Message-Id: "));
  if (messageId !== -1 && messageId < content.indexOf("")) content.splice(messageId, 1);
  while (content.at(-1) === "") content.pop();
  // Postfix leaves the last boundary out if it can't return the message.
  if (content.at(-1) === UNAVAILABLE) content.push("", `--${boundaryOf(content)}--`);
  return { sender: notice.sender, recipient: notice.recipient, content };
}

function withoutIds(log: readonly string[], notices: readonly Notice[]): string[] {
  return log.map((line) => notices.reduce((text, { id }, index) => text.replace(id, `#${index}`), line));
}

function testConfig(directory: string, settings: string): Config {
  const overrides = SETTINGS[settings]!.map(([name, value]) => `${name} = ${value}\n`).join("");
  const text = Deno.readTextFileSync(`${DATA}/main.cf`) + `queue_directory = ${directory}\n${overrides}`;
  return configFromText(text, { directory: DATA });
}

/** A queue directory with the recorded messages on hold. */
function makeQueue(): string {
  const directory = Deno.makeTempDirSync({ prefix: "bounce-test-" });
  for (const name of ["hold", "deferred", "bounce", "defer", "trace"]) Deno.mkdirSync(`${directory}/${name}`);
  for (const file of Deno.readDirSync(`${DATA}/queue`)) {
    Deno.copyFileSync(`${DATA}/queue/${file.name}`, `${directory}/hold/${file.name}`);
    Deno.chmodSync(`${directory}/hold/${file.name}`, 0o700);
  }
  return directory;
}

async function runCase(
  each: (typeof CASES)[number],
  use: (service: BounceService, work: (service: BounceService) => Promise<void>) => Promise<void>,
): Promise<void> {
  const expected = recorded.get(each.name);
  assert.ok(expected !== undefined, `${each.name}: not recorded; run record.ts`);
  const directory = makeQueue();
  try {
    const config = testConfig(directory, each.settings);
    const notices: Notice[] = [];
    const sink = memorySink();
    const service = createBounce({
      config,
      queue: openQueue(config),
      cleanup: capture(notices),
      log: new Logger(sink, "postfix/bounce"),
    });
    const target: BounceTarget = {
      flags: 0,
      queueName: "hold",
      queueId: expected.queueId,
      encoding: "",
      sendopts: 0,
      sender: "s@from.test",
      envelopeId: "",
      returnFlags: 0,
    };
    await use(service, (through) => each.run(through, target));
    assert.deepEqual(notices.map(comparable), expected.notices.map(comparable));
    assert.deepEqual(
      withoutIds(sink.lines(), notices).map((line) => line.replace(DATA, "SCRATCH/conf")),
      withoutIds(expected.log, expected.notices),
    );
    for (const log of ["bounce", "defer", "trace"]) {
      assert.deepEqual([...Deno.readDirSync(`${directory}/${log}`)].filter((entry) => entry.isFile), []);
    }
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
}

for (const each of CASES) {
  Deno.test(`bounce: ${each.name}: as Postfix`, () => runCase(each, (service, work) => work(service)));
}

Deno.test("bounce: through its sockets, client to server", async () => {
  for (const name of ["failed", "failed, VERP", "delayed", "success", "one"]) {
    await runCase(CASES.find((each) => each.name === name)!, async (service, work) => {
      const directory = Deno.makeTempDirSync({ prefix: "bounce-socket-" });
      const warnings: string[] = [];
      const listeners = (["bounce", "defer", "trace"] as const).map((log) => {
        const listener = Deno.listen({ transport: "unix", path: `${directory}/${log}` });
        const served = (async () => {
          for await (const connection of listener) {
            await serveBounce(connection, service, log, (text) => warnings.push(text));
            connection.close();
          }
        })();
        return { listener, served };
      });
      try {
        await work(createBounceClient(directory));
      } finally {
        for (const { listener, served } of listeners) {
          listener.close();
          await served;
        }
        Deno.removeSync(directory, { recursive: true });
      }
      assert.deepEqual(warnings, []);
    });
  }
});

Deno.test("bounce: all messages of the cases are recorded", () => {
  assert.equal([...Deno.readDirSync(`${DATA}/queue`)].length, Object.keys(MESSAGES).length);
});

Deno.test("bounce: mail that needed REQUIRETLS comes back without its content, and without that demand", async () => {
  const run = async (sendopts: number, settings: Readonly<Record<string, string>> = {}) => {
    const directory = makeQueue();
    try {
      const extra = Object.entries(settings).map(([name, value]) => `${name} = ${value}\n`).join("");
      const config = configFromText(
        `${Deno.readTextFileSync(`${DATA}/main.cf`)}queue_directory = ${directory}\n${extra}`,
        { directory: DATA },
      );
      const notices: Notice[] = [];
      const flags: number[] = [];
      const inner = capture(notices);
      const service = createBounce({
        config,
        queue: openQueue(config),
        cleanup: { begin: (given) => (flags.push(given), inner.begin(given)) },
        log: new Logger(memorySink(), "postfix/bounce"),
      });
      const each = CASES.find(({ name }) => name === "failed")!;
      const { queueId } = recorded.get(each.name)!;
      const target = {
        ...{ flags: 0, queueName: "hold", queueId, encoding: "", sendopts, sender: "s@from.test" } as const,
        ...{ envelopeId: "", returnFlags: 0 },
      };
      await each.run(service, target);
      const text = notices[0]!.content.join("\n");
      return {
        whole: text.includes("Content-Type: message/rfc822"),
        demand: (flags[0]! & CleanupFlag.RequireTls) !== 0,
        relaxed: /^TLS-Required: no$/m.test(text),
      };
    } finally {
      Deno.removeSync(directory, { recursive: true });
    }
  };
  const { RequireTls, TlsNotRequired } = SendOption;
  assert.deepEqual(await run(0), { whole: true, demand: false, relaxed: false });
  assert.deepEqual(await run(RequireTls), { whole: false, demand: false, relaxed: false });
  assert.deepEqual(await run(RequireTls, { requiretls_redact_dsn: "no" }), {
    whole: true,
    demand: true,
    relaxed: false,
  });
  assert.deepEqual(await run(TlsNotRequired), { whole: true, demand: false, relaxed: true });
  assert.deepEqual(await run(TlsNotRequired | RequireTls), { whole: false, demand: false, relaxed: false });
  assert.deepEqual(await run(TlsNotRequired, { tls_required_enable: "no" }), {
    whole: true,
    demand: false,
    relaxed: false,
  });
});
