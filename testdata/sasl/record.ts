/**
 * Records the dialogues of cases.ts from a real Postfix with the Cyrus library:
 *
 *     deno run -A testdata/sasl/record.ts DIRECTORY FIRST_PORT [GROUP,GROUP...]
 *
 * DIRECTORY (made anew) gets a private instance that listens on 127.0.0.1 from FIRST_PORT on, one port per group.
 * Needs root, Debian's postfix, sasl2-bin and libsasl2-modules-db. Writes dialogues.json beside this file.
 */
import { play, PostfixInstance, services, smtpServer } from "../recording.ts";
import { applicationConfig, base, groups, users } from "./cases.ts";

const directory = Deno.args[0]!;
const firstPort = Number(Deno.args[1]);
const only = Deno.args[2]?.split(",");

const instance = new PostfixInstance(directory);
await instance.prepare();
await Deno.mkdir(`${directory}/etc/sasl`);
await Deno.writeTextFile(`${directory}/etc/sasl/smtpd.conf`, applicationConfig.replaceAll("DIRECTORY", directory));
for (const [user, password] of users) {
  const child = new Deno.Command("saslpasswd2", { args: ["-c", "-p", "-f", `${directory}/sasldb2`, "-u", base.myhostname!, user], stdin: "piped" }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(password));
  await writer.close();
  await child.status;
}
await Deno.chmod(`${directory}/sasldb2`, 0o644);
const names = Object.keys(groups);
const servers = names.map((name, index) => smtpServer(firstPort + index, groups[name]!.settings, { syslogName: name }));
await instance.start({ ...base, default_process_limit: "20" }, services("discard") + servers.join(""));

/** Queue ids, process ids and the like differ from run to run. */
const steady = (text: string) =>
  text.replace(/queued as [0-9A-F]{6,}/g, "queued as QUEUEID").replace(/^(warning: )?[0-9A-F]{8,}: /gm, "$1QUEUEID: ");

const path = new URL("dialogues.json", import.meta.url);
const recorded: Record<string, Record<string, { answers: string[]; log: string[] }>> = only === undefined
  ? {}
  : JSON.parse(await Deno.readTextFile(path));
const END = /disconnect from/;
for (const [index, name] of names.entries()) {
  if (only !== undefined && !only.includes(name)) continue;
  const group: Record<string, { answers: string[]; log: string[] }> = recorded[name] = {};
  await instance.newLog(name, END);
  for (const [title, pieces] of Object.entries(groups[name]!.dialogues)) {
    const answers = (await play(firstPort + index, pieces)).map(steady);
    group[title] = { answers, log: (await instance.newLog(name, END)).map(steady) };
  }
}
await Deno.writeTextFile(path, JSON.stringify(recorded, null, 1) + "\n");
await instance.stop();
