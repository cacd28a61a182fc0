/**
 * Records what real Postfix's sendmail(1) and postdrop(1) make of the cases in cases.ts (as root, no daemon running):
 *
 *   deno run -A testdata/sendmail/record.ts CONFIG_DIRECTORY QUEUE_DIRECTORY > testdata/sendmail/golden.json
 *
 * CONFIG_DIRECTORY: a private Postfix configuration whose queue_directory is QUEUE_DIRECTORY; both get changed.
 */
import { decodeText, encodeText } from "../../core/bytes/mod.ts";
import { readRecords } from "../../core/queue/mod.ts";
import { baseConfig, cases, type SendmailOutcome } from "./cases.ts";

const [config, queue] = Deno.args as [string, string];

function postconf(...args: string[]): void {
  const { success } = new Deno.Command("postconf", { args: ["-c", config, ...args] }).outputSync();
  if (!success) throw new Error(`postconf ${args.join(" ")} failed`);
}

const golden: Record<string, SendmailOutcome> = {};
let touched: string[] = [];
postconf("-e", ...Object.entries(baseConfig).map(([name, value]) => `${name}=${value}`));
for (const test of cases) {
  if (touched.length > 0) postconf("-X", ...touched);
  touched = Object.keys(test.config ?? {});
  if (touched.length > 0) postconf("-e", ...Object.entries(test.config!).map(([name, value]) => `${name}=${value}`));
  for (const { name } of Deno.readDirSync(`${queue}/maildrop`)) Deno.removeSync(`${queue}/maildrop/${name}`);
  const child = new Deno.Command("sendmail", {
    args: [...test.args],
    env: { MAIL_CONFIG: config, ...test.env },
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(encodeText(test.input ?? "")).then(() => writer.close()).catch(() => {});
  const { code, stdout, stderr } = await child.output();
  const files = [...Deno.readDirSync(`${queue}/maildrop`)].map(({ name }) => `${queue}/maildrop/${name}`)
    .filter((path) => (Deno.statSync(path).mode! & 0o100) !== 0)
    .map((path) => [...readRecords(Deno.readFileSync(path))].map(({ type, data }) =>
      type === 0x54 ? "TNOW" : String.fromCharCode(type) + decodeText(data)
    ));
  golden[test.name] = {
    code,
    stdout: new TextDecoder().decode(stdout),
    stderr: new TextDecoder().decode(stderr).replaceAll(config, "CONFIG"),
    files,
  };
}
console.log(JSON.stringify(golden, null, 1));
