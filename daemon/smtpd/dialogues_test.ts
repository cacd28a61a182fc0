/** Our answers beside those of a real Postfix 3.7.11 (testdata/smtpd), octet by octet, and the log lines too. */
import assert from "node:assert/strict";
import { base, groups } from "../../testdata/smtpd/cases.ts";
import { startSmtpd } from "./testing.ts";

interface Recorded {
  readonly answers: readonly string[];
  readonly log: readonly string[];
}

const recorded = JSON.parse(
  Deno.readTextFileSync(new URL("../../testdata/smtpd/dialogues.json", import.meta.url)),
) as Record<string, Record<string, Recorded>>;

/** What differs from run to run or, as said in cases.ts, between the releases. */
function steady(text: string): string {
  return text.replace(/queued as [0-9A-F]{6,}/g, "queued as QUEUEID");
}

function steadyLog(line: string): string {
  return line
    .replace(/^(warning: )?[0-9A-F]{10,}: /, "$1QUEUEID: ")
    // Since 3.10 these lines begin with the queue id or NOQUEUE.
    .replace(/^(?:QUEUEID|NOQUEUE): ((?:lost connection|timeout|too many errors) after)/, "$1");
}

function octets(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

/** What differs from Postfix on purpose: HELP has an answer, and counts as a command that is known. */
function withHelp(pieces: readonly string[], { answers, log }: Recorded): Recorded {
  const at = pieces.findIndex((piece) => piece.startsWith("HELP"));
  if (at < 0) return { answers, log };
  const help =
    "214 2.0.0 Commands: HELO EHLO STARTTLS AUTH MAIL RCPT DATA BDAT RSET NOOP VRFY ETRN HELP QUIT\r\n";
  const counts = / quit=1 unknown=0\/(\d+) commands=(\d+)\//;
  return {
    answers: answers.with(at + 1, help),
    log: log.map((line) =>
      line.replace(
        counts,
        (_, unknown, known) =>
          ` help=1 quit=1 unknown=0/${Number(unknown) - 1} commands=${Number(known) + 1}/`,
      )
    ),
  };
}

/** Milliseconds of silence after which a dialogue counts as stuck. */
const SILENCE = 3000;

/** Plays a dialogue; after each piece waits for as many octets as Postfix sent, or for the end. */
async function play(port: number, pieces: readonly string[], expected: readonly string[]): Promise<string[]> {
  const conn = await Deno.connect({ hostname: "127.0.0.1", port });
  const answers: string[] = [];
  const buffer = new Uint8Array(65536);
  let closed = false;
  const receive = async (count: number) => {
    let text = "";
    // A server that says less than expected must not hang the test; the comparison shows what is missing.
    const patience = setTimeout(() => conn.close(), SILENCE);
    while (text.length < count && !closed) {
      const length = await conn.read(buffer).catch(() => null);
      if (length === null) closed = true;
      else for (let i = 0; i < length; i++) text += String.fromCharCode(buffer[i]!);
    }
    clearTimeout(patience);
    return text;
  };
  try {
    answers.push(await receive(expected[0]!.length));
    for (let i = 1; i < expected.length - 1 && !closed; i++) {
      await conn.write(octets(pieces[i - 1]!)).catch(() => 0);
      answers.push(await receive(expected[i]!.length));
    }
    const end = expected[expected.length - 1]!;
    if (end === "CLOSED" && !closed) answers[answers.length - 1] += await receive(Infinity);
    answers.push(closed ? "CLOSED" : "OPEN");
  } finally {
    try {
      conn.close();
    } catch {
      // Closed out of impatience.
    }
  }
  return answers;
}

for (const [group, { settings, dialogues }] of Object.entries(groups)) {
  Deno.test(`smtpd answers as Postfix does: ${group}`, async (test) => {
    const server = startSmtpd({ ...base, ...settings, mail_name: "Postfix" });
    try {
      for (const [title, pieces] of Object.entries(dialogues)) {
        const { answers, log } = withHelp(pieces, recorded[group]![title]!);
        await test.step(title, async () => {
          const before = server.sink.entries.length;
          const ours = await play(
            server.port,
            pieces,
            answers.map((text) => text.replaceAll("QUEUEID", "ABCD0000000")),
          );
          await server.idle();
          const lines = server.sink.lines().slice(before);
          // Postfix waits for other processes at times; only what came counts, not in which silence.
          assert.deepEqual(joinQuiet(ours.map(steady)), joinQuiet([...answers]));
          assert.deepEqual(lines.map(steadyLog), log.map((line) => steadyLog(line)));
        });
      }
    } finally {
      await server.close();
    }
  });
}

/** Pieces without an answer are joined with the next one. */
function joinQuiet(answers: readonly string[]): string[] {
  return answers.filter((answer) => answer !== "");
}
