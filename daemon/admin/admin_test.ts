import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import process from "node:process";
import { configFromText } from "../../core/config/mod.ts";
import { Logger } from "../../core/log/mod.ts";
import { lookupUser } from "../../core/system/mod.ts";
import { connectSmtp, startInstance, type TestInstance } from "../master/testing.ts";
import { upgradeConfiguration } from "./mod.ts";
import { completeServices } from "./upgrade.ts";

const isRoot = process.geteuid?.() === 0;
const canSplit = isRoot && lookupUser("postfix") !== undefined;
const SETTINGS = ["default_transport = discard:", "smtpd_relay_restrictions = permit_mynetworks, reject"];

/** Without root the instance is its user's own. */
const own = isRoot ? [] : [`mail_owner = ${lookupUser(process.geteuid?.() ?? 0)?.name ?? ""}`];

async function sendOne(instance: TestInstance): Promise<void> {
  const client = await connectSmtp(instance.port);
  for (
    const line of ["EHLO client.example", "MAIL FROM:<a@example.net>", "RCPT TO:<b@outside.example>", "DATA"]
  ) {
    assert.match(await client.say(line), /^[23]/m);
  }
  assert.match(await client.say("Subject: x\r\n\r\ntext\r\n."), /^250/);
  assert.match(await client.say("QUIT"), /^221/);
  client.close();
}

Deno.test("status, start of what runs, unknown commands: Postfix's words and exit codes", async () => {
  await using instance = await startInstance({ main: [...SETTINGS, ...own] });
  const postfix = (...args: string[]) => instance.run(["postfix", ...args]);
  assert.equal((await postfix("status")).code, 0);
  assert.match(instance.log(), new RegExp(`the Postfix mail system is running: PID: ${instance.pid}`));
  const again = await postfix("start");
  assert.equal(again.code, 1);
  assert.equal(again.stderr, "postfix/postfix-script: fatal: the Postfix mail system is already running\n");
  const bogus = await postfix("bogus");
  assert.equal(bogus.code, 1);
  assert.equal(
    bogus.stderr,
    "postfix/postfix-script: fatal: unknown command: 'bogus'. Usage: postfix start (or stop, reload, abort, flush, " +
      "check, status, set-permissions, upgrade-configuration, logrotate)\n",
  );
  const usage = await postfix("logrotate", "x");
  assert.equal(usage.stderr, "postfix/postfix-script: fatal: usage postfix logrotate (no arguments)\n");
  const tls = await postfix("tls");
  assert.equal(tls.code, 1);
  assert.match(tls.stderr, /^postfix\/postfix-tls-script: error: unknown tls command: ''\n/);
  assert.equal((await postfix("tls", "all-default-client")).code, 0);
  assert.equal((await postfix("reload")).code, 0);
  await instance.logged(/reload -- version/);
  assert.equal((await postfix("flush")).code, 0);
  assert.equal((await postfix("quick-stop")).code, 0);
  // The words of the command stand before those of the daemon that it stops.
  assert.match(instance.log(), /stopping the Postfix mail system\n.*terminating on signal 15/);
  assert.ok(existsSync(`${instance.spool}/quick-start`));
  assert.deepEqual(await postfix("start_msg"), { code: 0, stdout: "Start postfix\n", stderr: "" });
  for (const action of ["stop", "abort", "reload", "drain"]) {
    const result = await postfix(action);
    assert.equal(result.code, 1, action);
    assert.equal(result.stderr, "postfix/postfix-script: fatal: the Postfix mail system is not running\n");
  }
  assert.equal((await postfix("status")).code, 1);
  assert.equal((await postfix("flush")).code, 69);
});

Deno.test("a reload with a broken main.cf is refused and the old configuration stays", async () => {
  await using instance = await startInstance({ main: [...SETTINGS, ...own] });
  Deno.writeTextFileSync(`${instance.etc}/main.cf`, "smtpd_timeout = never\n", { append: true });
  const { code, stderr } = await instance.run(["postfix", "reload"]);
  assert.equal(code, 1);
  assert.match(stderr, /fatal: .*smtpd_timeout/);
  await sendOne(instance);
});

async function rotates(processes: boolean): Promise<void> {
  await using instance = await startInstance({ main: [...SETTINGS, ...own], processes });
  await sendOne(instance);
  await instance.logged(/status=sent/);
  const { code, stderr } = await instance.run(["postfix", "logrotate"]);
  assert.equal(code, 0, stderr);
  const names = [...Deno.readDirSync(`${instance.directory}/log`)].map(({ name }) => name).sort();
  assert.equal(names.length, 2, names.join(" "));
  assert.match(names[1]!, /^mail\.log\.\d{8}-\d{6}\.gz$/);
  assert.doesNotMatch(instance.log(), /status=sent/);
  // Every process writes into the new file, those that gave up root as well.
  await sendOne(instance);
  await instance.logged(/status=sent/);
  for (const program of ["smtpd", "cleanup", "qmgr", "discard", "master"]) {
    assert.match(instance.log(), new RegExp(`postfix/${program}\\[`), program);
  }
  assert.doesNotMatch(instance.log(), /warning|error|fatal/);
}

Deno.test({
  name: "logrotate: processes of their own go on in the new file",
  ignore: !canSplit,
  fn: () => rotates(true),
});
Deno.test("logrotate: one process", () => rotates(false));

Deno.test("logrotate refuses what can't be rotated and changes nothing", async () => {
  await using instance = await startInstance({
    main: [...SETTINGS, ...own, "maillog_file_compressor ="],
  });
  const { code, stderr } = await instance.run(["postfix", "logrotate"]);
  assert.equal(code, 1);
  assert.match(stderr, /fatal: empty 'maillog_file_compressor' parameter value - logfile rotation failed/);
  assert.ok(existsSync(`${instance.directory}/log/mail.log`));
});

Deno.test("upgrade-configuration adds the services that master.cf lacks, once", async () => {
  await using instance = await startInstance({ main: [...SETTINGS, ...own] });
  const first = await instance.run(["postfix", "upgrade-configuration"]);
  assert.equal(first.code, 0, first.stderr);
  assert.match(first.stdout, /adding missing entry for tlsmgr service/);
  const master = Deno.readTextFileSync(`${instance.etc}/master.cf`);
  assert.match(master, /^tlsmgr +unix /m);
  assert.match(master, /^#dnsblog +unix /m);
  const second = await instance.run(["postfix", "upgrade-configuration"]);
  assert.equal(second.stdout, "");
});

Deno.test("upgrade-configuration says and writes what Postfix's does to an old master.cf", () => {
  const directory = Deno.makeTempDirSync();
  const path = `${directory}/master.cf`;
  const old = [
    ...completeServices.filter((line) => !/^(verify|proxywrite|cleanup|postlog) /.test(line)),
    "verify unix - - n - 0 verify",
    "proxywrite unix - - n - - proxymap",
    "cleanup unix - - n - 0 cleanup",
    "smtpd pass - - n - - smtpd",
  ];
  Deno.writeTextFileSync(path, old.join("\n"));
  const config = configFromText(
    [`queue_directory = ${directory}/spool`, `data_directory = ${directory}/data`, ...own].join("\n"),
    { directory },
  );
  const lines: string[] = [];
  const log = new Logger({ write: (entry) => lines.push(entry.text), flush() {} }, "postfix/postfix-script");
  const code = upgradeConfiguration({ config, log }, (line) => lines.push(line.replace(path, "FILE")));
  assert.deepEqual([code, lines], [0, [
    "Editing FILE, adding missing entry for postlog unix-domain datagram service",
    "Editing FILE, setting verify process limit to 1",
    "Editing FILE, setting proxywrite process limit to 1",
    "Editing FILE, making the cleanup service public",
    "Editing FILE, adding missing entry for postscreen TCP service",
    "Editing FILE, adding missing entry for dnsblog unix-domain service",
    "Editing FILE, adding missing entry for tlsproxy unix-domain service",
  ]]);
  const text = Deno.readTextFileSync(path);
  for (
    const line of [
      /^verify +unix +- +- +n +- +1 +verify$/m,
      /^proxywrite +unix +- +- +n +- +1 +proxymap$/m,
      /^cleanup +unix +n +- +n +- +0 +cleanup$/m,
      /^#tlsproxy +unix +- +- +n +- +0 +tlsproxy$/m,
    ]
  ) assert.match(text, line);
  Deno.removeSync(directory, { recursive: true });
});
