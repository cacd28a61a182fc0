/** SASL back ends that hang, die or lie, beside a real Postfix 3.7.11 (testdata/sasl/backends.json). */
import assert from "node:assert/strict";
import { startAuthServer } from "../../testdata/sasl/auth_server.ts";
import {
  backends,
  dialogue,
  playSession,
  settings,
  startSaslauthd,
} from "../../testdata/sasl/backend_cases.ts";
import { startSmtpd } from "./testing.ts";

interface Recorded {
  readonly answers: readonly string[];
  readonly log: readonly string[];
}

const recorded = JSON.parse(
  Deno.readTextFileSync(new URL("../../testdata/sasl/backends.json", import.meta.url)),
) as Record<string, readonly Recorded[]>;

/** Answers on which we decide otherwise, on purpose. */
const DIFFERENT: Readonly<Record<string, string>> = {
  temp: "454 4.7.0 Temporary authentication failure: (reason unavailable)\r\n",
  emptyUser: "535 5.7.8 Error: authentication failed: Authentication backend error\r\n",
  badChallenge: "535 5.7.8 Error: authentication failed: Authentication backend error\r\n",
};

/** One session with a server of its own: its answers and its log. */
async function session(own: Readonly<Record<string, string>>, user: string): Promise<Recorded> {
  const server = startSmtpd({ ...settings, ...own, mail_name: "Postfix" });
  const answers = await playSession(server.port, dialogue(user));
  await server.idle();
  await server.close();
  return { answers, log: server.sink.lines() };
}

Deno.test("an authentication server that hangs, dies or lies: Postfix's answers", async (test) => {
  const { users } = backends.good!;
  const play = async (user: string) => {
    const double = startAuthServer("good");
    const own = { smtpd_sasl_type: "dovecot", smtpd_sasl_path: `inet:127.0.0.1:${double.port}` };
    const result = await session(own, user);
    await double.close();
    return result;
  };
  // Half of them take ten seconds.
  const results = await Promise.all(users.map(play));
  for (const [at, user] of users.entries()) {
    await test.step(user, () => {
      const { answers, log } = results[at]!;
      const expected = recorded.good![at]!;
      const other = DIFFERENT[user];
      if (other !== undefined) assert.equal(answers[2], other);
      else assert.deepEqual({ answers, log }, expected);
    });
  }
});

Deno.test("an authentication server that can't be used ends sessions before they begin in earnest", async (test) => {
  for (const greeting of ["hangsUp", "otherVersion", "half"] as const) {
    await test.step(greeting, async () => {
      const double = startAuthServer(greeting);
      const own = { smtpd_sasl_type: "dovecot", smtpd_sasl_path: `inet:127.0.0.1:${double.port}` };
      const { answers, log } = await session(own, "right");
      await double.close();
      // Postfix hangs up without a word.
      assert.deepEqual(answers.slice(1), ["421 4.3.0 mx.example.com Server local data error\r\n", "CLOSED"]);
      const warned = recorded[greeting]![0]!.log.filter((line) => line.startsWith("warning: "));
      for (const line of warned) assert.ok(log.includes(line), log.join("\n"));
    });
  }
});

Deno.test("a saslauthd that dies or lies: Postfix's answers", async (test) => {
  const directory = Deno.makeTempDirSync();
  Deno.writeTextFileSync(
    `${directory}/smtpd.conf`,
    `pwcheck_method: saslauthd\nsaslauthd_path: ${directory}/mux\nmech_list: PLAIN\n`,
  );
  const double = startSaslauthd(`${directory}/mux`);
  for (const [at, user] of backends.saslauthd!.users.entries()) {
    await test.step(user, async () => {
      assert.deepEqual(await session({ cyrus_sasl_config_path: directory }, user), recorded.saslauthd![at]!);
    });
  }
  await double.close();
  await test.step("not there", async () => {
    const { answers, log } = await session({ cyrus_sasl_config_path: directory }, "right");
    assert.equal(answers[2], "454 4.7.0 Temporary authentication failure: generic failure\r\n");
    assert.ok(
      log.some((line) => line.includes("cannot connect to saslauthd server: No such file or directory")),
    );
  });
  Deno.removeSync(directory, { recursive: true });
});

Deno.test("a request that hangs does not take others with it", async () => {
  const double = startAuthServer("good");
  const server = startSmtpd({
    ...settings,
    smtpd_sasl_type: "dovecot",
    smtpd_sasl_path: `inet:127.0.0.1:${double.port}`,
  });
  const hanging = playSession(server.port, dialogue("hang"));
  const answers = await playSession(server.port, dialogue("right"));
  assert.match(answers[2]!, /^235 /);
  assert.match((await hanging)[2]!, /^454 4\.7\.0 /);
  assert.match((await playSession(server.port, dialogue("right")))[2]!, /^235 /);
  await server.idle();
  await server.close();
  await double.close();
});
