/**
 * Records the dialogues of cases.ts from a real Postfix with the Cyrus library:
 *
 *     deno run -A testdata/sasl/record.ts DIRECTORY FIRST_PORT
 *
 * DIRECTORY (made anew) gets a private instance that listens on 127.0.0.1 from FIRST_PORT on, one port per group.
 * Needs root, Debian's postfix, sasl2-bin and libsasl2-modules-db. Writes dialogues.json beside this file.
 */
import { applicationConfig, base, groups, users } from "./cases.ts";

const directory = Deno.args[0]!;
const firstPort = Number(Deno.args[1]);
const only = Deno.args[2];

async function sh(command: string, ...args: string[]): Promise<void> {
  const { code, stderr } = await new Deno.Command(command, { args, env: { MAIL_CONFIG: `${directory}/etc` }, stdout: "null", stderr: "piped" }).output();
  if (code !== 0) throw new Error(`${command} ${args.join(" ")}: ${new TextDecoder().decode(stderr)}`);
}

try {
  await sh("postfix", "stop");
} catch {
  // Was not running.
}
await Deno.remove(directory, { recursive: true }).catch(() => {});
for (const name of ["etc", "spool", "data"]) await Deno.mkdir(`${directory}/${name}`, { recursive: true });
await Deno.chmod(directory, 0o755);
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
};
await Deno.writeTextFile(`${directory}/etc/main.cf`, Object.entries(settings).map(([name, value]) => `${name} = ${value}\n`).join(""));
await sh("chown", "postfix", `${directory}/data`);
const internal = `pickup unix n - n 60 1 pickup
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
const names = Object.keys(groups);
let master = internal;
names.forEach((name, index) => {
  master += `127.0.0.1:${firstPort + index} inet n - n - - smtpd\n    -o syslog_name=${name}\n`;
  for (const [parameter, value] of Object.entries(groups[name]!.settings)) master += `    -o { ${parameter} = ${value} }\n`;
});
await Deno.writeTextFile(`${directory}/etc/master.cf`, master);
await sh("postfix", "start");
await new Promise((done) => setTimeout(done, 1000));

const octets = (text: string) => Uint8Array.from(text, (character) => character.charCodeAt(0));

/** Plays one dialogue: returns the greeting, then what came after each piece; the last is what came after our close. */
async function play(port: number, pieces: readonly string[]): Promise<string[]> {
  const conn = await Deno.connect({ hostname: "127.0.0.1", port });
  let received = "";
  let closed = false;
  let wake = () => {};
  (async () => {
    const buffer = new Uint8Array(65536);
    try {
      for (;;) {
        const count = await conn.read(buffer);
        if (count === null) break;
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
        const timer = setTimeout(done, received.length === 0 ? 400 : 60);
        wake = () => (clearTimeout(timer), done());
      });
      if (received.length === before) break;
    }
    const answer = received;
    received = "";
    return answer;
  };
  const answers = [await quiet()];
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
const pause = (ms: number) => new Promise((done) => setTimeout(done, ms));
async function newLog(group: string): Promise<string[]> {
  for (let i = 0; i < 40; i++) {
    await pause(25);
    const text = await Deno.readTextFile(`${directory}/mail.log`);
    if (text.slice(logAt).includes("disconnect from")) break;
  }
  await pause(30);
  const text = await Deno.readTextFile(`${directory}/mail.log`);
  const added = text.slice(logAt).split("\n");
  logAt = text.length;
  const prefix = `${group}/smtpd[`;
  return added.filter((line) => line.includes(prefix)).map((line) => line.slice(line.indexOf("]: ") + 3));
}

/** Queue ids, process ids and the like differ from run to run. */
const steady = (text: string) => text.replace(/queued as [0-9A-F]{6,}/g, "queued as QUEUEID").replace(/^[0-9A-F]{8,}: /gm, "QUEUEID: ");

const path = new URL("dialogues.json", import.meta.url);
const recorded: Record<string, Record<string, { answers: string[]; log: string[] }>> = only === undefined ? {} : JSON.parse(await Deno.readTextFile(path));
for (const [index, name] of names.entries()) {
  if (only !== undefined && !only.split(",").includes(name)) continue;
  const group: Record<string, { answers: string[]; log: string[] }> = recorded[name] = {};
  await newLog(name);
  for (const [title, pieces] of Object.entries(groups[name]!.dialogues)) {
    const answers = (await play(firstPort + index, pieces)).map(steady);
    group[title] = { answers, log: (await newLog(name)).map(steady) };
  }
}
await Deno.writeTextFile(path, JSON.stringify(recorded, null, 1) + "\n");
await sh("postfix", "stop");
