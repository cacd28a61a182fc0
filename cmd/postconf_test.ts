import assert from "node:assert/strict";
import answers from "../testdata/config/answers.json" with { type: "json" };
import { isolated, withPlace } from "../testdata/config/cases.ts";
import { runPostconf } from "./postconf.ts";
import { postconfStreams } from "./postconf_message.ts";

/** Runs a command line on a fresh copy of a setup. */
async function ask(setup: string, args: readonly string[]) {
  const directory = isolated(setup);
  let stdout = "";
  let stderr = "";
  const streams = postconfStreams("postconf", (text) => stdout += text, (text) => stderr += text);
  const code = await runPostconf(["-c", directory, ...withPlace(args)], streams);
  const files: Record<string, string> = {};
  for (const name of ["main.cf", "master.cf"]) {
    const now = Deno.readTextFileSync(`${directory}/${name}`);
    if (
      now !== Deno.readTextFileSync(new URL(`../testdata/config/setups/${setup}/${name}`, import.meta.url))
    ) {
      files[name] = now;
    }
  }
  assert.deepEqual([...Deno.readDirSync(directory)].length, 2, "nothing is left behind");
  Deno.removeSync(directory, { recursive: true });
  const place = (text: string) => text.replaceAll(directory, "@DIRECTORY@");
  return { code, stdout: place(stdout), stderr: place(stderr).split("\n").filter(Boolean).sort(), files };
}

/** Names whose default depends on the machine or the moment. */
const OF_THE_MACHINE = ["mynetworks", "process_id", "myhostname", "mydomain"];

/** Parameters that Postfix 3.7 as Debian builds it doesn't have, or with another default. */
const OTHER_DEFAULT = [
  ...["tls_export_cipherlist", "tls_high_cipherlist", "tls_low_cipherlist", "tls_medium_cipherlist"],
  ...["tls_null_cipherlist", "smtpd_forbid_bare_newline", "smtpd_forbid_unauth_pipelining"],
  ...["smtp_tls_dane_insecure_mx_policy", "tls_eecdh_auto_curves", "address_verify_map", "alias_database"],
  ...["alias_maps", "import_environment", "milter_default_action", "postscreen_cache_map", "proxy_read_maps"],
  ...["smtp_tls_security_level", "tlsproxy_client_policy_maps", "tlsproxy_client_security_level"],
  ...["mail_version", "mail_release_date", "service_name", "mail_name", "daemon_directory", "html_directory"],
  ...["manpage_directory", "readme_directory", "shlib_directory", "tls_legacy_public_key_fingerprints"],
  ...["tlsproxy_client_policy", "tlsproxy_client_level"],
];

/** Output as pieces, one a parameter: a folded line and its continuations are one piece. */
function pieces(text: string): string[] {
  return text.replace(/\n$/, "").split(/\n(?! {4})/);
}

function isComplaint(text: string): boolean {
  return /^postconf: (warning|fatal): /.test(text);
}

function nameOf(piece: string): string {
  return /^[^ \n]*/.exec(piece)![0];
}

/**
 * The pieces of a list that can be compared: those of names that both know with the same default. Without names (-h)
 * nothing tells which line is which.
 */
function comparable(text: string, both: ReadonlySet<string>): string[] {
  return pieces(text).filter((piece) => {
    const name = nameOf(piece);
    return both.has(name) && !OF_THE_MACHINE.includes(name) && !OTHER_DEFAULT.includes(name);
  });
}

/** Expanded values name the program and its version. */
function asThatRelease(text: string): string {
  return text.replaceAll(/\b3\.11\.\d+/g, "3.7.11").replaceAll(/\bPostel\b/g, "Postfix");
}

/** Command lines whose answers differ because the programs do: what can be said of ours all the same. */
const OF_THE_PROGRAM: Readonly<
  Record<string, (ours: string, theirs: string, errors: readonly string[]) => void>
> = {
  // nis: is not there; debug:, mongodb: and redis: came later.
  "-m": (ours, theirs) => {
    const missing = new Set(theirs.split("\n")).difference(new Set(ours.split("\n")));
    assert.deepEqual([...missing], ["nis"]);
  },
  "-T public-key-algorithms": (ours) => assert.equal(ours, "ecdsa\ned25519\nrsa\n"),
  "-E": (_ours, _theirs, errors) =>
    assert.match(errors.join(), /^postconf: fatal: usage: postconf \[-a .*\[-j .* \[name\.\.\.\]$/),
};

const LISTS_EVERYTHING = /^(|-f|-x|-d|-df|-dH|-C builtin)$/;

for (const setup of new Set(answers.map((answer) => answer.setup))) {
  Deno.test(`postconf answers as Postfix's does: ${setup}`, async () => {
    let compared = 0;
    for (const expected of answers.filter((answer) => answer.setup === setup && answer.files === undefined)) {
      const line = expected.args.join(" ");
      const found = await ask(setup, expected.args);
      const message = `postconf ${line}`;
      assert.equal(found.code, expected.code, message);
      if (LISTS_EVERYTHING.test(line)) {
        const both = new Set(pieces(found.stdout).map(nameOf)).intersection(
          new Set(pieces(expected.stdout).map(nameOf)),
        );
        assert.ok(both.size > 820, `${message}: ${both.size} names in common`);
        const ours = asThatRelease(found.stdout);
        // The default of alias_maps, which others refer to, has NIS in it there.
        const theirs = expected.stdout.replaceAll(", nis:mail.aliases", "");
        assert.deepEqual(comparable(ours, both), comparable(theirs, both), message);
      } else if (OF_THE_PROGRAM[line] !== undefined) {
        OF_THE_PROGRAM[line](found.stdout, expected.stdout, found.stderr);
        compared += 1;
        continue;
      } else {
        assert.equal(asThatRelease(found.stdout), expected.stdout, message);
      }
      // What -v says is for people who look for a mistake.
      const said = expected.args[0]?.startsWith("-v") ? found.stderr.filter(isComplaint) : found.stderr;
      assert.deepEqual(said, expected.stderr, message);
      compared += 1;
    }
    assert.ok(compared > 70);
  });

  Deno.test(`postconf edits as Postfix's does: ${setup}`, async () => {
    for (const expected of answers.filter((answer) => answer.setup === setup && answer.files !== undefined)) {
      const message = `postconf ${expected.args.join(" ")}`;
      if (setup === "null-client" && expected.args.includes("smtp/inet/chroot=q")) {
        // Postfix looks at the value only when it has found the service.
        assert.equal((await ask(setup, expected.args)).code, 1);
        continue;
      }
      const found = await ask(setup, expected.args);
      assert.equal(found.code, expected.code, message);
      assert.deepEqual(found.stderr, expected.stderr, message);
      const files = expected.files as Record<string, string>;
      for (const name of ["main.cf", "master.cf"]) {
        // A changed entry stays in its place; Postfix puts it behind the comments that follow it.
        for (const comments of [false, true]) {
          const select = (text = "") => text.split("\n").filter((line) => line.startsWith("#") === comments);
          assert.deepEqual(select(found.files[name]), select(files[name]), `${message}: ${name}`);
        }
      }
    }
  });
}

/** Runs a command line on a configuration of its own. */
async function askHere(main: string, master: string, ...args: string[]) {
  const directory = Deno.makeTempDirSync();
  Deno.writeTextFileSync(`${directory}/main.cf`, main);
  Deno.writeTextFileSync(`${directory}/master.cf`, master);
  let stdout = "";
  let stderr = "";
  const streams = postconfStreams("postconf", (text) => stdout += text, (text) => stderr += text);
  const code = await runPostconf(["-c", directory, ...args], streams);
  Deno.removeSync(directory, { recursive: true });
  const place = (text: string) => text.replaceAll(directory, "@DIRECTORY@");
  return { code, stdout: place(stdout), stderr: place(stderr) };
}

const MAIN_CF = 'compatibility_level = 3.11\nmydestination = a,\n\tb "c" \\d\nbiff = no\nunused = é\n';
const MASTER_CF = "smtp inet n - n - - smtpd -v\n  -o {a = b c}\n -o syslog_name=$mail_name/x\n";

/** What Postfix 3.11 prints with -j: one `{"name": "value"}` a line, white space as it stands in the file. */
Deno.test("postconf -j: one object a line, for parameters, entries, fields and settings", async () => {
  const json = async (...args: string[]) => {
    const { code, stdout, stderr } = await askHere(MAIN_CF, MASTER_CF, "-q", ...args);
    assert.deepEqual([code, stderr], [0, ""], args.join(" "));
    return stdout.trimEnd().split("\n").map((line) => Object.entries(JSON.parse(line))).flat();
  };
  assert.deepEqual(await json("-jn", "mydestination", "biff"), [["mydestination", 'a,\tb "c" \\d'], [
    "biff",
    "no",
  ]]);
  assert.deepEqual(await json("-jx", "-o", "mydestination=$biff", "mydestination"), [[
    "mydestination",
    "no",
  ]]);
  assert.deepEqual(await json("-jd", "biff"), [["biff", "yes"]]);
  assert.deepEqual(await json("-jM"), [
    ["smtp/inet", "smtp inet n - n - - smtpd -v -o {a=b c} -o syslog_name=$mail_name/x"],
  ]);
  assert.deepEqual(await json("-jF", "smtp/inet/chroot"), [["smtp/inet/chroot", "n"]]);
  assert.deepEqual(await json("-jPx", "smtp/inet/syslog_name"), [["smtp/inet/syslog_name", "Postel/x"]]);
  const { stdout } = await askHere(MAIN_CF, MASTER_CF, "-jq");
  assert.ok(stdout.split("\n").length > 870);
});

Deno.test("postconf: options that Postfix 3.11 has and 3.7 has not", async () => {
  const fatal = async (text: string, ...args: string[]) => {
    const { code, stdout, stderr } = await askHere(MAIN_CF, MASTER_CF, ...args);
    assert.deepEqual([code, stdout], [1, ""], args.join(" "));
    assert.ok(stderr.startsWith(text), stderr);
  };
  await fatal("postconf: fatal: with option -j, do not specify -f -h\n", "-jfh");
  await fatal("postconf: fatal: with option -j, do not specify -e\n", "-j", "biff=no");
  await fatal("postconf: fatal: with option -a, do not specify -j\n", "-aj");
  await fatal("postconf: invalid option -- 'D'\npostconf: fatal: usage: postconf [-a (server", "-D");
  await fatal("postconf: fatal: usage: postconf [-a (server SASL types)] ", "-E");
  await fatal("postconf: fatal: At most one -T <mode> option may be specified\n", "-Trun-version", "-Tx");
  assert.deepEqual(await askHere(MAIN_CF, MASTER_CF, "-qnC", "USER"), { code: 0, stdout: "", stderr: "" });
  assert.deepEqual(
    await askHere(MAIN_CF, MASTER_CF, "-vq", "-o", "relayhost=x", "biff", "relayhost", "mail_name"),
    {
      code: 0,
      stdout: "biff = no\nrelayhost = x\nmail_name = Postel\n",
      stderr:
        "postconf: biff: @DIRECTORY@/main.cf, line 4\npostconf: relayhost: -o\npostconf: mail_name: default\n",
    },
  );
});

Deno.test("postconf: deprecated parameters are told with what to use instead, unless -q", async () => {
  const main = "compatibility_level = 3.11\nsmtp_use_tls = yes\nnosuch = 1\n";
  assert.equal(
    (await askHere(main, "", "-n", "smtp_use_tls")).stderr,
    `postconf: warning: @DIRECTORY@/main.cf: unused parameter: nosuch=1
postconf: warning: @DIRECTORY@/main.cf: support for parameter "smtp_use_tls" will be removed; instead, specify "smtp_tls_security_level"
postconf: warning: See https://www.postfix.org/DEPRECATION_README.html for details
`,
  );
  assert.equal((await askHere(main, "", "-nq", "smtp_use_tls")).stderr, "");
});
