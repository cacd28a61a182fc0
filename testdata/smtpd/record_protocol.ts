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

async function run(command: string, ...args: string[]): Promise<string> {
  const env = { MAIL_CONFIG: `${directory}/etc` };
  const { code, stdout, stderr } = await new Deno.Command(command, { args, env, stdout: "piped", stderr: "piped" }).output();
  if (code !== 0) throw new Error(`${command} ${args.join(" ")}: ${new TextDecoder().decode(stderr)}`);
  return new TextDecoder("latin1").decode(stdout);
}

await run("postfix", "stop").catch(() => "");
await Deno.remove(directory, { recursive: true }).catch(() => {});
for (const name of ["etc", "spool", "data"]) await Deno.mkdir(`${directory}/${name}`, { recursive: true });
await Deno.chmod(directory, 0o755);
const settings = {
  ...base,
  queue_directory: `${directory}/spool`,
  data_directory: `${directory}/data`,
  maillog_file: `${directory}/mail.log`,
  maillog_file_prefixes: "/tmp",
  command_directory: "/usr/sbin",
  daemon_directory: "/usr/lib/postfix/sbin",
  mail_owner: "postfix",
  setgid_group: "postdrop",
  default_process_limit: "20",
  // Messages on hold never get to the queue manager, which would let the flow go on.
  in_flow_delay: "0",
};
await Deno.writeTextFile(`${directory}/etc/main.cf`, Object.entries(settings).map(([name, value]) => `${name} = ${value}\n`).join(""));
await run("chown", "postfix", `${directory}/data`);
let master = `pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
smtp unix - - n - - discard
relay unix - - n - - discard
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
local unix - n n - - discard
virtual unix - n n - - discard
anvil unix - - n - 1 anvil
postlog unix-dgram n - n - 1 postlogd
`;
const names = Object.keys(protocolGroups);
names.forEach((name, index) => {
  master += `127.0.0.1:${firstPort + index} inet n - n - - smtpd\n    -o syslog_name=${name}\n`;
  for (const [parameter, value] of Object.entries(protocolGroups[name]!.settings)) {
    master += `    -o { ${parameter} = ${value.replace("@PORT@", String(filterPort))} }\n`;
  }
});
await Deno.writeTextFile(`${directory}/etc/master.cf`, master);
await run("postfix", "start");
const pause = (ms: number) => new Promise((done) => setTimeout(done, ms));
await pause(1000);

const octets = (text: string) => Uint8Array.from(text, (character) => character.charCodeAt(0));

/** Plays one dialogue: the greeting, then what came after each piece, then whether the connection was still open. */
async function play(port: number, pieces: readonly string[], early: boolean): Promise<string[]> {
  const conn = await Deno.connect({ hostname: "127.0.0.1", port });
  let received = "";
  let closed = false;
  let wake = () => {};
  (async () => {
    const buffer = new Uint8Array(65536);
    try {
      for (let count = await conn.read(buffer); count !== null; count = await conn.read(buffer)) {
        for (let i = 0; i < count; i++) received += String.fromCharCode(buffer[i]!);
        wake();
      }
    } catch {
      // Reset.
    }
    closed = true;
    wake();
  })();
  const quiet = async () => {
    for (;;) {
      const before = received.length;
      if (closed) break;
      await new Promise<void>((done) => {
        const timer = setTimeout(done, received.length === 0 ? 500 : 60);
        wake = () => (clearTimeout(timer), done());
      });
      if (received.length === before) break;
    }
    const answer = received;
    received = "";
    return answer;
  };
  const answers: string[] = [];
  if (early) answers.push("");
  else answers.push(await quiet());
  for (const piece of pieces) {
    if (closed) break;
    try {
      await conn.write(octets(piece));
    } catch {
      break;
    }
    answers.push(await quiet());
  }
  answers.push(closed ? "CLOSED" : "OPEN");
  try {
    conn.close();
  } catch {
    // Closed already.
  }
  return answers;
}

let logAt = 0;
async function newLog(group: string): Promise<string[]> {
  const read = () => Deno.readTextFile(`${directory}/mail.log`);
  for (let i = 0; i < 60; i++) {
    await pause(25);
    if (/disconnect from|haproxy|lost connection/.test((await read()).slice(logAt))) break;
  }
  await pause(60);
  const text = await read();
  const added = text.slice(logAt).split("\n");
  logAt = text.length;
  const prefix = `${group}/smtpd[`;
  return added.filter((line) => line.includes(prefix)).map((line) => line.slice(line.indexOf("]: ") + 3));
}

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
  for (const entry of [...Deno.readDirSync(hold)].sort((a, b) => a.name < b.name ? -1 : 1)) {
    const text = await run("postcat", "-e", "-h", `${hold}/${entry.name}`);
    const lines = text.split("\n").filter((line) => line !== "" && !line.startsWith("***"));
    all.push(lines.filter((line) => !VARYING.test(line)).map((line) => line.replaceAll(entry.name, "QUEUEID")));
    await Deno.remove(`${hold}/${entry.name}`);
  }
  return all;
}

const path = new URL("protocol_dialogues.json", import.meta.url);
const recorded: Record<string, Record<string, Recorded>> = only === undefined ? {} : JSON.parse(await Deno.readTextFile(path));
for (const [index, name] of names.entries()) {
  if (only !== undefined && !only.includes(name)) continue;
  const group: Record<string, Recorded> = recorded[name] = {};
  await newLog(name);
  for (const [title, { pieces, filter, early }] of Object.entries(protocolGroups[name]!.dialogues)) {
    const server = filter === undefined || filter === "down" ? undefined : startFakeServer({ ...filter, port: filterPort });
    const answers = (await play(firstPort + index, pieces, early === true)).map(steady);
    const entry: Recorded = group[title] = { answers, log: (await newLog(name)).map(steady) };
    const records = await heldRecords();
    if (records.length > 0) entry.records = records;
    if (server !== undefined) {
      entry.filtered = server.sessions.map(({ commands, messages }) => ({ commands: commands.map(steady), messages: [...messages] }));
      await server.close();
    }
  }
}
await Deno.writeTextFile(path, JSON.stringify(recorded, null, 1) + "\n");
await run("postfix", "stop");
