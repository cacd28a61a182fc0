/**
 * Plays the cases of access_cases.ts to a real Postfix and writes access.json beside this file: per group and case the
 * reply to RCPT (or to what was refused before) and the log lines. Started by access_record.sh, in a network of its own.
 */
import { connect } from "node:net";
import { startNameServer } from "../../core/dns/testing.ts";
import { base, groups, linesOf, settingsOf } from "./access_cases.ts";
import { hosts, startPolicyServer, zone } from "./access_world.ts";

const [directory, only] = Deno.args;
const env = { MAIL_CONFIG: `${directory}/etc` };

async function sh(command: string, ...args: string[]): Promise<void> {
  const { code, stderr } = await new Deno.Command(command, { args, env, stdout: "null", stderr: "piped" }).output();
  if (code !== 0) throw new Error(`${command} ${args.join(" ")}: ${new TextDecoder().decode(stderr)}`);
}

for (const name of ["etc", "spool", "data"]) Deno.mkdirSync(`${directory}/${name}`, { recursive: true });
Deno.writeTextFileSync(`${directory}/hosts`, hosts);
await sh("mount", "--bind", `${directory}/hosts`, "/etc/hosts");
const nameServer = startNameServer(zone, { port: 53 });
const policy = startPolicyServer(10099);
const ports = { policy: 10099, nobody: 10098 };
const names = Object.keys(groups).filter((name) => only === undefined || only.split(",").includes(name));
// Address resolution happens in a process that sees main.cf alone.
const main = {
  ...base,
  compatibility_level: "3.6",
  queue_directory: `${directory}/spool`,
  data_directory: `${directory}/data`,
  maillog_file: `${directory}/mail.log`,
  maillog_file_prefixes: "/tmp",
  mail_owner: "postfix",
  setgid_group: "postdrop",
  myhostname: "mx.example.com",
  mydomain: "example.com",
  inet_interfaces: "127.0.0.1",
  inet_protocols: "all",
};
Deno.writeTextFileSync(`${directory}/etc/main.cf`, Object.entries(main).map(([name, value]) => `${name} = ${value}\n`).join(""));
await sh("chown", "postfix", `${directory}/data`);
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
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
smtp unix - - n - - discard
local unix - n n - - discard
anvil unix - - n - 1 anvil
postlog unix-dgram n - n - 1 postlogd
`;
names.forEach((name, index) => {
  master += `127.0.0.1:${10100 + index} inet n - n - 1 smtpd\n    -o syslog_name=${name}\n`;
  for (const [parameter, value] of Object.entries(settingsOf(name, ports))) master += `    -o { ${parameter} = ${value} }\n`;
});
Deno.writeTextFileSync(`${directory}/etc/master.cf`, master);
await sh("postfix", "start");
const pause = (ms: number) => new Promise((done) => setTimeout(done, ms));
await pause(1000);

/** The reply to the last line, or to the first that was refused. */
function play(port: number, client: string, lines: readonly string[]): Promise<string> {
  return new Promise((done) => {
    const socket = connect({ host: "127.0.0.1", port, localAddress: client });
    socket.setEncoding("latin1");
    let text = "";
    let step = -1;
    let last = "";
    let over = false;
    socket.on("data", (data: string) => {
      if (over) return;
      text += data;
      const match = /^\d{3} .*\r\n$/m.exec(text);
      if (match === null) return;
      last = text;
      text = "";
      step += 1;
      if (step < lines.length && /^[23]/.test(last)) socket.write(lines[step]! + "\r\n", "latin1");
      else {
        over = true;
        socket.end("QUIT\r\n");
      }
    });
    socket.on("error", () => done(last));
    socket.on("close", () => done(last));
  });
}

let logAt = 0;
async function newLog(group: string): Promise<string[]> {
  for (let i = 0; i < 200; i++) {
    const text = await Deno.readTextFile(`${directory}/mail.log`);
    if (text.slice(logAt).match(/disconnect from|fatal: /)) break;
    await pause(10);
  }
  const text = await Deno.readTextFile(`${directory}/mail.log`);
  const added = text.slice(logAt).split("\n");
  logAt = text.length;
  return added.filter((line) => line.includes(`${group}/smtpd[`)).map((line) => line.slice(line.indexOf("]: ") + 3));
}

interface Recorded {
  reply: string;
  log: string[];
  request?: string;
}
const path = new URL("access.json", import.meta.url);
let recorded: Record<string, Record<string, Recorded>> = {};
try {
  recorded = only === undefined ? {} : JSON.parse(Deno.readTextFileSync(path));
} catch {
  // The first recording.
}
logAt = Deno.readTextFileSync(`${directory}/mail.log`).length;
for (const [index, name] of names.entries()) {
  const group: Record<string, Recorded> = recorded[name] = {};
  for (const [local, one] of Object.entries(groups[name]!.cases)) {
    policy.requests.length = 0;
    const reply = await play(10100 + index, one.client ?? "127.0.0.2", linesOf(local, one));
    // At its start Postfix tells of tables that can't be opened.
    const log = (await newLog(name)).filter((line) => !line.startsWith("error: ")).map((line) => line.replace(/^[0-9A-F]{8,}: /, "QUEUEID: "));
    if (reply === "") {
      console.error(`${name}: ${local}: the server died: ${log.join("\n")}`);
      break;
    }
    group[local] = { reply, log, ...(policy.requests.length === 0 ? {} : { request: policy.requests[0]! }) };
  }
}
Deno.writeTextFileSync(path, JSON.stringify(recorded, null, 1) + "\n");
await sh("postfix", "stop");
await nameServer.close();
await policy.close();
Deno.exit(0);
