/** STANDARD_CONFIGURATION_README: a firewall in front of the departments' mail servers, and a backup MX. */
import assert from "node:assert/strict";
import { startFakeServer } from "../../smtp/testing.ts";
import { queued, until } from "../testing.ts";
import { OPTIONS, startSetUp } from "./world.ts";

Deno.test({
  name:
    "inbound gateway: each department has a next hop, nothing is delivered here, strangers' mail is refused",
  ...OPTIONS,
  async fn() {
    await using sales = startFakeServer();
    await using research = startFakeServer();
    await using world = await startSetUp({
      main: [
        "mydestination =",
        "local_recipient_maps =",
        "local_transport = error:local mail delivery is disabled",
        "parent_domain_matches_subdomains = debug_peer_list smtpd_access_maps",
        "relay_domains = corp.example, .corp.example",
        "relay_recipient_maps = texthash:{dir}/recipients",
        "transport_maps = texthash:{dir}/transport",
        "virtual_alias_maps = texthash:{dir}/virtual",
        "smtpd_relay_restrictions = reject_unauth_destination",
      ],
      files: {
        recipients: "ann@sales.corp.example x\n@research.corp.example x\nboss@corp.example x\n",
        transport: [
          `corp.example smtp:[127.0.0.1]:${sales.port}`,
          `sales.corp.example smtp:[127.0.0.1]:${sales.port}`,
          `.corp.example smtp:[127.0.0.1]:${research.port}`,
          "",
        ].join("\n"),
        virtual: "postmaster@corp.example boss@corp.example\n",
      },
    });
    const log = await world.through(
      await world.mail(["ann@sales.corp.example", "ben@research.corp.example", "postmaster@corp.example"]),
    );
    assert.match(
      log,
      new RegExp(
        `relay\\[\\d+\\]|smtp\\[\\d+\\]: \\w+: to=<ann@sales\\.corp\\.example>, relay=127\\.0\\.0\\.1\\[127\\.0\\.0\\.1\\]:${sales.port}`,
      ),
    );
    const recipients = (server: typeof sales) =>
      server.sessions.flatMap(({ commands }) => commands).filter((line) => /^RCPT TO/i.test(line)).sort();
    assert.deepEqual(recipients(sales).map((line) => /<(.*)>/.exec(line)![1]), [
      "ann@sales.corp.example",
      "boss@corp.example",
    ]);
    assert.deepEqual(recipients(research).map((line) => /<(.*)>/.exec(line)![1]), [
      "ben@research.corp.example",
    ]);
    assert.match(
      (await world.attempt(["nobody@sales.corp.example"])).reply,
      /^550 5\.1\.1 .*User unknown in relay recipient table/,
    );
    assert.match((await world.attempt(["x@elsewhere.example"])).reply, /^554 5\.7\.1 .*Relay access denied/);
  },
});

Deno.test({
  name: "backup MX: mail waits while the primary is away, goes there when it is back; others are refused",
  ...OPTIONS,
  async fn() {
    await using primary = startFakeServer({
      on: { greeting: ["421 4.3.2 not now", "220 primary.example ESMTP"] },
    });
    await using world = await startSetUp({
      main: [
        "mydestination = example.com",
        "relay_domains = primary.example",
        "relay_recipient_maps =",
        `transport_maps = inline:{ { primary.example = relay:[127.0.0.1]:${primary.port} } }`,
        "minimal_backoff_time = 1s",
        "smtpd_relay_restrictions = reject_unauth_destination",
      ],
    });
    const id = await world.mail(["user@primary.example"]);
    await world.logged(
      new RegExp(
        `${id}: to=<user@primary\\.example>, relay=127\\.0\\.0\\.1\\[.*, status=deferred \\(.*421 4\\.3\\.2 not now`,
      ),
    );
    await until("the queue to hold it", () => queued(world, "deferred").includes(id));
    await until("the message to go out", async () => {
      await world.run(["postqueue", "-f"]);
      return world.log().includes(`${id}: removed`);
    });
    assert.equal(primary.sessions.flatMap(({ messages }) => messages).length, 1);
    assert.match((await world.attempt(["x@elsewhere.example"])).reply, /^554 5\.7\.1 .*Relay access denied/);
  },
});
