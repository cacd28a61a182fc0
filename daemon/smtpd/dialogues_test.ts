/** Our answers beside those of a real Postfix 3.7.11 (testdata/smtpd), octet by octet, and the log lines too. */
import assert from "node:assert/strict";
import { base, groups } from "../../testdata/smtpd/cases.ts";
import { playDialogue } from "./dialogue_testing.ts";
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

for (const [group, { settings, dialogues }] of Object.entries(groups)) {
  Deno.test(`smtpd answers as Postfix does: ${group}`, async (test) => {
    const server = startSmtpd({ ...base, ...settings, mail_name: "Postfix" });
    try {
      for (const [title, pieces] of Object.entries(dialogues)) {
        const { answers, log } = withHelp(pieces, recorded[group]![title]!);
        await test.step(title, async () => {
          const before = server.sink.entries.length;
          const ours = await playDialogue(
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
