// Records what Postfix answers and logs in the scenarios of daemon/smtpd/starttls_scenarios_testing.ts.
// Needs root, Postfix and openssl; uses a private instance in a temporary directory.
//   deno run -A testdata/tls/record.ts
import { makeCertificates, opensslFingerprint } from "../../core/tls/testing.ts";
import { fingerprint, pemBytes, pemBlocks, parseCertificate } from "../../core/tls/certificate.ts";
import { isNoise, normalize, play, scenarios, settingsOf, type TlsRecord } from "../../daemon/smtpd/starttls_scenarios_testing.ts";

const FIRST_PORT = 12330;
const base = await Deno.makeTempDir({ prefix: "tls-record-" });
await Deno.chmod(base, 0o755);
const certificates = `${base}/certs`;
await Deno.mkdir(certificates);
makeCertificates(certificates);
const clientPem = await Deno.readTextFile(`${certificates}/client.pem`);
const fingerprints = {
  certificate: opensslFingerprint(certificates, "client"),
  key: fingerprint(parseCertificate(pemBytes(pemBlocks(clientPem)[0]!)).publicKey, "sha256"),
};

function run(command: string, args: string[], env: Record<string, string> = {}): void {
  const { success, stderr } = new Deno.Command(command, { args, env, stdout: "null" }).outputSync();
  if (!success) console.error(`${command} ${args.join(" ")}: ${new TextDecoder().decode(stderr)}`);
}

const etc = `${base}/etc`;
run("cp", ["-r", "/etc/postfix", etc]);
await Deno.mkdir(`${base}/queue`);
await Deno.mkdir(`${base}/data`);
run("chown", ["postfix", `${base}/data`]);
run("postconf", ["-c", etc, "-e", `queue_directory=${base}/queue`, `data_directory=${base}/data`,
  `maillog_file=${base}/log`, "maillog_file_prefixes=/tmp", "inet_interfaces=127.0.0.1", "inet_protocols=ipv4",
  "mail_name=Example", "alias_maps=", "alias_database=", "default_transport=discard", "local_transport=discard",
  "myhostname=mail.example.test", "mydestination=mail.example.test", "local_recipient_maps="]);
const master = (await Deno.readTextFile("/etc/postfix/master.cf")).split("\n")
  .filter((line) => !/^(#|smtp +inet)/.test(line)).join("\n");
const services = scenarios.map((scenario, index) => {
  const options = Object.entries(settingsOf(scenario, certificates, fingerprints))
    .filter(([name]) => name !== "compatibility_level")
    .map(([name, value]) => `  -o { ${name} = ${value} }`);
  return [`${FIRST_PORT + index} inet n - n - 1 smtpd`, `  -o { syslog_name = s${index} }`, ...options].join("\n");
});
await Deno.writeTextFile(`${etc}/master.cf`, `${services.join("\n")}\n${master}\n`);
run("postfix", ["start"], { MAIL_CONFIG: etc });
const recorded: Record<string, TlsRecord> = {};
try {
  for (const [index, scenario] of scenarios.entries()) {
    const replies: string[] = [];
    for (let time = 0; time < (scenario.times ?? 1); time++) {
      replies.push(...await play(scenario, FIRST_PORT + index, certificates));
    }
    await new Promise((done) => setTimeout(done, 700));
    const log = (await Deno.readTextFile(`${base}/log`)).split("\n")
      .filter((line) => line.includes(` s${index}/smtpd[`)).map((line) => line.replace(/^.*?smtpd\[\d+\]: /, ""));
    recorded[scenario.name] = {
      replies: replies.map((line) => normalize(line, fingerprints)),
      log: log.filter((line) => !isNoise(line)).map((line) => normalize(line, fingerprints)),
    };
  }
} finally {
  run("postfix", ["stop"], { MAIL_CONFIG: etc });
  await new Promise((done) => setTimeout(done, 1000));
}
await Deno.remove(base, { recursive: true });
await Deno.writeTextFile(new URL("server.json", import.meta.url), JSON.stringify(recorded, null, 1) + "\n");
