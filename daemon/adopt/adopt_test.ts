import assert from "node:assert/strict";
import { loadConfig, parameterTable } from "../../core/config/mod.ts";
import data from "./knowledge.json" with { type: "json" };
import { compatibilityReport, formatReport, type Report, settingsWithoutEffect } from "./mod.ts";

async function report(main: string, master: string): Promise<Report> {
  const directory = Deno.makeTempDirSync({ prefix: "postel-adopt-" });
  try {
    Deno.writeTextFileSync(
      `${directory}/main.cf`,
      `compatibility_level = 3.6\nqueue_directory = ${directory}/spool\ndata_directory = ${directory}/data\n${main}\n`,
    );
    Deno.writeTextFileSync(`${directory}/master.cf`, master);
    const found = await compatibilityReport(loadConfig({ directory }));
    return JSON.parse(JSON.stringify(found).replaceAll(directory, "@")) as Report;
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
}

const PLAIN = "127.0.0.1:0 inet n - n - - smtpd\nsmtp unix - - n - - smtp\nlocal unix - n n - - local\n";

Deno.test("a plain configuration is ready", async () => {
  const found = await report("myhostname = mx.example.com\nalias_maps =\nalias_database =", PLAIN);
  assert.equal(found.verdict, "ready");
  assert.deepEqual(found.notes, []);
  assert.match(formatReport(found), /This configuration works here\./);
});

Deno.test("what is not there is named with its place", async () => {
  const found = await report(
    "alias_maps =\nalias_database =\ncanonical_maps = nis:aliases\nqmgr_fudge_factor = 90\n" +
      "smtpd_tls_cipherlist = HIGH",
    `${PLAIN}nosuch unix - n n - - nosuch\n`,
  );
  assert.equal(found.verdict, "with losses");
  const named = found.notes.map(({ kind, name, state, line }) => `${kind} ${name}: ${state} ${line}`);
  assert.deepEqual(named, [
    "service nosuch/unix: missing 4",
    "table nis: missing 6",
    "parameter qmgr_fudge_factor: no effect 7",
    "parameter smtpd_tls_cipherlist: no effect 8",
  ]);
  assert.equal(found.notes.at(-1)?.remedy, "use smtpd_tls_mandatory_ciphers");
  assert.deepEqual(found.tables, ["nis"]);
});

Deno.test("what a start says of settings without effect: each once, with its place", () => {
  const directory = Deno.makeTempDirSync({ prefix: "postel-adopt-" });
  Deno.writeTextFileSync(
    `${directory}/main.cf`,
    "qmgr_fudge_factor = 90\nbiff = no\nenable_threaded_bounces = no\n",
  );
  Deno.writeTextFileSync(`${directory}/master.cf`, "smtp inet n - n - - smtpd\n -o tcp_windowsize=1\n");
  const said = settingsWithoutEffect(loadConfig({ directory })).map((text) =>
    text.replaceAll(directory, "@")
  );
  assert.deepEqual(said, [
    "@/main.cf, line 1: qmgr_fudge_factor has no effect: the queue manager shares deliveries out in another way",
    "@/master.cf: smtp/inet: tcp_windowsize has no effect: services are modules of a few long-lived processes",
  ]);
  Deno.removeSync(directory, { recursive: true });
});

Deno.test("a broken value blocks", async () => {
  const found = await report("smtpd_timeout = never", PLAIN);
  assert.equal(found.verdict, "blocked");
  assert.match(found.notes.find(({ state }) => state === "broken")?.text ?? "", /smtpd_timeout/);
});

Deno.test("every rule about parameters is about a parameter that exists", () => {
  const names = [
    ...parameterTable.all.map(({ name }) => name),
    ...parameterTable.derived.map(({ suffix }) => `smtp${suffix}`),
  ];
  for (const { name } of data.parameters) {
    for (const alternative of name.split("$|")) {
      const pattern = new RegExp(
        alternative.endsWith("$") || !name.includes("$|") ? alternative : `${alternative}$`,
      );
      const loose = new RegExp(alternative);
      assert.ok(
        names.some((known) => pattern.test(known) || loose.test(known)),
        `${alternative} is about nothing`,
      );
    }
  }
});
