/**
 * Plays the scenarios of daemon/local/scenarios to real Postfix and writes what its local(8), virtual(8) and
 * pipe(8) logged, and the files that came of it, into answers.json. Needs root, Postfix and util-linux:
 *
 *   deno run -A testdata/local/record.ts [name of a scenario ...]
 */
import { scenarios } from "../../daemon/local/scenarios/mod.ts";
import { collectFiles, isSettled, sortLog } from "../../daemon/local/world_result_testing.ts";
import { buildWorld, type Scenario, scenarioLines, worldMain, type WorldResult } from "../../daemon/local/world_testing.ts";
import { openTraffic } from "../../daemon/local/world_traffic_testing.ts";
import { INTERNAL_SERVICES } from "../../daemon/master/internal_services.ts";
import { connectSmtp, freePort } from "../../daemon/master/testing.ts";

async function call(command: string, ...args: string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command(command, { args, stdout: "null", stderr: "piped" }).output();
  if (!success) console.error(`${command} ${args.join(" ")}: ${new TextDecoder().decode(stderr)}`);
}

async function record(scenario: Scenario): Promise<WorldResult> {
  const directory = Deno.makeTempDirSync({ prefix: "record-local-" });
  await using traffic = await openTraffic(scenario);
  const { ports } = traffic;
  buildWorld(directory, scenario, ports);
  traffic.lockFiles(directory);
  const port = freePort();
  const etc = `${directory}/etc`;
  for (const part of ["etc", "spool", "data", "log"]) Deno.mkdirSync(`${directory}/${part}`);
  await call("chown", "postfix", `${directory}/data`);
  const main = [
    "compatibility_level = 3.6",
    `queue_directory = ${directory}/spool`,
    `data_directory = ${directory}/data`,
    `maillog_file = ${directory}/log/mail.log`,
    `maillog_file_prefixes = ${directory}`,
    "inet_interfaces = 127.0.0.1",
    "inet_protocols = ipv4",
    "mynetworks = 127.0.0.0/8",
    "default_database_type = hash",
    ...worldMain(directory),
    ...scenarioLines(scenario.main, directory, ports),
  ];
  // Each parameter once: programs warn of each line that overrides another, and the log's socket fills before anybody reads.
  const settings = new Map(main.map((line) => [line.split("=")[0]!.trim(), line]));
  Deno.writeTextFileSync(`${etc}/main.cf`, [...settings.values()].join("\n") + "\n");
  const master = scenarioLines(scenario.master ?? [], directory, ports);
  Deno.writeTextFileSync(
    `${etc}/master.cf`,
    `127.0.0.1:${port} inet n - n - - smtpd\ntlsmgr unix - - n 1000? 1 tlsmgr\n${INTERNAL_SERVICES}${master.join("\n")}\n`,
  );
  await call("unshare", "-m", `${directory}/enter`, "postfix", "-c", etc, "start");
  const readLog = () => {
    try {
      return Deno.readTextFileSync(`${directory}/log/mail.log`);
    } catch {
      return "";
    }
  };
  let client;
  for (let tries = 0; client === undefined && tries < 50; tries++) {
    client = await connectSmtp(port).catch(() => undefined);
    if (client === undefined) await new Promise((done) => setTimeout(done, 200));
  }
  if (client === undefined) throw new Error(`no server: ${readLog()}`);
  client.close();
  const taken = await traffic.send(directory, port, () => Promise.resolve());
  let quiet = 0;
  for (let tries = 0, before = ""; tries < 300 && quiet < 5; tries++) {
    await new Promise((done) => setTimeout(done, 200));
    const now = readLog();
    quiet = now === before && isSettled(now, taken) ? quiet + 1 : 0;
    before = now;
  }
  if (quiet < 5) console.error(`${scenario.name}: not settled\n${readLog()}`);
  const pid = Deno.readTextFileSync(`${directory}/spool/pid/master.pid`).trim();
  const files = collectFiles(directory, `/proc/${pid}/root${directory}`);
  await call("postfix", "-c", etc, "stop");
  const result = { ...sortLog(readLog(), directory, ports), ...traffic.result(directory), files };
  Deno.removeSync(directory, { recursive: true });
  return result;
}

const path = new URL("./answers.json", import.meta.url);
let answers: Record<string, WorldResult> = {};
try {
  answers = JSON.parse(Deno.readTextFileSync(path));
} catch (error) {
  if (!(error instanceof Deno.errors.NotFound)) throw error;
}
const wanted = Deno.args.length === 0 ? scenarios : scenarios.filter(({ name }) => Deno.args.includes(name));
for (const scenario of wanted) {
  console.log(scenario.name);
  answers[scenario.name] = await record(scenario);
  const ordered = Object.fromEntries(
    scenarios.filter(({ name }) => name in answers).map(({ name }) => [name, answers[name]]),
  );
  Deno.writeTextFileSync(path, JSON.stringify(ordered, null, 1) + "\n");
}
