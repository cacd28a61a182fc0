/**
 * Records what the bounce services of a real Postfix send. Makes a private instance in a scratch directory, puts the
 * messages of cases.ts on hold there, asks its bounce, defer and trace services what cases.ts says, and writes the
 * queue files, the notices and the log lines to this directory.
 *
 * Usage, as root, with Postfix installed: deno run -A testdata/dsn/record.ts SCRATCH-DIRECTORY
 */
import { decodeText } from "../../core/bytes/mod.ts";
import { createBounceClient } from "../../daemon/bounce/mod.ts";
import { CASES, MESSAGES, SETTINGS } from "./cases.ts";

const scratch = Deno.args[0];
if (scratch === undefined) throw new Error("Name a scratch directory");
const here = import.meta.dirname!;

async function run(command: string, args: readonly string[], input = ""): Promise<string> {
  const child = new Deno.Command(command, {
    args: [...args],
    env: { MAIL_CONFIG: `${scratch}/conf`, TZ: "UTC" },
    stdin: "piped",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(input));
  await writer.close();
  return decodeText((await child.output()).stdout);
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

Deno.removeSync(scratch, { recursive: true });
for (const name of ["conf", "queue", "data"]) Deno.mkdirSync(`${scratch}/${name}`, { recursive: true });
Deno.chmodSync(scratch, 0o755);
await run("chown", ["postfix", `${scratch}/data`]);
for (const name of ["templates.cf", "custom.cf"]) Deno.copyFileSync(`${here}/${name}`, `${scratch}/conf/${name}`);
const mainCf = Deno.readTextFileSync(`${here}/main.cf`);
Deno.writeTextFileSync(
  `${scratch}/conf/main.cf`,
  `${mainCf}
queue_directory = ${scratch}/queue
data_directory = ${scratch}/data
maillog_file = ${scratch}/log
maillog_file_prefixes = ${scratch}
alternate_config_directories = ${scratch}/conf
multi_instance_enable = yes
multi_instance_name = postfix-record
header_checks = static:HOLD
default_transport = retry:4.0.0 kept
local_transport = retry:4.0.0 kept
`,
);
Deno.writeTextFileSync(
  `${scratch}/conf/master.cf`,
  `pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
retry unix - - n - - error
postlog unix-dgram n - n - 1 postlogd
`,
);
await run("postfix", ["start"]);
await pause(1500);

const ids: Record<string, string> = {};
for await (const old of Deno.readDir(`${here}/queue`)) Deno.removeSync(`${here}/queue/${old.name}`);
for (const [name, { args, text }] of Object.entries(MESSAGES)) {
  await run("sendmail", ["-i", ...args, "r@to.test"], text);
  await pause(1000);
  const known = new Set(Object.values(ids));
  for await (const file of Deno.readDir(`${scratch}/queue/hold`)) if (!known.has(file.name)) ids[name] = file.name;
  Deno.copyFileSync(`${scratch}/queue/hold/${ids[name]}`, `${here}/queue/${ids[name]}`);
}

/** Ids named in the log as new notices, in the order in which they were sent. */
function noticesIn(log: string): string[] {
  return [...log.matchAll(/\]: \w+: [a-z -]+ notification: (\w+)/g)].map((match) => match[1]!);
}

const recorded: unknown[] = [];
const service = createBounceClient(`${scratch}/queue/private`, "3.7");
let settings = "";
for (const each of [...CASES].sort((one, other) => one.settings.localeCompare(other.settings))) {
  if (each.settings !== settings) {
    settings = each.settings;
    await run("postconf", [
      "-e",
      "smtputf8_enable=yes",
      "bounce_template_file=$config_directory/templates.cf",
      ...SETTINGS[settings]!.map(([name, value]) => `${name}=${value}`),
    ]);
    await run("postfix", ["reload"]);
    await pause(2000);
  }
  Deno.writeTextFileSync(`${scratch}/log`, "");
  await each.run(service, {
    flags: 0,
    queueName: "hold",
    queueId: ids[each.message]!,
    encoding: "",
    sendopts: 0,
    sender: "s@from.test",
    envelopeId: "",
    returnFlags: 0,
  });
  await pause(400);
  const log = Deno.readTextFileSync(`${scratch}/log`);
  const lines = [...log.matchAll(/\/bounce\[\d+\]: (.*)/g)].map((match) => match[1]!.replace(scratch, "SCRATCH"));
  const notices: unknown[] = [];
  for (const id of noticesIn(log)) {
    const envelope = await run("postcat", ["-eq", id]);
    notices.push({
      id,
      sender: /^sender: (.*)$/m.exec(envelope)![1],
      recipient: /^original_recipient: (.*)$/m.exec(envelope)![1],
      content: (await run("postcat", ["-bhq", id])).split("\n"),
    });
  }
  // Postfix keeps the trace log when it decides not to send a notice.
  for await (const left of Deno.readDir(`${scratch}/queue/trace`)) Deno.removeSync(`${scratch}/queue/trace/${left.name}`);
  recorded.push({ name: each.name, queueId: ids[each.message], log: lines, notices });
}
await run("postfix", ["stop"]);
Deno.writeTextFileSync(`${here}/notices.json`, JSON.stringify(recorded, undefined, 1) + "\n");
