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

/** Nobody listens there, and no test can be given this port. */
const CLOSED_PORT = 79;
/** Processes of their own need root. */
const ROOT = Deno.build.os !== "windows" && Deno.uid() === 0;

Deno.test({
  name: "greylist and address verification between processes, and over the death of the one that knows",
  ignore: !ROOT,
  async fn() {
    const main = [
      "transport_maps = inline:{ {there.test=discard:} {gone.test=error:5.1.1 gone} }",
      "relay_domains = there.test gone.test",
      "smtpd_reject_unlisted_recipient = no",
      "smtpd_recipient_restrictions = postel_greylist, reject_unverified_recipient, permit",
      "unverified_recipient_reject_code = 550",
      "postel_greylist_delay = 1s",
      "address_verify_poll_delay = 1s",
      "address_verify_poll_count = 20",
    ];
    await using instance = await startInstance({ processes: true, main });
    const attempt = (recipient: string) => ask(instance.port, { service: "", sender: "s@a.test", recipient });
    // The greylist defers what is permitted in the end; this is not.
    const gone = "550 5.1.1 <x@gone.test>: Recipient address rejected: undeliverable address: gone";
    assert.equal(await attempt("x@gone.test"), gone);
    assert.match(await attempt("x@there.test"), /^450 4\.2\.0 .*Greylisted/);
    await instance.logged(
      /greylist\[\d+\]: action=greylist, reason=new, client_name=.*recipient=x@there\.test/,
    );
    await until("no longer greylisted", async () => await attempt("x@there.test") === "250 2.1.5 Ok");
    // The queue process, which has both, dies; its successor knows what it knew.
    const queue = Number(/postfix\/greylist\[(\d+)\]/.exec(instance.log())![1]);
    Deno.kill(queue, "SIGKILL");
    await until(
      "another queue process",
      async () => await attempt("x@there.test").catch(() => "") === "250 2.1.5 Ok",
    );
    await instance.logged(/action=pass, reason=triplet found, client_name/);
    assert.equal([...instance.log().matchAll(/reason=new, .*recipient=x@there\.test/g)].length, 1);
  },
});

Deno.test("addresses are verified as by Postfix, and the cache outlives the process", async () => {
  const server = startMailServer();
  const moody = startMailServer();
  const ports = { server: server.port, closed: CLOSED_PORT, moody: moody.port };
  const portOf = new Map(Object.keys(services).map((name) => [name, freePort()]));
  const master = Object.entries(services).map(([name, settings]) =>
    [
      `127.0.0.1:${portOf.get(name)} inet n - n - - smtpd`,
      ...Object.entries(settings).map(([parameter, value]) => `    -o { ${parameter} = ${value} }`),
    ].join("\n")
  );
  const main = mainLines(ports);
  const steady = (text: string) =>
    text.replaceAll(`:${ports.server}`, ":SERVER").replaceAll(`:${ports.closed}`, ":CLOSED").replaceAll(
      `:${ports.moody}`,
      ":MOODY",
    );
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
    await moody.close();
  }
});
