/** saslauthd's protocol and decisions, and the daemon beside Debian's. */
import assert from "node:assert/strict";
import { askSaslauthd, setSasldbPassword } from "../../core/sasl/mod.ts";
import { Logger, memorySink } from "../../core/log/mod.ts";
import { selfCommand } from "../../core/system/mod.ts";
import { installed } from "../../core/table/network/testing.ts";
import { AnswerCache } from "./mod.ts";
import { createDecider, parseRequest } from "./server.ts";
import { octets } from "./testing.ts";

Deno.test("requests: four counted strings, whole or in pieces, and nothing else", () => {
  const parts = ["carol", "p\u00e4ss", "smtp", "example.com"].map(octets);
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + 2 + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes[at + 1] = part.length;
    bytes.set(part, at + 2);
    at += 2 + part.length;
  }
  for (let length = 0; length < bytes.length; length++) {
    assert.equal(parseRequest(bytes.subarray(0, length)), "more");
  }
  const request = parseRequest(bytes);
  assert.deepEqual(request, {
    login: "carol",
    password: octets("p\u00e4ss"),
    service: "smtp",
    realm: "example.com",
  });
  assert.equal(parseRequest(Uint8Array.of(1, 1)), "too long");
  let seed = 4711;
  for (let round = 0; round < 500; round++) {
    const junk = Uint8Array.from({ length: round % 60 }, () => (seed = seed * 48271 % 2147483647) & 0xff);
    const outcome = parseRequest(junk);
    assert.ok(typeof outcome === "string" || outcome.login.length <= 256);
  }
});

Deno.test("decisions: cache, realms, workers, log lines without passwords", async () => {
  const sink = memorySink();
  let asked = 0;
  let now = 1000;
  let busy = 0;
  let most = 0;
  const decide = createDecider({
    directory: "/",
    name: "test",
    mechanism: async ({ login, password }) => {
      asked += 1;
      busy += 1;
      most = Math.max(most, busy);
      await new Promise((done) => setTimeout(done, 1));
      busy -= 1;
      if (login === "broken@r") throw new Error("no server");
      return login === "carol@r" && new TextDecoder().decode(password) === "geheim" ? "OK" : "NO because\nso";
    },
    joinRealm: true,
    workers: 2,
    cache: new AnswerCache(10, 1, () => now),
    verbose: true,
    log: new Logger(sink, "saslauthd"),
  });
  const login = (name: string, password: string) =>
    decide({ login: name, password: octets(password), service: "smtp", realm: "r" });
  assert.equal(await login("carol", "geheim"), "OK");
  assert.equal(await login("carol", "geheim"), "OK");
  assert.equal(asked, 1);
  now += 10_000;
  assert.equal(await login("carol", "geheim"), "OK");
  assert.equal(asked, 2);
  assert.equal(await login("carol", "top-secret"), "NO");
  assert.equal(await login("carol", "top-secret"), "NO");
  assert.equal(asked, 4);
  assert.equal(await login("broken", "top-secret"), "NO");
  assert.equal(await login("", "top-secret"), "NO");
  assert.equal(await login("carol", ""), "NO");
  assert.equal(await login("carol", "a\0b"), "NO");
  await Promise.all(Array.from({ length: 9 }, (_, index) => login(`u${index}`, "top-secret")));
  assert.equal(most, 2);
  const lines = sink.lines();
  assert.ok(
    lines.includes(
      "auth failure: [user=carol@r] [service=smtp] [realm=r] [mech=test] [reason=because?so]",
    ),
  );
  assert.ok(lines.includes("auth success (cached): [user=carol@r] [service=smtp] [realm=r] [mech=test]"));
  assert.ok(lines.includes("error: auth_test: no server"));
  assert.doesNotMatch(lines.join("\n"), /geheim|top-secret/);
});

const debianDaemon = installed("/usr/sbin/saslauthd");
const debianTest = installed("/usr/sbin/testsaslauthd");

async function output(program: string, args: readonly string[]): Promise<[number, string]> {
  const { code, stdout, stderr } = await new Deno.Command(program, { args: [...args], stdin: "null" })
    .output();
  return [code, new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr)];
}

const ours = (...args: string[]) => {
  const { program, args: all } = selfCommand(...args);
  return output(program, all);
};

Deno.test("the daemon in the background: pid file, socket, lock; both sides' programs", async (test) => {
  const directory = Deno.makeTempDirSync({ prefix: "sa" });
  const database = `${directory}/db`;
  setSasldbPassword(database, "carol", "example.com", octets("geheim"), 0o077);
  const pid = () => Number(Deno.readTextFileSync(`${directory}/saslauthd.pid`));
  const gone = async () => {
    for (let tries = 0; tries < 400; tries++) {
      try {
        Deno.statSync(`${directory}/saslauthd.pid`);
      } catch {
        return;
      }
      await new Promise((done) => setTimeout(done, 25));
    }
    throw new Error("saslauthd did not end");
  };
  const start = ["-a", "sasldb", "-O", database, "-m", directory, "-c", "-n", "3"];
  try {
    const [code, text] = await ours("saslauthd", ...start);
    assert.deepEqual([code, text], [0, ""]);
    try {
      assert.equal(Deno.statSync(`${directory}/mux`).mode! & 0o777, 0o777);
      assert.equal(Deno.statSync(`${directory}/saslauthd.pid`).mode! & 0o777, 0o600);
      const mux = `${directory}/mux`;
      const login = ["-u", "carol", "-r", "example.com", "-f", mux];
      assert.deepEqual(await ours("testsaslauthd", ...login, "-p", "geheim"), [0, '0: OK "Success."\n']);
      assert.deepEqual(await ours("testsaslauthd", ...login, "-p", "falsch"), [
        255,
        '0: NO "authentication failed"\n',
      ]);
      const [again, why] = await ours("saslauthd", ...start);
      assert.equal(again, 1);
      assert.match(why, /Another instance of saslauthd is currently running/);
      await test.step({
        name: "Debian's programs with our daemon",
        ignore: debianTest === undefined || debianDaemon === undefined,
        fn: async () => {
          assert.deepEqual(await output(debianTest!, [...login, "-p", "geheim"]), [
            0,
            '0: OK "Success."\n',
          ]);
          assert.equal((await output(debianTest!, [...login, "-p", "falsch"]))[0], 255);
          const [, text] = await output(debianDaemon!, ["-a", "sasldb", "-m", directory]);
          assert.match(text, /Another instance of saslauthd is currently running/);
        },
      });
    } finally {
      Deno.kill(pid(), "SIGTERM");
      await gone();
    }
    await test.step({
      name: "our programs with Debian's daemon",
      ignore: debianDaemon === undefined || Deno.uid() !== 0,
      fn: async () => {
        const child = new Deno.Command(debianDaemon!, {
          args: ["-d", "-a", "getpwent", "-m", directory, "-n", "1"],
          stdin: "null",
          stdout: "null",
          stderr: "null",
        }).spawn();
        try {
          const request = { login: "root", password: octets("no"), service: "smtp", realm: "" };
          let answer: string | undefined;
          for (let tries = 0; answer === undefined; tries++) {
            answer = await askSaslauthd(`${directory}/mux`, request).catch((error) => {
              if (tries > 400) throw error;
              return undefined;
            });
            if (answer === undefined) await new Promise((done) => setTimeout(done, 25));
          }
          assert.match(answer, /^NO/);
          assert.equal(
            (await ours("testsaslauthd", "-u", "root", "-p", "no", "-f", `${directory}/mux`))[0],
            255,
          );
        } finally {
          // In debug mode it does not always hear the gentler signal.
          child.kill("SIGKILL");
          await child.status;
        }
      },
    });
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
});

Deno.test("what can't be started says why", async () => {
  for (
    const [args, pattern] of [
      [["-a", "nosuch"], /unknown authentication mechanism: nosuch/],
      [["-a", "kerberos5"], /kerberos5 is not supported/],
      [["-a", "sasldb", "-m", "relative"], /-m requires an absolute pathname/],
      [["-a", "sasldb", "-n", "x"], /-n needs a number/],
      [["-a", "rimap", "-m", "/nonexistent"], /rimap needs -O/],
    ] as const
  ) {
    const [code, text] = await ours("saslauthd", "-d", ...args);
    assert.equal(code, 1, args.join(" "));
    assert.match(text, pattern);
  }
  assert.match((await ours("saslauthd", "-v"))[1], /authentication mechanisms: .*shadow ldap httpform/);
  assert.equal((await ours("saslauthd"))[0], 0);
});
