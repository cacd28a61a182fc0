/** AUTH beside a real Postfix with the Cyrus library (testdata/sasl), octet by octet, with the log lines. */
import assert from "node:assert/strict";
import { setSasldbPassword } from "../../core/sasl/mod.ts";
import { applicationConfig, base, groups, users } from "../../testdata/sasl/cases.ts";
import { startSmtpd } from "./testing.ts";

const recorded = JSON.parse(
  Deno.readTextFileSync(new URL("../../testdata/sasl/dialogues.json", import.meta.url)),
) as Record<string, Record<string, { readonly answers: readonly string[]; readonly log: readonly string[] }>>;

function withUsers(): string {
  const directory = Deno.makeTempDirSync();
  Deno.writeTextFileSync(`${directory}/smtpd.conf`, applicationConfig.replaceAll("DIRECTORY", directory));
  for (const [user, password] of users) {
    setSasldbPassword(
      `${directory}/sasldb2`,
      user,
      base.myhostname!,
      new TextEncoder().encode(password),
      0o077,
    );
  }
  return directory;
}

async function play(port: number, pieces: readonly string[], expected: readonly string[]): Promise<string> {
  const conn = await Deno.connect({ hostname: "127.0.0.1", port });
  const buffer = new Uint8Array(65536);
  let text = "";
  const want = async (length: number) => {
    const patience = setTimeout(() => conn.close(), 3000);
    while (text.length < length) {
      const count = await conn.read(buffer).catch(() => null);
      if (count === null) break;
      text += new TextDecoder("latin1").decode(buffer.subarray(0, count));
    }
    clearTimeout(patience);
  };
  let length = expected[0]!.length;
  // The greeting may have been recorded with the next answer.
  await want(Math.max(1, length));
  for (const [index, piece] of pieces.entries()) {
    await conn.write(new TextEncoder().encode(piece)).catch(() => 0);
    length += expected[index + 1]?.length ?? 0;
    await want(length);
  }
  try {
    conn.close();
  } catch {
    // Closed out of impatience.
  }
  return text;
}

/** Leaves out what the recording client's haste added when the server was slow to greet. */
function inTime(line: string): boolean {
  return !line.startsWith("improper command pipelining after CONNECT");
}

function steadyLog(line: string): string {
  return line
    .replace(/^(warning: )?[0-9A-F]{10,}: /, "$1QUEUEID: ")
    .replace(/for service \S+/, "for service smtp")
    // Nothing of a response is shown here.
    .replace(/(request longer than 12288: )A+/, "$1");
}

for (const [group, { settings, dialogues }] of Object.entries(groups)) {
  Deno.test(`AUTH as Postfix does it: ${group}`, async (test) => {
    const directory = withUsers();
    const server = startSmtpd({
      ...base,
      ...settings,
      mail_name: "Postfix",
      cyrus_sasl_config_path: directory,
    });
    try {
      for (const [title, pieces] of Object.entries(dialogues)) {
        const { answers, log } = recorded[group]![title]!;
        await test.step(title, async () => {
          const before = server.sink.entries.length;
          const ours = await play(server.port, pieces, answers.slice(0, -1));
          await server.idle();
          assert.equal(ours, answers.slice(0, -1).join(""));
          assert.deepEqual(
            server.sink.lines().slice(before).map(steadyLog),
            log.filter(inTime).map(steadyLog),
          );
        });
      }
    } finally {
      await server.close();
      Deno.removeSync(directory, { recursive: true });
    }
  });
}
