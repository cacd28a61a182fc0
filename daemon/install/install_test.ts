/** The packed program on systems without Deno: as an ordinary user, and installed into an empty root. */
import assert from "node:assert/strict";
import {
  canRunInRoot,
  freePort,
  makeRoot,
  makeToolDirectory,
  packProgram,
  type Ran,
  run,
  runInRoot,
  snapshot,
  until,
} from "./testing.ts";

const NOBODY = 65534;
const isRoot = Deno.uid() === 0;

/** Runs a command as an ordinary user whose home is `home`, with nothing but the launcher's tools on the PATH. */
function asUser(home: string, tools: string, program: string, ...args: string[]): Ran {
  return run(program, args, {
    clearEnv: true,
    env: { HOME: home, PATH: tools },
    cwd: home,
    ...(isRoot ? { uid: NOBODY, gid: NOBODY } : {}),
  });
}

function succeeds(ran: Ran): string {
  assert.equal(ran.code, 0, ran.stderr + ran.stdout);
  return ran.stdout;
}

function contains(path: string, text: string): boolean {
  try {
    return Deno.readTextFileSync(path).includes(text);
  } catch {
    return false;
  }
}

Deno.test("the packed program runs and installs without Deno", async (test) => {
  const directory = Deno.makeTempDirSync({ prefix: "postel-install-" });
  Deno.chmodSync(directory, 0o755);
  const program = `${directory}/postel`;
  const tools = `${directory}/tools`;
  const home = `${directory}/home`;
  makeToolDirectory(tools);
  Deno.mkdirSync(home);
  if (isRoot) Deno.chownSync(home, NOBODY, NOBODY);
  const user = (command: string, ...args: string[]) => asUser(home, tools, command, ...args);
  try {
    packProgram(program);

    await test.step("the name of a link picks the command; it unpacks itself once, for its owner", () => {
      assert.match(succeeds(user(program, "--version")), /^postel \d/);
      const [unpacked] = [...Deno.readDirSync(`${home}/.cache/postel`)];
      const runtime = `${home}/.cache/postel/${unpacked!.name}/postel`;
      const { ino } = Deno.statSync(runtime);
      Deno.mkdirSync(`${directory}/etc`);
      Deno.writeTextFileSync(`${directory}/etc/main.cf`, "myhostname = mail.example.com\n");
      Deno.symlinkSync("postel", `${directory}/postconf`);
      const answer = user(`${directory}/postconf`, "-c", `${directory}/etc`, "-h", "myhostname");
      assert.equal(succeeds(answer), "mail.example.com\n");
      assert.equal(Deno.statSync(runtime).ino, ino);
      assert.equal([...Deno.readDirSync(`${home}/.cache/postel`)].length, 1);
      assert.equal((Deno.statSync(runtime).mode ?? 0) & 0o022, 0);
    });

    await test.step("commands with an entry of their own are called in every way", () => {
      Deno.symlinkSync("postel", `${directory}/postalias`);
      const question = ["-c", `${directory}/etc`, "-q", "key", "inline:{key=value}"];
      assert.equal(succeeds(user(program, "postmap", ...question)), "value\n");
      assert.equal(succeeds(user(`${directory}/postalias`, ...question)), "value\n");
      assert.match(succeeds(user(program, "postmap", "--help")), /^postel postmap - /);
      assert.match(succeeds(user(program, "help", "postmap")), /^postel postmap - /);
      assert.equal(user(program, "postmap-of-mine").code, 64);
    });

    await test.step({
      name: "it trusts no cache of somebody else",
      ignore: !isRoot,
      fn: () => {
        const planted = `${directory}/planted`;
        Deno.mkdirSync(`${planted}/.cache/postel`, { recursive: true });
        Deno.chmodSync(`${planted}/.cache/postel`, 0o777);
        const { code, stderr } = asUser(planted, tools, program, "--version");
        assert.equal(code, 75);
        assert.match(stderr, /name a directory of your own in XDG_CACHE_HOME/);
      },
    });

    await test.step("runs that unpack at the same time, into a directory with an odd name", async () => {
      const cache = `${home}/odd #1 %20 'name`;
      const runs = await Promise.all([1, 2, 3].map(() =>
        new Deno.Command(program, {
          args: ["--version"],
          clearEnv: true,
          env: { XDG_CACHE_HOME: cache, PATH: tools },
          stderr: "piped",
          ...(isRoot ? { uid: NOBODY, gid: NOBODY } : {}),
        }).output()
      ));
      for (const { success, stderr } of runs) assert.ok(success, new TextDecoder().decode(stderr));
      assert.equal([...Deno.readDirSync(`${cache}/postel`)].length, 1);
    });

    await test.step("a private instance starts, delivers and stops", async () => {
      const instance = `${home}/instance`;
      const [smtp, submission] = [freePort(), freePort()];
      const made = user(
        program,
        "init",
        instance,
        "--smtp-port",
        `${smtp}`,
        "--submission-port",
        `${submission}`,
      );
      succeeds(made);
      succeeds(user(`${instance}/bin/postfix`, "start"));
      try {
        const message =
          `printf 'Subject: hello\\n\\nHello\\n' | ${instance}/bin/sendmail -f me@localhost you@localhost`;
        succeeds(user("/bin/sh", "-c", `PATH=${tools}; ${message}`));
        const mailbox = `${instance}/mail/you/new`;
        await until("mail in the mailbox", () => {
          try {
            return [...Deno.readDirSync(mailbox)].length === 1;
          } catch {
            return false;
          }
        });
      } finally {
        succeeds(user(`${instance}/bin/postfix`, "stop"));
      }
    });

    await test.step("a user installs it below a prefix and takes it back", () => {
      const prefix = `${home}/local`;
      const trial = user(program, "install", "--prefix", prefix, "--dry-run");
      assert.match(succeeds(trial), new RegExp(`^would link ${prefix}/sbin/postconf -> postel$`, "m"));
      assert.throws(() => Deno.statSync(prefix), Deno.errors.NotFound);
      succeeds(user(program, "install", "--prefix", prefix));
      assert.throws(() => Deno.statSync(`${home}/.cache/postel`), Deno.errors.NotFound);
      const answer = user(`${prefix}/sbin/postconf`, "-c", `${directory}/etc`, "-h", "myhostname");
      assert.equal(succeeds(answer), "mail.example.com\n");
      succeeds(user(`${prefix}/sbin/postel`, "install", "--prefix", prefix));
      succeeds(user(`${prefix}/sbin/postel`, "uninstall"));
      assert.throws(() => Deno.statSync(prefix), Deno.errors.NotFound);
    });

    await test.step("what belongs to another program is not overwritten", () => {
      const prefix = `${home}/taken`;
      succeeds(user("mkdir", "-p", `${prefix}/sbin`));
      Deno.writeTextFileSync(`${prefix}/sbin/postconf`, "another program\n");
      const before = snapshot(prefix);
      const { code, stderr } = user(program, "install", "--prefix", prefix);
      assert.equal(code, 1);
      assert.match(stderr, /taken\/sbin\/postconf belongs to another program/);
      assert.deepEqual(snapshot(prefix), before);
    });

    await test.step({
      name: "installed into an empty root",
      ignore: !canRunInRoot(),
      fn: (inner) => emptyRoot(inner, program, `${directory}/root`),
    });
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
});

/** Installs the program into an empty root, runs a mail system there, and takes it back. */
async function emptyRoot(test: Deno.TestContext, program: string, root: string): Promise<void> {
  makeRoot(root);
  Deno.copyFileSync(program, `${root}/postel`);
  // One command of Cyrus SASL is there already.
  Deno.mkdirSync(`${root}/usr/sbin`);
  Deno.writeTextFileSync(`${root}/usr/sbin/testsaslauthd`, "another program\n");
  const inside = (...command: string[]) => runInRoot(root, ...command);
  // The first run unpacks the program and mounts over two empty places.
  succeeds(inside("/postel", "--version"));
  const empty = snapshot(root);
  const port = freePort();

  await test.step("a dry run changes nothing", () => {
    assert.match(
      succeeds(inside("/postel", "install", "--dry-run")),
      /^would write \/etc\/postfix\/main.cf$/m,
    );
    assert.deepEqual(snapshot(root).filter(notCache), empty.filter(notCache));
  });

  await test.step("installs and is found under its names", () => {
    assert.match(inside("/postel", "install", "--dry-run").stderr, /run this again with --create-users/);
    const said = inside("/postel", "install", "--create-users");
    succeeds(said);
    assert.match(said.stderr, /\/usr\/sbin\/testsaslauthd is Cyrus SASL's: "postel testsaslauthd" is this/);
    assert.equal(Deno.readLinkSync(`${root}/usr/local/sbin/saslpasswd2`), "postel");
    assert.equal(Deno.readLinkSync(`${root}/usr/local/bin/saslfinger`), "../sbin/postel");
    assert.throws(() => Deno.lstatSync(`${root}/usr/local/sbin/testsaslauthd`), Deno.errors.NotFound);
    assert.ok(Deno.statSync(`${root}/usr/local/share/man/man1/postel-testsaslauthd.1`).isFile);
    assert.match(succeeds(inside("postconf", "-h", "mail_version")), /^3\.11/);
    assert.match(succeeds(inside("/usr/sbin/sendmail", "-bp")), /queue|mail system is down/i);
    assert.equal(Deno.statSync(`${root}/var/spool/postfix/active`).uid, 890);
    assert.equal((Deno.statSync(`${root}/var/spool/postfix/maildrop`).mode ?? 0) & 0o777, 0o730);
  });

  await test.step("checks, starts, delivers, stops", async () => {
    succeeds(inside("postconf", "-e", "maillog_file=/var/log/mail.log"));
    succeeds(inside("postconf", "-MX", "smtp/inet"));
    const listener = `127.0.0.1:${port}/inet`;
    succeeds(inside("postconf", "-Me", `${listener}=127.0.0.1:${port} inet n - n - - smtpd`));
    succeeds(inside("postfix", "check"));
    succeeds(inside("postfix", "start"));
    try {
      succeeds(inside("sh", "-c", "printf 'Subject: one\\n\\nby sendmail\\n' | sendmail -f alice alice"));
      await sendBySmtp(port, "by SMTP");
      const mailbox = `${root}/var/mail/alice`;
      await until("both messages", () => contains(mailbox, "by sendmail") && contains(mailbox, "by SMTP"));
      await until("an empty queue", () => /queue is empty/.test(inside("postqueue", "-p").stdout));
      const { code, stderr } = inside("postel", "uninstall");
      assert.equal(code, 1);
      assert.match(stderr, /is running: stop the mail system first/);
    } finally {
      succeeds(inside("postfix", "stop"));
    }
  });

  await test.step("installing again leaves the configuration alone", () => {
    const before = Deno.readTextFileSync(`${root}/etc/postfix/main.cf`);
    assert.match(
      inside("/postel", "install").stderr,
      /\/etc\/postfix has a configuration: it stays as it is/,
    );
    assert.equal(Deno.readTextFileSync(`${root}/etc/postfix/main.cf`), before);
  });

  await test.step("uninstalls all but mail and what was changed", () => {
    const said = succeeds(inside("postel", "uninstall"));
    assert.match(said, /^kept \/etc\/postfix\/main\.cf: it was changed$/m);
    assert.match(said, /^removed \/var\/spool\/postfix\/private$/m);
    const left = snapshot(root).filter(notCache).filter((line) => !empty.includes(line));
    const paths = left.filter((line) => !/^\/etc\/(passwd|group) /.test(line)).map((line) =>
      line.split(" ")[0]!
    );
    assert.deepEqual(
      paths.filter((path) => !/^\/var\/(spool|lib\/postfix)(\/|$)/.test(path)),
      [
        "/etc/postfix",
        "/etc/postfix/main.cf",
        "/etc/postfix/master.cf",
        "/var/log/mail.log",
        "/var/mail/alice",
      ],
    );
  });
}

/** Leaves out the copy that the program unpacks to run before it is installed. */
function notCache(line: string): boolean {
  return !/^\/var\/lib\/postel( |\/)/.test(line);
}

/** Sends a message to alice. */
async function sendBySmtp(port: number, text: string): Promise<void> {
  const connection = await Deno.connect({ hostname: "127.0.0.1", port });
  try {
    const buffer = new Uint8Array(4096);
    const said = async (): Promise<string> => {
      const count = await connection.read(buffer) ?? 0;
      return new TextDecoder().decode(buffer.subarray(0, count));
    };
    assert.match(await said(), /^220 /);
    for (
      const [line, reply] of [
        ["HELO localhost", /^250 /],
        ["MAIL FROM:<me@localhost>", /^250 /],
        ["RCPT TO:<alice@localhost>", /^250 /],
        ["DATA", /^354 /],
        [`Subject: two\r\n\r\n${text}\r\n.`, /^250 /],
        ["QUIT", /^221 /],
      ] as const
    ) {
      await connection.write(new TextEncoder().encode(`${line}\r\n`));
      assert.match(await said(), reply);
    }
  } finally {
    connection.close();
  }
}
