/**
 * Records the dialogues of protocol_cases.ts from a real Postfix:
 *
 *     deno run -A testdata/smtpd/record_protocol.ts DIRECTORY FIRST_PORT [GROUP,GROUP...]
 *
 * DIRECTORY (made anew) gets a private instance that listens on 127.0.0.1 from FIRST_PORT on, one port per group; the
 * filter in front of the queue listens on the port before. Writes protocol_dialogues.json beside this file: per group and
 * dialogue what came back after each piece, the log, the queue files of messages that were held, and what the filter got.
 */
import { startFakeServer } from "../../daemon/smtp/testing.ts";
import { play, PostfixInstance, services, smtpServer } from "../recording.ts";
import { base } from "./cases.ts";
import { protocolGroups } from "./protocol_cases.ts";

const directory = Deno.args[0]!;
const firstPort = Number(Deno.args[1]);
const only = Deno.args[2]?.split(",");
const filterPort = firstPort - 1;

interface Recorded {
  answers: string[];
  log: string[];
  records?: string[][];
  filtered?: { commands: string[]; messages: string[] }[];
}

const instance = new PostfixInstance(directory);
await instance.prepare();
const names = Object.keys(protocolGroups);
const servers = names.map((name, index) => {
  const settings = Object.entries(protocolGroups[name]!.settings)
    .map(([parameter, value]) => [parameter, value.replace("@PORT@", String(filterPort))] as const);
  return smtpServer(firstPort + index, Object.fromEntries(settings), { syslogName: name });
});
// Messages on hold never get to the queue manager, which would let the flow go on.
await instance.start({ ...base, default_process_limit: "20", in_flow_delay: "0" }, services("discard") + servers.join(""));
const END = /disconnect from|haproxy|lost connection/;

/** Queue ids, ports and the like differ from run to run. */
const steady = (text: string) =>
  text.replace(/ PORT=\d{5}/g, " PORT=@CLIENT@").replace(/queued as [0-9A-F]{6,}/g, "queued as QUEUEID").replace(/^(warning: )?[0-9A-F]{8,}: /gm, "$1QUEUEID: ")
    .replaceAll(`127.0.0.1:${filterPort}`, "127.0.0.1:@PORT@");

/** Records with times, sizes and ports. */
const VARYING = /^(message_size|message_arrival_time|create_time): |_port=\d{5}$/;

/** The envelopes and headers of the messages on hold, which are removed then. */
async function heldRecords(): Promise<string[][]> {
  const all: string[][] = [];
  const hold = `${directory}/spool/hold`;
  const written = (name: string) => Deno.statSync(`${hold}/${name}`).mtime!.getTime();
  const names = [...Deno.readDirSync(hold)].map(({ name }) => name);
  for (const name of names.sort((a, b) => written(a) - written(b))) {
    const text = await instance.run("postcat", "-e", "-h", `${hold}/${name}`);
    const lines = text.split("\n").filter((line) => line !== "" && !line.startsWith("***"));
    all.push(lines.filter((line) => !VARYING.test(line)).map((line) => line.replaceAll(name, "QUEUEID")));
    await Deno.remove(`${hold}/${name}`);
  }
  return all;
}

const path = new URL("protocol_dialogues.json", import.meta.url);
const recorded: Record<string, Record<string, Recorded>> = only === undefined ? {} : JSON.parse(await Deno.readTextFile(path));
for (const [index, name] of names.entries()) {
  if (only !== undefined && !only.includes(name)) continue;
  const group: Record<string, Recorded> = recorded[name] = {};
  await instance.newLog(name, END);
  for (const [title, { pieces, filter, early }] of Object.entries(protocolGroups[name]!.dialogues)) {
    const server = filter === undefined || filter === "down" ? undefined : startFakeServer({ ...filter, port: filterPort });
    const answers = (await play(firstPort + index, pieces, early === true)).map(steady);
    const entry: Recorded = group[title] = { answers, log: (await instance.newLog(name, END)).map(steady) };
    const records = await heldRecords();
    if (records.length > 0) entry.records = records;
    if (server !== undefined) {
      entry.filtered = server.sessions.map(({ commands, messages }) => ({ commands: commands.map(steady), messages: [...messages] }));
      await server.close();
    }
  }
}
await Deno.writeTextFile(path, JSON.stringify(recorded, null, 1) + "\n");
await instance.stop();
