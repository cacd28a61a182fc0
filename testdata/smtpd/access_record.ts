/**
 * Plays the cases of access_cases.ts to a real Postfix and writes access.json beside this file: per group and case the
 * reply to RCPT (or to what was refused before) and the log lines. Started by access_record.sh, in a network of its own.
 */
import { connect } from "node:net";
import { startNameServer } from "../../core/dns/testing.ts";
import { PostfixInstance, services, smtpServer } from "../recording.ts";
import { base, groups, linesOf, settingsOf } from "./access_cases.ts";
import { hosts, startPolicyServer, zone } from "./access_world.ts";

const [directory, only] = Deno.args;
const instance = new PostfixInstance(directory!);
await instance.prepare();
Deno.writeTextFileSync(`${directory}/hosts`, hosts);
await instance.run("mount", "--bind", `${directory}/hosts`, "/etc/hosts");
const nameServer = startNameServer(zone, { port: 53 });
const policy = startPolicyServer(10099);
const ports = { policy: 10099, nobody: 10098 };
const names = Object.keys(groups).filter((name) => only === undefined || only.split(",").includes(name));
// Address resolution happens in a process that sees main.cf alone.
const main = {
  ...base,
  compatibility_level: "3.6",
  myhostname: "mx.example.com",
  mydomain: "example.com",
  inet_interfaces: "127.0.0.1",
  inet_protocols: "all",
};
const servers = names.map((name, index) => smtpServer(10100 + index, settingsOf(name, ports), { syslogName: name, columns: "n - 1" }));
await instance.start(main, services("discard") + servers.join(""));

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

const END = /disconnect from|fatal: /;

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
await instance.newLog("", END);
for (const [index, name] of names.entries()) {
  const group: Record<string, Recorded> = recorded[name] = {};
  for (const [local, one] of Object.entries(groups[name]!.cases)) {
    policy.requests.length = 0;
    const reply = await play(10100 + index, one.client ?? "127.0.0.2", linesOf(local, one));
    // At its start Postfix tells of tables that can't be opened.
    const log = (await instance.newLog(name, END)).filter((line) => !line.startsWith("error: ")).map((line) => line.replace(/^[0-9A-F]{8,}: /, "QUEUEID: "));
    if (reply === "") {
      console.error(`${name}: ${local}: the server died: ${log.join("\n")}`);
      break;
    }
    group[local] = { reply, log, ...(policy.requests.length === 0 ? {} : { request: policy.requests[0]! }) };
  }
}
Deno.writeTextFileSync(path, JSON.stringify(recorded, null, 1) + "\n");
await instance.stop();
await nameServer.close();
await policy.close();
Deno.exit(0);
