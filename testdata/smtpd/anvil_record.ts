/**
 * Records limits and statistics of a real Postfix into anvil.json beside this file. As root:
 *
 *     deno run -A testdata/smtpd/anvil_record.ts DIRECTORY FIRST_PORT
 */
import { base, play, scenarios, statistics, steadyLine } from "./anvil_cases.ts";

const directory = Deno.args[0]!;
const firstPort = Number(Deno.args[1]);
const env = { MAIL_CONFIG: `${directory}/etc` };
const pause = (ms: number) => new Promise((done) => setTimeout(done, ms));

async function sh(command: string, ...args: string[]): Promise<void> {
  const { code, stderr } = await new Deno.Command(command, { args, env, stdout: "null", stderr: "piped" }).output();
  if (code !== 0) throw new Error(`${command} ${args.join(" ")}: ${new TextDecoder().decode(stderr)}`);
}

const result: Record<string, unknown> = {};
for (const [index, [name, { settings, steps }]] of Object.entries(scenarios).entries()) {
  // A new instance for each, so that the counters begin at zero.
  await Deno.remove(directory, { recursive: true }).catch(() => {});
  for (const part of ["etc", "spool", "data"]) await Deno.mkdir(`${directory}/${part}`, { recursive: true });
  Deno.chmodSync(directory, 0o755);
  const main = {
    ...base,
    ...settings,
    queue_directory: `${directory}/spool`,
    data_directory: `${directory}/data`,
    maillog_file: `${directory}/mail.log`,
    maillog_file_prefixes: "/tmp",
    mail_owner: "postfix",
    setgid_group: "postdrop",
    anvil_status_update_time: "2s",
  };
  Deno.writeTextFileSync(`${directory}/etc/main.cf`, Object.entries(main).map(([parameter, value]) => `${parameter} = ${value}\n`).join(""));
  await sh("chown", "postfix", `${directory}/data`);
  const port = firstPort + index;
  Deno.writeTextFileSync(
    `${directory}/etc/master.cf`,
    `127.0.0.1:${port} inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
proxymap unix - - n - - proxymap
local unix - n n - - discard
anvil unix - - n - 1 anvil
postlog unix-dgram n - n - 1 postlogd
`,
  );
  await sh("postfix", "start");
  await pause(1000);
  const answers = await play(port, steps);
  await pause(4000);
  await sh("postfix", "stop");
  await pause(500);
  const lines = Deno.readTextFileSync(`${directory}/mail.log`).split("\n");
  result[name] = {
    answers,
    log: lines.filter((line) => line.includes("/smtpd[")).map((line) => steadyLine(line.slice(line.indexOf("]: ") + 3))),
    statistics: lines.map(statistics).filter((line) => line !== undefined),
  };
}
Deno.writeTextFileSync(new URL("anvil.json", import.meta.url), JSON.stringify(result, null, 1) + "\n");
Deno.exit(0);
