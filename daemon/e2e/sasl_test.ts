/** AUTH through whole instances: rights after root is given up, and logs without secrets. */
import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { setSasldbPassword } from "../../core/sasl/mod.ts";
import { connectSmtp, startInstance } from "../master/testing.ts";
import { startFakeServer } from "../smtp/testing.ts";
import { send, until } from "./testing.ts";

const octets = (text: string) => new TextEncoder().encode(text);
const plain = (user: string, password: string) => `AUTH PLAIN ${btoa(`\0${user}\0${password}`)}`;

/** A user who is no root and a group that lists him; undefined if the system has none. */
function member(): { readonly user: string; readonly gid: number } | undefined {
  const users = new Map(
    Deno.readTextFileSync("/etc/passwd").split("\n").map((line) => {
      const [name = "", , uid] = line.split(":");
      return [name, Number(uid)] as const;
    }),
  );
  for (const line of Deno.readTextFileSync("/etc/group").split("\n")) {
    const [, , gid, members = ""] = line.split(":");
    const user = members.split(",").find((name) => (users.get(name) ?? 0) > 0);
    if (user !== undefined) return { user, gid: Number(gid) };
  }
  return undefined;
}

function hasPostfixGroup(): boolean {
  return /^postdrop:/m.test(Deno.readTextFileSync("/etc/group"));
}

const someone = Deno.uid() === 0 && hasPostfixGroup() ? member() : undefined;

Deno.test({
  name: "processes: a password file of root and a group serves a mail owner in the group; so does a database",
  ignore: someone === undefined,
  async fn() {
    const directory = Deno.makeTempDirSync({ prefix: "postel-sasl-" });
    Deno.chmodSync(directory, 0o755);
    const file = `${directory}/sasldb2`;
    // As Debian makes it: root's, readable by a group.
    setSasldbPassword(file, "carol", "mx.example.com", octets("geheim"), 0o077);
    Deno.chownSync(file, 0, someone!.gid);
    Deno.chmodSync(file, 0o640);
    const database = new DatabaseSync(`${directory}/accounts.sqlite`);
    database.exec("CREATE TABLE accounts (name, secret); INSERT INTO accounts VALUES ('dave', 'daves')");
    database.close();
    Deno.writeTextFileSync(
      `${directory}/smtpd.conf`,
      `auxprop_plugin: sasldb sql\nsasldb_path: ${file}\nsql_engine: sqlite\n` +
        `sql_database: ${directory}/accounts.sqlite\nsql_select: SELECT secret FROM accounts WHERE name = '%u'\n`,
    );
    await using instance = await startInstance({
      processes: true,
      main: [
        `mail_owner = ${someone!.user}`,
        "smtpd_sasl_auth_enable = yes",
        "smtpd_sasl_local_domain = mx.example.com",
        `cyrus_sasl_config_path = ${directory}`,
      ],
    });
    const login = async (user: string, password: string) => {
      const client = await connectSmtp(instance.port);
      try {
        await client.say("EHLO client.example");
        return (await client.say(plain(user, password))).slice(0, 3);
      } finally {
        client.close();
      }
    };
    assert.equal(await login("carol", "geheim"), "235", instance.log());
    assert.equal(await login("dave", "daves"), "235", instance.log());
    assert.equal(await login("carol", "daves"), "535");
    // A new password counts at once, without root.
    setSasldbPassword(file, "carol", "mx.example.com", octets("neu"), 0o077);
    await until("the new password", async () => await login("carol", "neu") === "235");
    // Without the group's right it is an error of the server, not of the client.
    Deno.chmodSync(file, 0o600);
    setSasldbPassword(file, "erin", "mx.example.com", octets("x"), 0o077);
    await until("no right to read", async () => await login("erin", "x") === "454");
    assert.match(instance.log(), /warning: SASL .*sasldb2/);
    await instance.stop();
    Deno.removeSync(directory, { recursive: true });
  },
});

for (const format of ["classic", "json"]) {
  const name = `passwords stand in no log and in no notice, however much is told: ${format}`;
  Deno.test(name, () => tellEverything(format));
}

/** The files below a directory, as text. */
function* contents(directory: string): Generator<string> {
  for (const entry of Deno.readDirSync(directory)) {
    const path = `${directory}/${entry.name}`;
    if (entry.isDirectory) yield* contents(path);
    else if (entry.isFile) yield new TextDecoder("latin1").decode(Deno.readFileSync(path));
  }
}

async function tellEverything(format: string): Promise<void> {
  const directory = Deno.makeTempDirSync({ prefix: "postel-sasl-" });
  const right = "Tr0ub4dor-and-3";
  const wrong = "hunter2-typo-99";
  const outward = "outward-Secret-7";
  setSasldbPassword(`${directory}/db`, "carol", "mx.example.com", octets(right), 0o077);
  Deno.writeTextFileSync(`${directory}/smtpd.conf`, `sasldb_path: ${directory}/db\n`);
  const refusing = startFakeServer({
    keywords: ["AUTH PLAIN LOGIN"],
    on: { AUTH: `535 5.7.8 no: ${btoa(`\0me\0${outward}`)}` },
  });
  const accepting = startFakeServer({ keywords: ["AUTH LOGIN PLAIN"], on: { AUTH: "235 2.7.0 yes" } });
  try {
    await using instance = await startInstance({
      main: [
        "smtpd_sasl_auth_enable = yes",
        "smtpd_sasl_local_domain = mx.example.com",
        `cyrus_sasl_config_path = ${directory}`,
        "debug_peer_list = 127.0.0.1",
        "debug_peer_level = 9",
        "smtpd_tls_loglevel = 4",
        "smtp_tls_loglevel = 4",
        "smtpd_error_sleep_time = 0",
        "smtp_sasl_auth_enable = yes",
        "smtp_sasl_security_options = noanonymous",
        `smtp_sasl_password_maps = inline:{{[127.0.0.1]:${refusing.port}=me:${outward}} {[127.0.0.1]:${accepting.port}=me:${outward}}}`,
        `transport_maps = inline:{{refused.example=smtp:[127.0.0.1]:${refusing.port}} {accepted.example=smtp:[127.0.0.1]:${accepting.port}}}`,
        "relay_domains = refused.example, accepted.example",
        `postel_log_format = ${format}`,
        "notify_classes = protocol, resource, software, policy, data, bounce, delay",
        // Notices about sessions wait where they can be looked at.
        "error_notice_recipient = postmaster@refused.example",
      ],
    });
    const dialogues: readonly (readonly string[])[] = [
      [plain("carol", right)],
      [plain("carol", wrong)],
      [`AUTH PLAIN ${btoa(`\0carol\0${wrong}`).slice(0, -1)}`],
      [`AUTH PLAIN ${btoa(`\0carol\0${wrong}`)}!`],
      [`AUTH PLAIN ${btoa(`\0carol\0${wrong}`)} ${btoa(wrong)}`],
      [`AUTH PLAIN ${btoa(wrong)}`],
      [`AUTH NONSUCH ${btoa(`\0carol\0${wrong}`)}`],
      [`AUTH ${btoa(`\0carol\0${wrong}`)}`, "RSET x"],
      [`AUTH\t${btoa(wrong)}`, "RSET x"],
      [plain("carol", wrong), wrong, btoa(wrong), "RSET x"],
      [plain("carol", right), right, "RSET x"],
      ["AUTH PLAIN", btoa(`\0carol\0${wrong}\0`)],
      ["AUTH LOGIN", btoa("carol"), btoa(right)],
      ["AUTH LOGIN", btoa("carol"), btoa(wrong)],
      ["AUTH LOGIN", btoa("carol"), wrong],
      ["AUTH LOGIN", btoa("carol"), "*"],
      ["AUTH LOGIN", btoa("carol"), btoa(wrong).repeat(900)],
      ["AUTH CRAM-MD5", btoa(`carol ${wrong}`)],
      ["AUTH SCRAM-SHA-256", btoa(`n,,n=carol,r=${wrong}`)],
      ["AUTH DIGEST-MD5", btoa(`username="carol",response="${wrong}"`)],
    ];
    for (const lines of dialogues) {
      const client = await connectSmtp(instance.port);
      await client.say("EHLO client.example");
      for (const line of lines) await client.say(line);
      client.close();
    }
    for (const domain of ["refused.example", "accepted.example"]) {
      assert.match((await send(instance.port, [`someone@${domain}`])).reply, /^250/);
    }
    await instance.logged(/to=<someone@accepted\.example>.*status=sent/);
    await instance.logged(/to=<someone@refused\.example>.*status=(?:deferred|bounced)/);
    await instance.stop();
    const notices = [...contents(instance.spool)].filter((text) =>
      text.includes("Transcript of session follows.")
    );
    assert.ok(notices.some((text) => text.includes("In:  AUTH PLAIN (not shown)")));
    const log = [instance.log(), ...notices].join("\n");
    // The log is there, with the failures.
    assert.match(log, /SASL LOGIN authentication failed: authentication failure, sasl_username=carol/);
    const secrets = [right, wrong, outward].flatMap((secret) => [
      secret,
      ...["", "\0carol\0", "\0me\0", "me\0me\0"].flatMap((before) => {
        const text = btoa(before + secret);
        // Not even the beginning of one.
        return [text, text.slice(0, -4)];
      }),
    ]).filter((text) => text.length > 8);
    for (const secret of secrets) {
      const at = log.indexOf(secret);
      assert.equal(
        at,
        -1,
        at < 0 ? "" : `${secret} stands in the log: ${log.slice(Math.max(0, at - 200), at + 100)}`,
      );
    }
  } finally {
    await refusing.close();
    await accepting.close();
    Deno.removeSync(directory, { recursive: true });
  }
}
