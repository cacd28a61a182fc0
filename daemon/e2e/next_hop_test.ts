/** Next hops that misbehave: the message waits, the log says why, the rest of the mail goes on. */
import assert from "node:assert/strict";
import { freePort, startInstance } from "../master/testing.ts";
import { type FakeServerOptions, startFakeServer } from "../smtp/testing.ts";
import { queued, send, until } from "./testing.ts";

const options = { sanitizeOps: false, sanitizeResources: false };
const TIMEOUTS = ["greeting", "ehlo", "mail", "rcpt", "data_init", "data_xfer", "data_done"]
  .map((at) =>
    at === "greeting"
      ? "smtp_helo_timeout = 1s"
      : at === "ehlo"
      ? "smtp_connect_timeout = 1s"
      : `smtp_${at}_timeout = 1s`
  );

const cases: { name: string; hop: FakeServerOptions; says: RegExp; body?: string }[] = [
  {
    name: "says nothing",
    hop: { on: { greeting: { do: "hang" } } },
    says:
      /status=deferred \(conversation with 127\.0\.0\.1\[127\.0\.0\.1\] timed out while receiving the initial server greeting\)/,
  },
  {
    name: "hangs after EHLO",
    hop: { on: { EHLO: { do: "hang" } } },
    says: /status=deferred \(conversation with .* timed out while performing the EHLO handshake\)/,
  },
  {
    name: "hangs after the content",
    hop: { on: { ".": { do: "hang" } } },
    says:
      /status=deferred \(conversation with .* timed out while sending end of data -- message may be sent more than once\)/,
  },
  {
    name: "closes before the greeting",
    hop: { on: { greeting: { do: "close" } } },
    says: /status=deferred \(lost connection with .* while receiving the initial server greeting\)/,
  },
  {
    name: "resets in the middle of the content",
    hop: { bodyBytes: 100000, on: { body: { do: "reset" } } },
    body: `Subject: big\r\n\r\n${("x".repeat(70) + "\r\n").repeat(125000)}`,
    says: /status=deferred \((lost connection|conversation) with .* while sending message body\)/,
  },
  {
    name: "sends garbage",
    hop: { on: { greeting: { raw: new Uint8Array([0, 255, 13, 10, 7, 7, 7, 13, 10]) } } },
    says: /status=deferred \(/,
  },
  {
    name: "sends endless reply lines",
    hop: { on: { greeting: { endless: "220-more\r\n" } } },
    says: /status=deferred \(/,
  },
  {
    name: "sends one endless line",
    hop: { on: { greeting: { endless: "x".repeat(1000) } } },
    says: /status=deferred \(/,
  },
];

Deno.test({
  name: "next hops that hang, close, reset and send garbage: deferred with the reason, delivered in the end",
  ...options,
  async fn() {
    const hops = cases.map(({ hop }) => startFakeServer(hop));
    const closed = freePort();
    await using good = startFakeServer();
    const map = cases.map((_, at) => `case${at}.example=smtp:[127.0.0.1]:${hops[at]!.port}`);
    const transports = (lines: string[]) =>
      `transport_maps = inline:{${lines.map((line) => `{${line.replace("=", " = ")}}`).join(" ")}}`;
    await using instance = await startInstance({
      main: [
        ...TIMEOUTS,
        `relayhost = [127.0.0.1]:${good.port}`,
        transports([...map, `closed.example=smtp:[127.0.0.1]:${closed}`]),
      ],
    });
    const sent = [];
    for (const [at, { body }] of cases.entries()) {
      sent.push(
        await send(instance.port, [`user@case${at}.example`], body === undefined ? {} : { text: body }),
      );
    }
    const refused = await send(instance.port, ["user@closed.example"]);
    const fine = await send(instance.port, ["user@fine.example"]);
    await instance.logged(new RegExp(`${fine.id}: to=.*status=sent`));
    await instance.logged(
      new RegExp(
        `${refused.id}: to=.*status=deferred \\(connect to 127\\.0\\.0\\.1\\[127\\.0\\.0\\.1\\]:${closed}: Connection refused\\)`,
      ),
    );
    for (const [at, { says, name }] of cases.entries()) {
      const line = await instance.logged(new RegExp(`${sent[at]!.id}: to=.*`));
      assert.match(line, says, name);
    }
    await until("all deferred", () => queued(instance, "deferred").length === cases.length + 1);
    // The same mail goes out whole once the next hop is sane.
    Deno.writeTextFileSync(
      `${instance.etc}/main.cf`,
      Deno.readTextFileSync(`${instance.etc}/main.cf`) + "transport_maps =\n",
    );
    instance.reload();
    await instance.logged(/reload -- version/);
    await instance.run(["postqueue", "-f"]);
    for (const { id } of [...sent, refused]) await instance.logged(new RegExp(`${id}: removed`));
    const messages = good.sessions.flatMap((session) => session.messages);
    assert.equal(messages.length, cases.length + 2);
    assert.ok(messages.some((text) => text.length > 125000 * 72));
    for (const hop of hops) await hop.close();
  },
});
