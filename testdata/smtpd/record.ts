/**
 * Records the dialogues of cases.ts from a real Postfix:
 *
 *     deno run -A testdata/smtpd/record.ts DIRECTORY FIRST_PORT [GROUP,GROUP...]
 *
 * DIRECTORY (made anew) gets a private instance that listens on 127.0.0.1 from FIRST_PORT on, one port per group.
 * Writes dialogues.json beside this file: per group and dialogue, what came back after each piece, and the log.
 */
import { play, PostfixInstance, services, smtpServer } from "../recording.ts";
import { base, groups } from "./cases.ts";

const directory = Deno.args[0]!;
const firstPort = Number(Deno.args[1]);
const only = Deno.args[2]?.split(",");

const instance = new PostfixInstance(directory);
await instance.prepare();
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
