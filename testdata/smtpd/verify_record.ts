/**
 * Records a real Postfix's address verification into verify.json beside this file. As root:
 *
 *     deno run -A testdata/smtpd/verify_record.ts DIRECTORY FIRST_PORT
 *
 * DIRECTORY (made anew, below /tmp) gets a private instance on ports of 127.0.0.1 from FIRST_PORT on.
 */
import { ask, cases, impatient, mainLines, probeLines, services, startMailServer, type VerifyCase } from "./verify_cases.ts";

const directory = Deno.args[0]!;
const firstPort = Number(Deno.args[1]);
const env = { MAIL_CONFIG: `${directory}/etc` };

async function sh(command: string, ...args: string[]): Promise<void> {
  const { code, stderr } = await new Deno.Command(command, { args, env, stdout: "null", stderr: "piped" }).output();
  if (code !== 0) throw new Error(`${command} ${args.join(" ")}: ${new TextDecoder().decode(stderr)}`);
}

await sh("postfix", "stop").catch(() => {});
await Deno.remove(directory, { recursive: true }).catch(() => {});
for (const name of ["etc", "spool", "data"]) await Deno.mkdir(`${directory}/${name}`, { recursive: true });
Deno.chmodSync(directory, 0o755);
const server = startMailServer(firstPort);
const moody = startMailServer(firstPort + 20);
const ports = { server: firstPort, closed: firstPort + 1, moody: firstPort + 20 };
const main = [
  ...mainLines(ports),
  `queue_directory = ${directory}/spool`,
  `data_directory = ${directory}/data`,
  `maillog_file = ${directory}/mail.log`,
  "maillog_file_prefixes = /tmp",
  "mail_owner = postfix",
  "setgid_group = postdrop",
  "myhostname = mx.example.com",
  "inet_interfaces = 127.0.0.1",
  "inet_protocols = ipv4",
];
Deno.writeTextFileSync(`${directory}/etc/main.cf`, main.join("\n") + "\n");
await sh("chown", "postfix", `${directory}/data`);
const portOf = new Map<string, number>();
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
proxywrite unix - - n - 1 proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
local unix - n n - - local
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
postlog unix-dgram n - n - 1 postlogd
`;
for (const [index, [name, settings]] of Object.entries(services).entries()) {
  portOf.set(name, firstPort + 2 + index);
  master += `127.0.0.1:${firstPort + 2 + index} inet n - n - - smtpd\n`;
  for (const [parameter, value] of Object.entries(settings)) master += `    -o { ${parameter} = ${value} }\n`;
}
Deno.writeTextFileSync(`${directory}/etc/master.cf`, master);
await sh("postfix", "start");
await new Promise((done) => setTimeout(done, 1000));
const round = async (list: readonly VerifyCase[]) => await Promise.all(list.map((one) => ask(portOf.get(one.service)!, one)));
const first = await round(impatient);
// The cache learns of every address, each at its first question.
await round(cases);
const again = await round(cases);
const log = Deno.readTextFileSync(`${directory}/mail.log`);
const result = {
  impatient: first,
  cases: Object.fromEntries(cases.map((one, index) => [`${one.service} ${one.sender} ${one.recipient}`, again[index]])),
  probes: probeLines(log, ports),
  commands: [...new Set(server.commands)].sort(),
};
const steady = JSON.stringify(result, null, 1).replaceAll(`:${ports.server}`, ":SERVER").replaceAll(`:${ports.closed}`, ":CLOSED").replaceAll(`:${ports.moody}`, ":MOODY");
Deno.writeTextFileSync(new URL("verify.json", import.meta.url), steady + "\n");
await sh("postfix", "stop");
await server.close();
await moody.close();
