/**
 * Plays the scenarios of daemon/smtp/scenarios_testing.ts to real Postfix and writes what its smtp(8) and lmtp(8) logged and
 * said into answers.json. Needs root, Postfix and util-linux; everything happens in network and mount namespaces of its own:
 *
 *   sh testdata/smtp/record.sh [name of a scenario ...]
 */
import { startNameServer } from "../../core/dns/testing.ts";
import { type Scenario, scenarios, shownContent } from "../../daemon/smtp/scenarios_testing.ts";
import { type FakeServer, startFakeServer } from "../../daemon/smtp/testing.ts";

const base = Deno.env.get("RECORD_DIRECTORY")!;
const config = `${base}/etc`;
const logFile = `${base}/maillog`;
const socket = `${base}/lmtp.sock`;
const env = { MAIL_CONFIG: config };

async function call(command: string, args: string[], input = ""): Promise<string> {
  const child = new Deno.Command(command, { args, env, stdin: "piped", stdout: "piped", stderr: "piped" }).spawn();
  const writer = child.stdin.getWriter();
  const written = writer.write(new TextEncoder().encode(input)).then(() => writer.close()).catch(() => {});
  const { stdout, stderr, success } = await child.output();
  await written;
  const text = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
  if (!success) console.error(`${command} ${args.join(" ")}: ${text}`);
  return text;
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

async function setUp() {
  await Deno.mkdir(base, { recursive: true });
  for (const directory of [`${base}/queue`, `${base}/data`]) await Deno.mkdir(directory, { recursive: true });
  await call("cp", ["-r", "/etc/postfix", config]);
  await call("chown", ["postfix", `${base}/data`]);
  const master = (await Deno.readTextFile(`${config}/master.cf`)).split("\n").map((line) =>
    /^smtp\s+inet/.test(line) ? "#" + line : line.replace(/^(\S+\s+\S+\s+\S+\s+\S+\s+)y/, "$1n")
  );
  // The LMTP client must be told apart by its name in the log.
  await Deno.writeTextFile(`${config}/master.cf`, master.join("\n"));
  await Deno.copyFile(`${config}/main.cf`, `${config}/main.cf.orig`);
}

const common = [
  `queue_directory=${base}/queue`,
  `data_directory=${base}/data`,
  `maillog_file=${logFile}`,
  `maillog_file_prefixes=/tmp, /var`,
  "myhostname=client.test",
  "myorigin=client.test",
  "mydestination=",
  "inet_interfaces=127.0.0.9",
  "inet_protocols=ipv4",
  "alias_maps=",
  "alias_database=",
  "relayhost=",
  "compatibility_level=3.6",
  "smtp_tls_security_level=",
  "smtp_tls_CApath=",
  "smtp_connection_cache_on_demand=no",
  "delay_logging_resolution_limit=0",
  "bounce_notice_recipient=nobody",
  "bounce_size_limit=1",
  "default_transport=smtp",
];

function fill(text: string): string {
  return text.replaceAll("PORT", "25").replaceAll("SOCKET", socket)
    .replaceAll("TESTDATA", new URL(".", import.meta.url).pathname.slice(0, -1));
}

async function play(scenario: Scenario) {
  const protocol = scenario.protocol ?? "smtp";
  await Deno.copyFile(`${config}/main.cf.orig`, `${config}/main.cf`);
  const nexthop = scenario.nexthop === undefined ? undefined : fill(scenario.nexthop);
  // Notices to the sender are not what is looked at.
  const routed = nexthop !== undefined && !scenario.main?.some((line) => line.startsWith("relayhost="));
  const route = routed ? `, { example.test = ${protocol}:${nexthop} }` : "";
  const transport = [`transport_maps=inline:{ { client.test = discard: }${route} }`];
  await call("postconf", ["-c", config, "-e", ...common, ...transport, ...(scenario.main ?? []).map(fill)]);
  await call("postfix", ["-c", config, "reload"]);
  await pause(400);
  await Deno.writeTextFile(logFile, "");
  const names = startNameServer(scenario.zone ?? { records: {} }, { address: "127.0.0.1", port: 53 });
  const servers: FakeServer[] = [];
  for (const [address, options] of Object.entries(scenario.servers ?? {})) {
    const where = address.startsWith("/") ? { path: socket } : { hostname: address, port: 25 };
    servers.push(startFakeServer({ ...options, ...where }));
    if (address.startsWith("/")) await Deno.chmod(socket, 0o777);
  }
  const recipients = scenario.recipients ?? ["to@example.test"];
  const message = ["Subject: test", ...(scenario.header ?? []), "", ...(scenario.body ?? ["Hello", ".dot"]), ""].join("\n");
  const count = scenario.messages ?? 1;
  let lines: string[] = [];
  for (let number = 1; number <= count; number++) {
    await call("sendmail", [
      ...(scenario.encoding === "8bit" ? ["-B8BITMIME"] : []),
      ...(scenario.probe ? ["-bv"] : []),
      ...(scenario.dsn ?? []),
      "-i",
      "-f",
      scenario.sender ?? "from@client.test",
      "--",
      ...recipients,
    ], message);
    for (let waited = 0; waited < 300; waited++) {
      await pause(100);
      lines = (await Deno.readTextFile(logFile)).split("\n")
        .filter((line) => new RegExp(`postfix/${protocol}\\[`).test(line));
      if (lines.filter((line) => line.includes(", relay=")).length >= number * recipients.length) break;
    }
  }
  await pause(scenario.main?.some((line) => line.includes("reuse")) ? 100 : 50);
  const sessions = servers.flatMap((server) =>
    server.sessions.map((session) => ({
      at: server.port === 25 ? server.hostname : "SOCKET",
      commands: session.commands.map((line) => line.replace(/ SIZE=\d+/, " SIZE=N")),
      bodies: session.messages.map((text) => shownContent(scenario, text))
        .map((text) => text.length > 10000 ? `${text.length} octets` : text),
    }))
  );
  await call("postsuper", ["-c", config, "-d", "ALL"]);
  for (const server of servers) await server.close();
  await names.close();
  await Deno.remove(socket).catch(() => {});
  const log = lines.map((line) =>
    line.replace(/^.*?postfix\/[a-z]+\[\d+\]: /, "")
      .replace(/^(warning: |error: )?[0-9A-F]{6,}: /, "$1Q: ")
      .replace(/ delay=[^ ]*, delays=[^ ]*,/, "")
      .replaceAll("]:25", "]:PORT")
      .replaceAll(socket, "SOCKET")
  );
  return { log, sessions };
}

await setUp();
await call("postconf", ["-c", config, "-e", ...common]);
await call("postfix", ["-c", config, "start"]);
await pause(1000);
const file = new URL("answers.json", import.meta.url);
let answers: Record<string, unknown> = {};
try {
  answers = JSON.parse(await Deno.readTextFile(file));
} catch {
  // The first time.
}
try {
  for (const scenario of scenarios) {
    if (Deno.args.length > 0 && !Deno.args.includes(scenario.name)) continue;
    const answer = await play(scenario);
    answers[scenario.name] = answer;
    console.log(`${scenario.name}\n  ${answer.log.join("\n  ")}`);
  }
} finally {
  await call("postfix", ["-c", config, "stop"]);
}
const known = new Map(scenarios.map((scenario) => [scenario.name, answers[scenario.name]]));
await Deno.writeTextFile(file, JSON.stringify(Object.fromEntries(known), null, 1) + "\n");
