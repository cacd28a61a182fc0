/** Address verification with the whole daemon, beside what a real Postfix did (testdata/smtpd/verify.json). */
import assert from "node:assert/strict";
import {
  ask,
  cases,
  impatient,
  mainLines,
  probeLines,
  services,
  startMailServer,
  type VerifyCase,
} from "../../testdata/smtpd/verify_cases.ts";
import { createVerifyClient } from "../verify/mod.ts";
import { freePort, startInstance, type TestInstance } from "../master/testing.ts";
import { queued, until } from "./testing.ts";

interface Recorded {
  readonly impatient: readonly string[];
  readonly cases: Readonly<Record<string, string>>;
  readonly probes: readonly string[];
  readonly commands: readonly string[];
}

const recorded = JSON.parse(
  Deno.readTextFileSync(new URL("../../testdata/smtpd/verify.json", import.meta.url)),
) as Recorded;

Deno.test("addresses are verified as by Postfix, and the cache outlives the process", async () => {
  const server = startMailServer();
  const ports = { server: server.port, closed: freePort() };
  const portOf = new Map(Object.keys(services).map((name) => [name, freePort()]));
  const master = Object.entries(services).map(([name, settings]) =>
    [
      `127.0.0.1:${portOf.get(name)} inet n - n - - smtpd`,
      ...Object.entries(settings).map(([parameter, value]) => `    -o { ${parameter} = ${value} }`),
    ].join("\n")
  );
  const main = mainLines(ports);
  const steady = (text: string) =>
    text.replaceAll(`:${ports.server}`, ":SERVER").replaceAll(`:${ports.closed}`, ":CLOSED");
  const round = (list: readonly VerifyCase[]) =>
    Promise.all(list.map(async (one) => steady(await ask(portOf.get(one.service)!, one))));
  const byCase = (answers: readonly string[]) =>
    Object.fromEntries(cases.map((one, index) =>
      [
        `${one.service} ${one.sender} ${one.recipient}`,
        answers[index]!,
      ] as const
    ));
  let directory: string;
  try {
    const first: TestInstance = await startInstance({ main, master });
    directory = first.directory;
    try {
      assert.deepEqual(await round(impatient), recorded.impatient);
      await round(cases);
      assert.deepEqual(byCase(await round(cases)), recorded.cases);
      await until("the queue to be empty", () => queued(first, "active").length === 0);
      assert.deepEqual(probeLines(first.log(), ports), recorded.probes);
      assert.deepEqual([...new Set(server.commands)].sort(), recorded.commands);
      const client = createVerifyClient(`${first.spool}/private/verify`, 20);
      try {
        assert.deepEqual(await client.query("good@far.test"), { status: 0, text: "250 2.0.0 fine" });
        assert.equal((await client.query("bad@far.test")).status, 2);
        await client.update("bad@far.test", { status: 0, text: "well" });
        assert.deepEqual(await client.query("bad@far.test"), { status: 0, text: "well" });
        // What failed does not spoil what is known to be good.
        await client.update("bad@far.test", { status: 2, text: "gone" });
        assert.deepEqual(await client.query("bad@far.test"), { status: 0, text: "well" });
      } finally {
        client.close();
      }
      await first.kill();
      const asked = server.commands.length;
      const second = await startInstance({ main, master, directory, port: first.port });
      try {
        const client = createVerifyClient(`${second.spool}/private/verify`, 20);
        assert.deepEqual(await client.query("bad@far.test"), { status: 0, text: "well" });
        assert.deepEqual(await client.query("good@far.test"), { status: 0, text: "250 2.0.0 fine" });
        client.close();
        assert.equal(server.commands.length, asked);
      } finally {
        await second.stop();
      }
    } finally {
      await first[Symbol.asyncDispose]();
    }
  } finally {
    await server.close();
  }
});
