import assert from "node:assert/strict";
import { selfCommand } from "../core/system/mod.ts";
import { cases } from "../testdata/table/cases.ts";
import { type Answer, runCase } from "../testdata/table/run_cases.ts";

const recorded: Record<string, Answer[]> = JSON.parse(
  Deno.readTextFileSync(new URL("../testdata/table/answers.json", import.meta.url)),
);

/** The option `-j` came after the release that was recorded. */
function withoutJson(text: string): string {
  return text.replace("[-bfFhijmn", "[-bfFhimn").replace("[-Nfijno", "[-Nfino");
}

function ours(command: string): string[] {
  const { program, args } = selfCommand(command);
  return [program, ...args];
}

for (const one of cases) {
  Deno.test(`postmap as recorded: ${one.name}`, async () => {
    const answers = await runCase(one, ours);
    answers.forEach((answer, index) => {
      const step = one.steps[index]!;
      const words = step.run.join(" ");
      if (step.differs !== undefined) {
        assert.ok(!answer.stderr.includes("Uncaught"), words);
        return;
      }
      const expected = recorded[one.name]![index]!;
      assert.deepEqual({ ...answer, stderr: withoutJson(answer.stderr) }, expected, words);
    });
  });
}

async function inDirectory(work: (directory: string) => Promise<void>): Promise<void> {
  const directory = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(
      `${directory}/main.cf`,
      "compatibility_level = 3.6\nmyhostname = mail.example.com\n",
    );
    await work(directory);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

async function postmap(directory: string, args: string[], command = "postmap"): Promise<Answer> {
  const [program, ...words] = [...ours(command), ...args];
  const { stdout, stderr, code } = await new Deno.Command(program!, {
    args: words,
    cwd: directory,
    env: { MAIL_CONFIG: directory },
  }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { stdout: text(stdout), stderr: text(stderr), code };
}

Deno.test("postmap -j: one JSON object a line", () =>
  inDirectory(async (directory) => {
    await Deno.writeTextFile(`${directory}/map`, 'a one "two"\nb 2\n');
    await postmap(directory, ["cdb:map"]);
    assert.equal(
      (await postmap(directory, ["-js", "cdb:map"])).stdout,
      '{"a": "one \\"two\\""}\n{"b": "2"}\n',
    );
    assert.equal((await postmap(directory, ["-jq", "b", "cdb:map"])).stdout, '{"b": "2"}\n');
  }));

Deno.test("postmap -hb: the empty line that a message lacks, and carriage returns", () =>
  inDirectory(async (directory) => {
    await Deno.writeTextFile(`${directory}/rules`, "/^([^:]*)/ <$1>\n");
    const { stdout } = await new Deno.Command("sh", {
      args: ["-c", `printf 'A: b\\r\\nbody\\r\\n' | "$@" -hb -q - regexp:rules`, "sh", ...ours("postmap")],
      cwd: directory,
      env: { MAIL_CONFIG: directory },
    }).output();
    assert.equal(new TextDecoder().decode(stdout), "A: b\r\t<A>\n\t<>\nbody\r\t<body\r>\n");
  }));

Deno.test("postmap -q and -d: keys that are not UTF-8", () =>
  inDirectory(async (directory) => {
    const octets = (text: string) => Uint8Array.from(text, (character) => character.charCodeAt(0));
    await Deno.writeFile(`${directory}/map`, octets("caf\xe9 one\n\xe9 two\n"));
    assert.equal((await postmap(directory, ["-u", "hash:map"])).code, 0);
    /** With a key whose é is one octet; arguments of the runtime's own commands are always UTF-8. */
    const withOctet = async (...args: string[]) => {
      const { stdout, stderr, code } = await new Deno.Command("sh", {
        args: ["-c", `"$@" "$(printf 'caf\\351')" hash:map`, "sh", ...ours("postmap"), ...args],
        cwd: directory,
        env: { MAIL_CONFIG: directory },
      }).output();
      const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
      return { stdout: text(stdout), stderr: text(stderr), code };
    };
    assert.deepEqual(await withOctet("-u", "-q"), { stdout: "one\n", stderr: "", code: 0 });
    const odd = await withOctet("-d");
    assert.equal(odd.code, 0);
    assert.match(odd.stderr, /hash:map\.db: non-UTF-8 key "caf\?"/);
    assert.equal((await withOctet("-u", "-d")).code, 0);
    assert.equal((await withOctet("-u", "-q")).code, 1);
  }));

Deno.test("postmap -q -: plain keys and others, in the order in which they were asked", () =>
  inDirectory(async (directory) => {
    const long = "k".repeat(100_000);
    const entries: [string, string][] = [["plain", "one"], ["caf\u00e9", "two"], ["quote", 'thr"ee'], [
      "four",
      "f\u00fcnf",
    ]];
    const asked = [
      "none",
      "PLAIN",
      "caf\u00e9",
      "four",
      "",
      long,
      "plain",
      "quote",
      "four",
      "caf\u00c9",
      "quote",
      "plain",
    ];
    const values = new Map(entries);
    const lines = asked.flatMap((key) => {
      const value = values.get(key.toLowerCase());
      return value === undefined ? [] : [[key, value] as const];
    });
    await Deno.writeTextFile(`${directory}/map`, entries.map(([key, value]) => `${key} ${value}\n`).join(""));
    // So many keys that they come in more than one portion, without a newline at the end.
    const times = 40;
    await Deno.writeTextFile(`${directory}/keys`, Array(times).fill(asked.join("\n")).join("\n"));
    for (const type of ["hash", "btree", "cdb", "lmdb"]) {
      await postmap(directory, [`${type}:map`]);
      for (const json of [false, true]) {
        const { stdout, code } = await new Deno.Command("sh", {
          args: ["-c", 'exec "$@" < keys', "sh", ...ours("postmap"), json ? "-jq" : "-q", "-", `${type}:map`],
          cwd: directory,
          env: { MAIL_CONFIG: directory },
        }).output();
        const line = ([key, value]: readonly [string, string]) =>
          json ? `{${JSON.stringify(key)}: ${JSON.stringify(value)}}\n` : `${key}\t${value}\n`;
        assert.equal(new TextDecoder().decode(stdout), lines.map(line).join("").repeat(times), type);
        assert.equal(code, 0);
      }
    }
  }));

Deno.test({
  name: "postmap: a source with NULs, long lines, CRLF and bad UTF-8, as real postmap takes it",
  ignore: !installed("/usr/sbin/postmap"),
  fn: () =>
    inDirectory(async (directory) => {
      const source = [
        "plain one\nnul\0key value\nnulval a\0b\ncr lf\r\n\xff\xfe bad\nbadval \xff\n",
        `long ${"v".repeat(10_000_000)}\n${"k".repeat(400)} longkey\n  \n# comment\n more\n"quo ted" q\n`,
        "UPPER Up\nplain two\nlast without newline",
      ].join("");
      const bytes = Uint8Array.from(source, (character) => character.charCodeAt(0));
      const keys = 'plain\nnul\nnulval\ncr\nlong\nlast\nupper\n"quo ted"\n';
      await Deno.writeTextFile(`${directory}/keys`, keys + "k".repeat(400));
      for (const name of ["theirs", "ours"]) {
        await Deno.mkdir(`${directory}/${name}`);
        await Deno.writeFile(`${directory}/${name}/map`, bytes);
      }
      const asked = async (command: string[], name: string, ...words: string[]) => {
        const { code, stdout, stderr } = await new Deno.Command("sh", {
          args: ["-c", 'exec "$@" < ../keys', "sh", ...command, ...words],
          cwd: `${directory}/${name}`,
          env: { MAIL_CONFIG: directory },
        }).output();
        const text = new TextDecoder("latin1");
        return { code, stdout: text.decode(stdout), stderr: text.decode(stderr) };
      };
      // Real postmap can be had without its cdb and lmdb plug-ins.
      for (const type of ["hash", "btree"]) {
        const theirs = await asked(["/usr/sbin/postmap"], "theirs", `${type}:map`);
        assert.deepEqual(await asked(ours("postmap"), "ours", `${type}:map`), theirs, type);
        const answers = await asked(["/usr/sbin/postmap"], "theirs", "-q", "-", `${type}:map`);
        assert.ok(answers.stdout.length > 10_000_000);
        for (const name of ["ours", "theirs"]) {
          const found = await asked(ours("postmap"), name, "-q", "-", `${type}:map`);
          assert.ok(found.stdout === answers.stdout, `${type} ${name}`);
        }
        const crossed = await asked(["/usr/sbin/postmap"], "ours", "-q", "-", `${type}:map`);
        assert.ok(crossed.stdout === answers.stdout, type);
      }
    }),
});

function installed(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}

Deno.test("postmap -q -: takes up a table that is rebuilt while it runs", () =>
  inDirectory(async (directory) => {
    for (const type of ["hash", "btree", "cdb", "lmdb"]) {
      await Deno.writeTextFile(`${directory}/map`, "key old\n");
      await postmap(directory, [`${type}:map`]);
      const [program, ...words] = [...ours("postmap"), "-q", "-", `${type}:map`];
      const child = new Deno.Command(program!, {
        args: words,
        cwd: directory,
        env: { MAIL_CONFIG: directory },
        stdin: "piped",
        stdout: "piped",
      }).spawn();
      const input = child.stdin.getWriter();
      const output = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
      const ask = async () => {
        await input.write(new TextEncoder().encode("key\n"));
        return (await output.read()).value;
      };
      assert.equal(await ask(), "key\told\n", type);
      await Deno.writeTextFile(`${directory}/map`, "key new\n");
      await postmap(directory, [`${type}:map`]);
      let answer = await ask();
      while (answer === "key\told\n") {
        await new Promise((resume) => setTimeout(resume, 50));
        answer = await ask();
      }
      assert.equal(answer, "key\tnew\n", type);
      await input.close();
      assert.equal((await output.read()).done, true);
      assert.equal((await child.status).code, 0, type);
    }
  }));

Deno.test("postmap -v: names the tables that are opened", () =>
  inDirectory(async (directory) => {
    await Deno.writeTextFile(`${directory}/map`, "key value\n");
    const made = await postmap(directory, ["-v", "hash:map"]);
    assert.deepEqual([made.stderr, made.code], ["postmap: open hash map\n", 0]);
    const asked = await postmap(directory, ["-v", "-q", "key", "hash:map"]);
    assert.deepEqual(asked, { stdout: "value\n", stderr: "postmap: dict_open: hash:map\n", code: 0 });
  }));

Deno.test("postmap: of options that undo each other the last one counts", () =>
  inDirectory(async (directory) => {
    await Deno.writeTextFile(`${directory}/map`, "key one\nkey two\n");
    const stored = async (...options: string[]) => {
      const { stderr, code } = await postmap(directory, [...options, "hash:map"]);
      assert.deepEqual([stderr, code], ["", 0], options.join(" "));
      const bytes = await Deno.readFile(`${directory}/map.db`);
      const text = String.fromCharCode(...bytes.subarray(-40));
      return { nul: text.includes("key\0"), value: text.includes("two") ? "two" : "one" };
    };
    assert.deepEqual(await stored("-wNn"), { nul: false, value: "one" });
    assert.deepEqual(await stored("-wnN"), { nul: true, value: "one" });
    assert.deepEqual(await stored("-wr"), { nul: true, value: "two" });
    assert.deepEqual(await stored("-r", "-w"), { nul: true, value: "one" });
    const proxied = await postmap(directory, ["proxy:hash:map"]);
    assert.equal(proxied.stderr, "postmap: fatal: can't create maps via the proxy service\n");
  }));

Deno.test("newaliases: rebuilds every table of alias_database", () =>
  inDirectory(async (directory) => {
    await Deno.writeTextFile(
      `${directory}/main.cf`,
      `compatibility_level = 3.6\nalias_database = cdb:${directory}/one, lmdb:${directory}/two\n`,
    );
    await Deno.writeTextFile(`${directory}/one`, "root: alice\n");
    await Deno.writeTextFile(`${directory}/two`, "bob: carol\n");
    assert.deepEqual(await postmap(directory, [], "newaliases"), { stdout: "", stderr: "", code: 0 });
    assert.equal((await postmap(directory, ["-q", "root", `cdb:${directory}/one`])).stdout, "alice\n");
    assert.equal((await postmap(directory, ["-q", "bob", `lmdb:${directory}/two`])).stdout, "carol\n");
    await Deno.remove(`${directory}/one.cdb`);
    const wrong = await postmap(directory, ["-Q"], "newaliases");
    assert.deepEqual([wrong.stdout, wrong.code], ["", 75]);
    assert.match(wrong.stderr, /fatal: usage: newaliases \[options\]\n$/);
    await assert.rejects(Deno.stat(`${directory}/one.cdb`), Deno.errors.NotFound);
    await Deno.remove(`${directory}/two`);
    const failed = await postmap(directory, [], "newaliases");
    assert.equal(failed.code, 1);
    assert.match(failed.stderr, /^postalias: fatal: open .*two: No such file or directory\n$/);
  }));

Deno.test("postmap: a disk that is full leaves the old table", () =>
  inDirectory(async (directory) => {
    for (const type of ["hash", "btree", "cdb", "lmdb"]) {
      await Deno.writeTextFile(`${directory}/map`, "key old\n");
      await postmap(directory, [`${type}:map`]);
      await Deno.writeTextFile(`${directory}/map`, `key new\n${largeSource(50_000)}`);
      // A limit on the size of files stands in for the full disk; its signal must not end the program.
      const line = `trap '' XFSZ; ulimit -f 1000; exec ${
        ours("postmap").map((word) => `'${word}'`).join(" ")
      } ${type}:map`;
      const { code, stderr } = await new Deno.Command("bash", {
        args: ["-c", line],
        cwd: directory,
        env: { MAIL_CONFIG: directory },
      }).output();
      assert.equal(code, 1, type);
      assert.match(new TextDecoder().decode(stderr), /^postmap: fatal: .*: File too large\n$/, type);
      assert.equal((await postmap(directory, ["-q", "key", `${type}:map`])).stdout, "old\n", type);
      assert.deepEqual([...Deno.readDirSync(directory)].filter(({ name }) => name.endsWith(".tmp")), []);
    }
  }));

function largeSource(count: number): string {
  return Array.from({ length: count }, (_, index) => `user${index}@dom${index % 99}.example value${index}\n`)
    .join("");
}

Deno.test("postmap: mode and owner follow the source, and stay when the table is rebuilt", () =>
  inDirectory(async (directory) => {
    await Deno.writeTextFile(`${directory}/map`, "a 1\n");
    await Deno.chmod(`${directory}/map`, 0o640);
    await postmap(directory, ["hash:map"]);
    assert.equal((await Deno.stat(`${directory}/map.db`)).mode! & 0o777, 0o640);
    await Deno.chmod(`${directory}/map.db`, 0o600);
    await postmap(directory, ["hash:map"]);
    assert.equal((await Deno.stat(`${directory}/map.db`)).mode! & 0o777, 0o600);
    await postmap(directory, ["-p", "cdb:map"]);
    assert.equal((await Deno.stat(`${directory}/map.cdb`)).mode! & 0o777, 0o644);
  }));

Deno.test({
  name:
    "postmap: root becomes the owner of the source, and rewrites in place where that user can't make files",
  ignore: Deno.uid() !== 0,
  fn: () =>
    inDirectory(async (directory) => {
      await Deno.writeTextFile(`${directory}/map`, "a 1\n");
      await Deno.chown(`${directory}/map`, 65534, 65534);
      await Deno.chmod(directory, 0o755);
      const refused = await postmap(directory, ["hash:map"]);
      assert.equal(refused.stderr, "postmap: fatal: open database map.db: Permission denied\n");
      await postmap(directory, ["-o", "hash:map"]);
      await Deno.chown(`${directory}/map.db`, 65534, 65534);
      const { ino } = await Deno.stat(`${directory}/map.db`);
      await Deno.writeTextFile(`${directory}/map`, "a 2\n");
      assert.deepEqual(await postmap(directory, ["hash:map"]), { stdout: "", stderr: "", code: 0 });
      assert.equal((await postmap(directory, ["-q", "a", "hash:map"])).stdout, "2\n");
      assert.equal((await Deno.stat(`${directory}/map.db`)).ino, ino);
      await postmap(directory, ["-ri", "hash:map"]);
      assert.equal((await Deno.stat(`${directory}/map.db`)).uid, 65534);
    }),
});

Deno.test({
  name: "postmap: a table that the owner of what is added may not open",
  ignore: Deno.uid() !== 0,
  fn: () =>
    inDirectory(async (directory) => {
      await Deno.chmod(directory, 0o755);
      await Deno.writeTextFile(`${directory}/map`, "a 1\n");
      assert.equal((await postmap(directory, ["hash:map"])).code, 0);
      await Deno.chmod(`${directory}/map.db`, 0o600);
      await Deno.writeTextFile(`${directory}/more`, "b 2\n");
      await Deno.chown(`${directory}/more`, 65534, 65534);
      const [program, ...words] = ours("postmap");
      const command = [program!, ...words, "-i", "hash:map"].map((word) => `'${word}'`).join(" ");
      const { code, stderr } = await new Deno.Command("sh", {
        args: ["-c", `${command} < more`],
        cwd: directory,
        env: { MAIL_CONFIG: directory },
      }).output();
      assert.equal(code, 1);
      assert.equal(new TextDecoder().decode(stderr), "postmap: fatal: open map.db: Permission denied\n");
      assert.deepEqual((await postmap(directory, ["-s", "hash:map"])).stdout, "a\t1\n");
    }),
});

Deno.test("postmap: two writers at once, every entry of both is there", () =>
  inDirectory(async (directory) => {
    for (const type of ["hash", "lmdb", "cdb"]) {
      const [program, ...words] = [...ours("postmap"), "-i", `${type}:map`];
      await Promise.all([1, 2, 3, 4].map(async (writer) => {
        const child = new Deno.Command(program!, {
          args: words,
          cwd: directory,
          env: { MAIL_CONFIG: directory },
          stdin: "piped",
          stderr: "inherit",
        }).spawn();
        const input = child.stdin.getWriter();
        await input.write(new TextEncoder().encode(`writer${writer} ${writer}\n`));
        await input.close();
        assert.equal((await child.status).code, 0);
      }));
      const all = (await postmap(directory, ["-s", `${type}:map`])).stdout.split("\n").filter((line) =>
        line !== ""
      );
      assert.deepEqual(all.sort(), [1, 2, 3, 4].map((writer) => `writer${writer}\t${writer}`), type);
    }
  }));
