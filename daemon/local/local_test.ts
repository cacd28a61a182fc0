/** Deliveries from end to end that recorded answers do not cover. */
import assert from "node:assert/strict";
import { startInstance } from "../master/testing.ts";
import { buildWorld, type Scenario, scenarioLines, WORLD_POSSIBLE, worldMain } from "./world_testing.ts";
import { feedCleanup } from "./world_cleanup_testing.ts";
import { sendTaken } from "./world_traffic_testing.ts";

const options = { ignore: !WORLD_POSSIBLE, sanitizeOps: false, sanitizeResources: false };

async function startWorld(scenario: Omit<Scenario, "name">) {
  const directory = Deno.makeTempDirSync({ prefix: "postel-test-" });
  buildWorld(directory, { name: "test", ...scenario });
  const instance = await startInstance({
    directory,
    processes: true,
    main: [...worldMain(directory), ...scenarioLines(scenario.main, directory)],
    master: scenarioLines(scenario.master ?? [], directory),
    enter: ["unshare", "-m", `${directory}/enter`],
  });
  for (const message of scenario.messages) await sendTaken(instance.port, message);
  return instance;
}

Deno.test({
  name: "hostile local parts reach no path and no shell, and bounce",
  ...options,
  async fn() {
    const parts = [
      "../../../etc/passwd",
      "..",
      ".",
      "u01/../../u02",
      "|touch {dir}/out/owned",
      "`touch {dir}/out/owned`",
      "$(touch {dir}/out/owned)",
      "u01;touch {dir}/out/owned",
      ":include:/etc/passwd",
      "/etc/passwd",
      "x".repeat(900),
    ];
    // What SMTP has no room for.
    const internal = ["u01\nu02", "u01\ru02", "u01\0u02", "x".repeat(65536)];
    await using instance = await startWorld({
      main: ["smtpd_recipient_limit = 100", "mailbox_command = cat > $HOME/$EXTENSION"],
      files: { aliases: "" },
      messages: [],
    });
    for (const [index, part] of parts.entries()) {
      const quoted = `"${part.replaceAll("{dir}", instance.directory).replace(/["\\]/g, "\\$&")}"`;
      await sendTaken(instance.port, { id: `case${index}`, to: [`${quoted}@example.com`] });
    }
    for (const [index, part] of internal.entries()) {
      const message = { id: `internal${index}`, to: [`${part}@example.com`] };
      assert.equal(await feedCleanup(instance.spool, message), 0);
    }
    const all = parts.length + internal.length;
    const bounces = () => instance.log().match(/status=bounced \(unknown user/g)?.length ?? 0;
    for (let tries = 0; tries < 200 && bounces() < all; tries++) {
      await new Promise((done) => setTimeout(done, 50));
    }
    assert.equal(bounces(), all);
    assert.deepEqual([...Deno.readDirSync(`${instance.directory}/out`)], []);
    assert.deepEqual([...Deno.readDirSync(`${instance.directory}/mail`)], []);
  },
});

Deno.test({
  name: "an alias table built by newaliases, 1000 members: each gets one message, under one queue id",
  ...options,
  async fn() {
    const members = Array.from({ length: 1000 }, (_, n) => `member${n}@outside.example`);
    await using instance = await startWorld({
      main: ["alias_maps = hash:{dir}/aliases", "alias_database = hash:{dir}/aliases"],
      files: { aliases: "everybody: :include:{dir}/lists/all\n", "lists/all": members.join("\n") + "\n" },
      messages: [],
    });
    const { code, stderr } = await instance.run(["newaliases"]);
    assert.equal(code, 0, stderr);
    await sendTaken(instance.port, { id: "all", to: ["everybody@example.com"] });
    await instance.logged(/everybody@example\.com>.*forwarded as/);
    const count = () => instance.log().match(/to=<member\d+@.*status=sent/g)?.length ?? 0;
    for (let tries = 0; tries < 200 && count() < members.length; tries++) {
      await new Promise((done) => setTimeout(done, 50));
    }
    const given = new Set([...instance.log().matchAll(/to=<(member\d+)@/g)].map((match) => match[1]));
    assert.equal(given.size, 1000);
  },
});

Deno.test({
  name: "NOTIFY=SUCCESS: an alias is reported as expanded, its members are not",
  ...options,
  async fn() {
    await using instance = await startWorld({
      main: ["transport_maps = inline:{ { outside.example = discard: } { back.example = virtual: } }"].concat(
        [
          "virtual_mailbox_maps = static:sender",
          "virtual_mailbox_base = {dir}/vmail",
          "virtual_uid_maps = static:4010",
          "virtual_gid_maps = static:4010",
        ],
      ),
      files: { aliases: "two u01, x@outside.example\n", "vmail/": { mode: 0o777 } },
      messages: [{ id: "two", from: "me@back.example", to: ["two@example.com"], rcpt: " NOTIFY=SUCCESS" }],
    });
    await instance.logged(/to=<me@back\.example>.*status=sent/);
    const notice = Deno.readTextFileSync(`${instance.directory}/vmail/sender`);
    assert.match(notice, /Final-Recipient: rfc822; two@example\.com/);
    assert.match(notice, /Action: expanded/);
    assert.match(Deno.readTextFileSync(`${instance.directory}/mail/u01`), /^Message-ID: <two@case>$/m);
    await instance.stop();
    assert.equal([...instance.log().matchAll(/to=<me@back\.example>/g)].length, 1);
  },
});

Deno.test({
  name: "local_delivery_status_filter turns a bounce into a deferral",
  ...options,
  async fn() {
    await using instance = await startWorld({
      main: ["local_delivery_status_filter = pcre:{dir}/filter"],
      files: { aliases: "", filter: "/^5(\\.1\\.1 .*)$/ 4$1\n" },
      messages: [{ id: "gone", to: ["gone@example.com"] }],
    });
    await instance.logged(/dsn=4\.1\.1, status=deferred \(unknown user: "gone"\)/);
  },
});

Deno.test({
  name: "kill in the middle of a delivery to a command: the message is delivered again, none is lost",
  ...options,
  async fn() {
    const scenario = {
      main: ["transport_maps = inline:{ { cmd.example = cmd: } }"],
      master: [
        "cmd unix - n n - - pipe user=u01 argv=/bin/sh -c {cat > {dir}/out/first || true; sleep 1; cat {dir}/out/first >> {dir}/out/all}",
      ],
      files: { aliases: "" },
      messages: [{ id: "once", to: ["x@cmd.example"] }],
    };
    const instance = await startWorld(scenario);
    const { directory } = instance;
    while (!Array.from(Deno.readDirSync(`${directory}/out`)).some(({ name }) => name === "first")) {
      await new Promise((done) => setTimeout(done, 20));
    }
    await instance.kill();
    await using again = await startInstance({
      directory,
      processes: true,
      main: [...worldMain(directory), ...scenarioLines(scenario.main, directory)],
      master: scenarioLines(scenario.master, directory),
      enter: ["unshare", "-m", `${directory}/enter`],
    });
    await again.logged(/relay=cmd.*status=sent/);
    assert.match(Deno.readTextFileSync(`${directory}/out/all`), /Message-ID: <once@case>/);
  },
});

/** Copies a program and the libraries that it needs below another root directory. */
function copyProgram(program: string, root: string): void {
  const { stdout } = new Deno.Command("ldd", { args: [program] }).outputSync();
  const needed = new TextDecoder().decode(stdout).match(/\/\S+/g) ?? [];
  for (const path of [program, ...needed.filter((path) => !path.endsWith(":"))]) {
    Deno.mkdirSync(root + path.slice(0, path.lastIndexOf("/")), { recursive: true });
    Deno.copyFileSync(Deno.realPathSync(path), root + path);
  }
}

Deno.test({
  name: "pipe with chroot= runs the command inside, without root's rights",
  ...options,
  async fn() {
    await using instance = await startWorld({
      main: ["transport_maps = inline:{ { jail.example = jail: } }"],
      master: [
        "jail unix - n n - - pipe chroot={dir}/jail directory=/tmp user=u01 argv=/bin/sh -c {/bin/cat > got; pwd >> got; echo $$0}",
      ],
      files: { aliases: "", "jail/tmp/": { mode: 0o777 } },
      messages: [],
    });
    for (const program of ["/bin/sh", "/bin/cat"]) copyProgram(program, `${instance.directory}/jail`);
    await sendTaken(instance.port, { id: "jail", to: ["x@jail.example"] });
    await instance.logged(/relay=jail.*status=sent \(delivered via jail service \(\/bin\/sh\)\)/);
    const path = `${instance.directory}/jail/tmp/got`;
    assert.match(Deno.readTextFileSync(path), /Message-ID: <jail@case>[\s\S]*\n\/tmp\n$/);
    const { uid, gid } = Deno.statSync(path);
    assert.deepEqual([uid, gid], [4001, 4001]);
  },
});

function installed(...paths: string[]): boolean {
  return paths.every((path) => {
    try {
      return Deno.statSync(path).isFile;
    } catch {
      return false;
    }
  });
}

Deno.test({
  name: "procmail as mailbox_command files into the user's Maildir",
  ...options,
  ignore: !WORLD_POSSIBLE || !installed("/usr/bin/procmail"),
  async fn() {
    await using instance = await startWorld({
      main: ['mailbox_command = /usr/bin/procmail -a "$EXTENSION"'],
      files: {
        aliases: "",
        "home/u01/.procmailrc": "MAILDIR=$HOME\nARG=$1\n:0\n* ARG ?? lists\nlists/\n:0\ninbox/\n",
      },
      messages: [
        { id: "plain", to: ["u01@example.com"] },
        { id: "lists", to: ["u01+lists@example.com"] },
      ],
    });
    await instance.logged(
      /status=sent \(delivered to command: \/usr\/bin\/procmail[\s\S]*status=sent \(delivered to command/,
    );
    for (const [folder, id] of [["inbox", "plain"], ["lists", "lists"]]) {
      const place = `${instance.directory}/home/u01/${folder}/new`;
      const [file] = [...Deno.readDirSync(place)];
      assert.match(Deno.readTextFileSync(`${place}/${file!.name}`), new RegExp(`<${id}@case>`));
    }
  },
});
