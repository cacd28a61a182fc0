/**
 * Records a real Postfix's address verification into verify.json beside this file. As root:
 *
 *     deno run -A testdata/smtpd/verify_record.ts DIRECTORY FIRST_PORT
 *
 * DIRECTORY (made anew, below /tmp) gets a private instance on ports of 127.0.0.1 from FIRST_PORT on.
 */
import { PostfixInstance, services as internalServices, smtpServer } from "../recording.ts";
import { ask, cases, impatient, mainLines, probeLines, services, startMailServer, type VerifyCase } from "./verify_cases.ts";

const directory = Deno.args[0]!;
const firstPort = Number(Deno.args[1]);

const instance = new PostfixInstance(directory);
await instance.prepare();
const server = startMailServer(firstPort);
const moody = startMailServer(firstPort + 20);
const ports = { server: firstPort, closed: firstPort + 1, moody: firstPort + 20 };
const main = Object.fromEntries(mainLines(ports).map((line) => {
  const at = line.indexOf(" =");
  return [line.slice(0, at), line.slice(at + 2).trim()];
}));
const portOf = new Map(Object.keys(services).map((name, index) => [name, firstPort + 2 + index]));
const servers = Object.entries(services).map(([name, settings]) => smtpServer(portOf.get(name)!, settings));
await instance.start(
  { ...main, myhostname: "mx.example.com", inet_interfaces: "127.0.0.1", inet_protocols: "ipv4" },
  internalServices("real") + servers.join(""),
);
const round = async (list: readonly VerifyCase[]) => await Promise.all(list.map((one) => ask(portOf.get(one.service)!, one)));
const first = await round(impatient);
// The cache learns of every address, each at its first question.
await round(cases);
const again = await round(cases);
const log = instance.log();
const result = {
  impatient: first,
  cases: Object.fromEntries(cases.map((one, index) => [`${one.service} ${one.sender} ${one.recipient}`, again[index]])),
  probes: probeLines(log, ports),
  commands: [...new Set(server.commands)].sort(),
};
const steady = JSON.stringify(result, null, 1).replaceAll(`:${ports.server}`, ":SERVER").replaceAll(`:${ports.closed}`, ":CLOSED").replaceAll(`:${ports.moody}`, ":MOODY");
Deno.writeTextFileSync(new URL("verify.json", import.meta.url), steady + "\n");
await instance.stop();
await server.close();
await moody.close();
