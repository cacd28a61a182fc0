/**
 * Records how real Postfix's SMTP client converts the messages of downgrade_cases.ts for a server without 8BITMIME:
 *
 *   deno run -A testdata/message/record_downgrade.ts CONFIG_DIRECTORY PORT > testdata/message/downgrade.json
 *
 * CONFIG_DIRECTORY: a running private instance whose relayhost is [127.0.0.1]:PORT.
 */
import { encodeText, decodeText } from "../../core/bytes/mod.ts";
import { downgradeCases } from "./downgrade_cases.ts";

const [config, port] = Deno.args as [string, string];
const golden: Record<string, string> = {};
for (const [name, text] of Object.entries(downgradeCases)) {
  const directory = Deno.makeTempDirSync();
  const sink = new Deno.Command("smtp-sink", {
    args: ["-8", "-d", `${directory}/%s.`, "-u", "root", `127.0.0.1:${port}`, "10"],
  }).spawn();
  await new Promise((done) => setTimeout(done, 300));
  const child = new Deno.Command("sendmail", {
    args: ["-i", "-f", "alice@a.example", "bob@b.example"],
    env: { MAIL_CONFIG: config },
    stdin: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(encodeText(text));
  await writer.close();
  await child.status;
  let dump = "";
  for (let turn = 0; turn < 50 && !dump.includes("\nX-End"); turn++) {
    await new Promise((done) => setTimeout(done, 200));
    for (const { name: file } of Deno.readDirSync(directory)) dump = decodeText(Deno.readFileSync(`${directory}/${file}`)) + "\nX-End";
  }
  sink.kill();
  await sink.status;
  Deno.removeSync(directory, { recursive: true });
  // The headers that are added before, and the blank line that ends a dump, are not part of the conversion.
  const from = dump.indexOf("\n\tid ");
  golden[name] = dump.slice(dump.indexOf("\n", from + 1) + 1).replace(/\n?\nX-End$/, "");
}
console.log(JSON.stringify(golden, null, 1));
