import assert from "node:assert/strict";
import process from "node:process";
import { decodeText, encodeText } from "../core/bytes/mod.ts";
import { readRecords } from "../core/queue/mod.ts";
import { cases, type SendmailCase, type SendmailOutcome } from "../testdata/sendmail/cases.ts";
import { command, instance } from "./sendmail_testing.ts";
import golden from "../testdata/sendmail/golden.json" with { type: "json" };

/** The recorded answers are root's. */
const isRoot = process.geteuid?.() === 0;
/** Programs running side by side. */
const AT_ONCE = 4;

async function run(test: SendmailCase): Promise<SendmailOutcome> {
  const directory = instance(test.config ?? {});
  const { code, stdout, stderr } = await command("sendmail", test.args, encodeText(test.input ?? ""), {
    MAIL_CONFIG: directory,
    ...test.env,
  });
  const files = [...Deno.readDirSync(`${directory}/maildrop`)].map(({ name }) =>
    [...readRecords(Deno.readFileSync(`${directory}/maildrop/${name}`))].map(({ type, data }) =>
      type === 0x54 ? "TNOW" : String.fromCharCode(type) + decodeText(data)
    )
  );
  Deno.removeSync(directory, { recursive: true });
  return { code, stdout, stderr, files };
}

/** What is known to differ, and why. */
function comparable(name: string, outcome: SendmailOutcome): SendmailOutcome {
  const stderr = outcome.stderr
    // Which program of the two says it.
    .replaceAll(/^(sendmail|postdrop): warning: unable to look up/gm, "warning: unable to look up")
    // Real getopt(3) runs twice.
    .replace(/^(sendmail: (?:invalid option|option requires)[^\n]*\n)\1/, "$1")
    // How the size limit of a file shows in real Postfix's stream library.
    .replace(
      /^postdrop: warning: uid=0: File too large\nsendmail: warning: mail_stream_cleanup: close error\n/,
      "",
    );
  const files = outcome.files.map((file) =>
    // Line ends in a full name are refused by later releases; here they become blanks.
    name === "full name line end" ? file.map((record) => record.replace(/[\r\n]/g, " ")) : file
  );
  return { ...outcome, stderr, files };
}

const usable = cases.filter(({ name }) =>
  // Options that run another command are tested with that command.
  name !== "-qR and -qI"
);

for (let first = 0; first < usable.length; first += AT_ONCE) {
  const group = usable.slice(first, first + AT_ONCE);
  Deno.test({
    name: `sendmail as Postfix does: ${group.map(({ name }) => name).join("; ")}`,
    ignore: !isRoot,
    async fn() {
      await Promise.all(group.map(async (test) => {
        const expected = (golden as Record<string, SendmailOutcome>)[test.name]!;
        assert.deepEqual(
          comparable(test.name, await run(test)),
          comparable(test.name, expected),
          test.name,
        );
      }));
    },
  });
}

Deno.test("mailq: wrong use is answered as by sendmail, whose other name it is", async () => {
  const directory = instance({});
  const asked = (...args: string[]) => command("mailq", args, new Uint8Array(), { MAIL_CONFIG: directory });
  const usage = "mailq: fatal: usage: mailq [options]\n";
  assert.deepEqual(await asked("-Z"), {
    code: 75,
    stdout: "",
    stderr: `mailq: invalid option -- 'Z'\n${usage}`,
  });
  assert.deepEqual(await asked("somebody"), {
    code: 75,
    stdout: "",
    stderr: "mailq: fatal: display queue mode requires no recipient\n",
  });
  Deno.removeSync(directory, { recursive: true });
});
