import assert from "node:assert/strict";
import { configFromText } from "../config/mod.ts";
import { Logger, memorySink } from "../log/mod.ts";
import { hasPcre } from "../system/mod.ts";
import { matchList, type MatchListOptions, TableError, TableSet, tableTypes } from "./mod.ts";

function withTables(
  work: (tables: TableSet, lines: () => string[]) => void | Promise<void>,
): void | Promise<void> {
  const sink = memorySink();
  const tables = new TableSet(undefined, { log: new Logger(sink, "test") });
  return work(tables, () => sink.lines());
}

function withFile(content: string, work: (path: string) => void): void {
  const path = Deno.makeTempFileSync();
  Deno.writeTextFileSync(path, content);
  try {
    work(path);
  } finally {
    Deno.removeSync(path);
  }
}

Deno.test("regexp and pcre: patterns see octets", () => {
  const directory = Deno.makeTempDirSync();
  try {
    Deno.writeTextFileSync(`${directory}/rules`, "/^.$/ one\n/^..$/ two\n/^zé?$/ accent\n");
    for (const type of ["regexp", "pcre"]) {
      if (type === "pcre" && !hasPcre()) continue;
      const table = new TableSet().open(`${type}:${directory}/rules`);
      const answers = ["ä", "z", "zé", "zÉ"].map((key) => table.lookup(key));
      assert.deepEqual(answers, ["two", "one", "accent", undefined], type);
    }
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
});

Deno.test("tables without files", () =>
  withTables((tables) => {
    const ask = (spec: string, key: string) => tables.open(spec).lookup(key);
    assert.equal(ask("static:yes", "x"), "yes");
    assert.equal(ask("static:{ two words }", "x"), "two words");
    assert.equal(ask("inline:{a=b, {C = d e}}", "c"), "d e");
    assert.equal(ask("inline:{a=b, a=c}", "A"), "c");
    assert.equal(ask("proxy:inline:{a=b}", "a"), "b");
    assert.equal(ask("unionmap:{static:a, inline:{k=b}}", "k"), "a,b");
    assert.equal(ask("pipemap:{inline:{a=b}, inline:{b=c}}", "a"), "c");
    assert.equal(ask("pipemap:{inline:{a=b}, inline:{z=c}}", "a"), undefined);
    assert.ok(["one", "two"].includes(ask("randmap:{one, two}", "x") as string));
    assert.throws(() => ask("fail:x", "a"), TableError);
    for (const spec of ["nosuch:x", "inline:x", "static", ":x", "unix:other", "nis:map", "nisplus:map"]) {
      assert.throws(() => tables.open(spec), TableError, spec);
    }
    assert.throws(() => tables.open("nis:aliases"), /NIS is not supported; copy the map/);
  }));

Deno.test("a table set opens each table once", () =>
  withTables((tables) => {
    assert.equal(tables.open("static:x"), tables.open("static:x"));
    assert.notEqual(tables.open("static:x"), tables.open("static:x", { foldCase: false }));
  }));

Deno.test("tableTypes lists what the program can do", () => {
  for (const type of ["btree", "cdb", "hash", "lmdb", "pcre", "regexp", "sqlite", "proxy"]) {
    assert.ok(tableTypes().includes(type), type);
  }
  assert.ok(!tableTypes().includes("nis"));
});

Deno.test("a list of tables: order, failures, partial keys", () =>
  withTables((tables, lines) => {
    withFile("/a/ pattern\n", (path) => {
      const list = tables.list(`inline:{a=1,e=}, regexp:${path} inline:{b=2,a=3}`, {}, "some_maps");
      assert.equal(list.tables.length, 3);
      assert.equal(list.lookup("a"), "1");
      assert.equal(list.lookup("b"), "2");
      assert.equal(list.lookup("xa"), "pattern");
      assert.equal(list.lookup("xa", true), undefined);
      assert.equal(list.lookup("none"), undefined);
      assert.throws(() => list.lookup("e"), TableError);
      assert.deepEqual(lines(), [
        "warning: some_maps lookup of e returns an empty string result",
        "warning: some_maps should return NO RESULT in case of NOT FOUND",
      ]);
    });
    assert.ok(tables.list("", {}, "x").isEmpty);
    assert.throws(() => tables.list("inline:{a=1} hash:/nonexistent/map").lookup("z"), TableError);
    assert.deepEqual(lines().slice(2), [
      "warning: hash:/nonexistent/map is unavailable. open database /nonexistent/map.db: No such file or directory",
      'warning: hash:/nonexistent/map lookup error for "z"',
    ]);
  }));

Deno.test("keys: folding and octets that are not UTF-8", () =>
  withTables((tables, lines) => {
    const spec = "inline:{strasse=1, ΣΑΣ=2, K=3}";
    assert.equal(tables.open(spec).lookup("Straße"), "1");
    assert.equal(tables.open(spec).lookup("σας"), "2");
    assert.equal(tables.open(spec).lookup("\u212a"), "3");
    assert.equal(tables.open(spec, { foldCase: false }).lookup("k"), undefined);
    assert.equal(tables.open("static:x").lookup("bad\udcff"), undefined);
    assert.deepEqual(lines(), [
      'warning: static:x: non-UTF-8 key "bad?": malformed UTF-8 or invalid codepoint',
    ]);
    assert.equal(tables.open("static:x", { utf8: false }).lookup("bad\udcff"), "x");
  }));

Deno.test("debug: logs every lookup", () =>
  withTables((tables, lines) => {
    tables.open("debug:inline:{a=b}").lookup("a");
    tables.open("debug:inline:{a=b}").lookup("z");
    assert.deepEqual(lines(), ['inline:{a=b} lookup: "a" = "b"', 'inline:{a=b} lookup: "z" = not found']);
  }));

Deno.test("text tables are read again when the file changes", () =>
  withTables((tables) => {
    withFile("a 1\n", (path) => {
      const table = tables.open(`texthash:${path}`);
      assert.equal(table.lookup("a"), "1");
      const original = performance.now;
      try {
        performance.now = () => original.call(performance) + 5000;
        Deno.writeTextFileSync(path, "a 22\n");
        assert.equal(table.lookup("a"), "22");
      } finally {
        performance.now = original;
      }
    });
  }));

Deno.test("patterns that run away are bounded", () =>
  withTables((tables, lines) => {
    const subject = `${"a".repeat(5000)}b`;
    withFile("/^(a+)+$/ x\n/^(a|aa)+$/ y\n/^(a*)*\\1\\1c/ z\n/(x+x+)+y/ v\n/b$/ end\n", (path) => {
      assert.equal(tables.open(`pcre:${path}`).lookup(subject), "end");
    });
    withFile("/^(a*)(a*)(a*)\\1\\2\\3c/ z\n/b$/ end\n", (path) => {
      assert.equal(tables.open(`regexp:${path}`).lookup(subject), "end");
    });
    assert.ok(lines().some((line) => line.includes("limit exceeded")), lines().join("\n"));
  }));

Deno.test("regexp: POSIX groups are the longest, tables and engines agree", () =>
  withTables((tables) => {
    withFile(
      "/^(x|xy)(z?)/ <$1><$2>\n/^[[:alpha:]]+[0-9]{2,3}$/ alnum\n/\\<end\\>/ word\n/é/ accent\n",
      (path) => {
        const table = tables.open(`regexp:${path}`);
        assert.equal(table.lookup("xyz"), "<xy><z>");
        assert.equal(table.lookup("abc12"), "alnum");
        assert.equal(table.lookup("the END"), "word");
        assert.equal(table.lookup("trends"), undefined);
        assert.equal(table.lookup("caf\u00e9"), "accent");
      },
    );
  }));

Deno.test("pattern tables refuse substitution where the caller says so", () =>
  withTables((tables, lines) => {
    withFile("/(a)/ $1\n/b/ plain\n", (path) => {
      const table = tables.open(`regexp:${path}`, { refuseSubstitution: true });
      assert.equal(table.lookup("a"), undefined);
      assert.equal(table.lookup("b"), "plain");
      assert.match(
        lines()[0]!,
        /line 1: regular expression substitution is not allowed: skipping this rule$/,
      );
    });
  }));

function matcher(kind: Parameters<typeof matchList>[0], patterns: string, options: MatchListOptions = {}) {
  const list = matchList(kind, patterns, new TableSet(), options);
  return (value: string, address?: string) => list.matches(value, address) as boolean;
}

Deno.test("match lists: domains", () => {
  const plain = matcher(
    "domain",
    "example.com, .sub.org !not.example.net inline:{tab.example=x, .par.example=y} example.net",
  );
  assert.ok(plain("EXAMPLE.com"));
  assert.ok(!plain("a.example.com"));
  assert.ok(plain("a.b.sub.org"));
  assert.ok(!plain("sub.org"));
  assert.ok(!plain("not.example.net"));
  assert.ok(plain("example.net"));
  assert.ok(plain("tab.example"));
  assert.ok(plain("x.y.par.example"));
  const parents = matcher("domain", "example.com", { parentDomainMatchesSubdomains: true });
  assert.ok(parents("a.example.com"));
  assert.ok(!parents("notexample.com"));
});

Deno.test("match lists: addresses", () => {
  const list = matcher(
    "address",
    "!10.9.0.0/16, 10.0.0.0/8 [::1] [2001:db8::]/32 192.0.2.1 host.example .example.org",
  );
  assert.ok(list("unknown", "10.1.2.3"));
  assert.ok(!list("unknown", "10.9.2.3"));
  assert.ok(list("unknown", "::1"));
  assert.ok(list("unknown", "2001:DB8::5"));
  assert.ok(list("unknown", "192.0.2.1"));
  assert.ok(!list("unknown", "192.0.2.2"));
  assert.ok(list("host.example", "203.0.113.1"));
  assert.ok(list("a.example.org", "203.0.113.1"));
  assert.ok(!list("unknown", "::ffff:10.1.2.3"));
  assert.throws(() => matcher("hostaddr", "10.0.0.1/8")("1.2.3.4"), /non-null host address bits/);
  const typo = matcher("address", "10.0.0.1/8 [2001:db8::]/32 10.1 10.1.2.300 host.example");
  assert.throws(() => typo("unknown", "10.1.2.3"), /non-null host address bits/);
  assert.ok(typo("unknown", "2001:db8::1"));
  const incomplete = matcher("address", "10.1 10.1.2.300 10.1.2.3. 192.0.2.1");
  assert.ok(!incomplete("unknown", "10.1.2.3"));
  assert.ok(incomplete("unknown", "192.0.2.1"));
});

Deno.test("match lists: files, strings, errors", () => {
  withFile("# comment\none two\n!three\n", (path) => {
    const list = matcher("string", `${path} three`);
    assert.ok(list("One"));
    assert.ok(list("two"));
    assert.ok(!list("three"));
    assert.ok(!list("four"));
    const negated = matcher("string", `!${path} static:all`);
    assert.ok(!negated("one"));
    assert.ok(negated("three"));
    assert.ok(negated("four"));
  });
  assert.throws(() => matcher("string", "/nonexistent/file"), /open file .*: No such file or directory/);
  withFile("", (path) => {
    Deno.writeTextFileSync(path, `one\n${path}\n`);
    assert.throws(() => matcher("string", `two ${path}`), /a file names itself: .* names /);
    Deno.writeTextFileSync(path, "one\n");
    assert.ok(matcher("string", `!${path} ${path} one`)("two") === false);
  });
  assert.throws(() => matcher("string", "!"), /no pattern after '!'/);
  assert.throws(() => matcher("domain", "hash:/nonexistent/x")("a.b"), TableError);
});

Deno.test("match lists: the parameter decides about subdomains", () => {
  const config = configFromText("parent_domain_matches_subdomains = relay_domains\n");
  const tables = new TableSet(config);
  assert.ok(matchList("domain", "example.com", tables, { name: "relay_domains" }).matches("a.example.com"));
  assert.ok(!matchList("domain", "example.com", tables, { name: "mydestination" }).matches("a.example.com"));
});

Deno.test("match lists: what can't be opened is reported with the parameter of main.cf that names it", () => {
  const config = configFromText("mynetworks = 127.0.0.0/8,\n  /nonexistent/file\nrelay_domains = nosuch:x\n");
  const open = (name: string) => matchList("address", config.string(name), new TableSet(config), { name });
  const place = "mynetworks: open file /nonexistent/file: No such file or directory \\(.*, line 1\\)$";
  assert.throws(() => open("mynetworks"), new RegExp(`^TableError: ${place}`));
  assert.throws(() => open("smtpd_client_event_limit_exceptions"), new RegExp(`^TableError: ${place}`));
  assert.throws(() => open("relay_domains"), /relay_domains: unsupported dictionary type: nosuch: .*line 3/);
});

Deno.test("pattern and file tables work after the right to call C functions was given up", async () => {
  const directory = Deno.makeTempDirSync();
  Deno.writeTextFileSync(`${directory}/p`, "/^(a+)(b)?c$/ <$1><$2>\n");
  Deno.writeTextFileSync(`${directory}/q`, "/^(x|xy)(z?)/ <$1><$2>\n/(.)\\1/ twice $1\n");
  const system = new URL("../system/mod.ts", import.meta.url).href;
  const script = `
    import { hasPcre, prepareUserLookups } from ${JSON.stringify(system)};
    import { TableSet } from ${JSON.stringify(new URL("./mod.ts", import.meta.url).href)};
    prepareUserLookups();
    hasPcre();
    Deno.permissions.revokeSync({ name: "ffi" });
    const tables = new TableSet();
    const ask = (spec, key) => console.log(tables.open(spec).lookup(key));
    ask("pcre:${directory}/p", "aac");
    ask("regexp:${directory}/q", "xyz");
    ask("regexp:${directory}/q", "oo");
    ask("unix:passwd.byname", "root");
  `;
  Deno.writeTextFileSync(`${directory}/script.js`, script);
  const output = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-prompt", `${directory}/script.js`],
  }).output();
  assert.match(
    new TextDecoder().decode(output.stdout),
    /^<aa><>\n<xy><z>\ntwice o\nroot:x:0:0:/,
    new TextDecoder().decode(output.stderr),
  );
  Deno.removeSync(directory, { recursive: true });
});
