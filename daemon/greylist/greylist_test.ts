/** Our greylist beside what postgrey decided on the same attempts (testdata/greylist), and the real postgrey if there is one. */
import assert from "node:assert/strict";
import { configFromText } from "../../core/config/mod.ts";
import { canonicalAddress } from "../../core/dns/mod.ts";
import { Logger, memorySink } from "../../core/log/mod.ts";
import { inDirectory } from "../../core/system/directory_testing.ts";
import { TableSet } from "../../core/table/mod.ts";
import {
  type Attempt,
  clientFile,
  recipientFile,
  type Setting,
  settings,
  steadyAction,
} from "../../testdata/greylist/cases.ts";
import { startPostgrey } from "../../testdata/greylist/postgrey.ts";
import { startSmtpd } from "../smtpd/testing.ts";
import { connectSmtp } from "../master/testing.ts";
import { createGreylist, createGreylistClient, serveGreylist } from "./mod.ts";

const recorded = JSON.parse(
  Deno.readTextFileSync(new URL("../../testdata/greylist/postgrey.json", import.meta.url)),
) as Record<string, readonly string[]>;

/** The texts of postgrey. */
const likePostgrey = {
  postel_greylist_text: "4.2.0 Greylisted, see http://postgrey.schweikert.ch/help/%r.html",
  postel_greylist_header: "X-Greylist: delayed %t seconds by postel at mx; %d",
  postel_greylist_allow_recipients: "",
  // postgrey cleans up at night only.
  postel_greylist_max_age: "9999d",
};

function greylist(directory: string, parameters: Readonly<Record<string, string>> = {}) {
  const all = { data_directory: directory, ...likePostgrey, ...parameters };
  const config = configFromText(
    Object.entries(all).map(([name, value]) => `${name} = ${value}\n`).join(""),
  );
  const sink = memorySink();
  const log = new Logger(sink, "postfix/greylist");
  const clock = { now: 1_700_000_000 };
  const tables = new TableSet(config, { log });
  const service = createGreylist({ config, tables, log, now: () => clock.now });
  return {
    service,
    sink,
    clock,
    async ask({ time, address, name, sender, recipient, instance }: Attempt): Promise<string> {
      clock.now = time;
      const before = sink.entries.length;
      const { action } = await service.ask({
        clientAddress: address,
        clientName: name,
        sender,
        recipient,
        instance,
      });
      return [steadyAction(action), ...sink.lines().slice(before)].join("\n");
    },
    close() {
      service.close();
      tables.close();
    },
  };
}

for (const [name, { postel, attempts }] of Object.entries(settings) as [string, Setting][]) {
  Deno.test(`the greylist decides and logs as postgrey does: ${name}`, () =>
    inDirectory(async (directory) => {
      Deno.writeTextFileSync(`${directory}/clients`, clientFile);
      Deno.writeTextFileSync(`${directory}/recipients`, recipientFile);
      const parameters = Object.fromEntries(
        Object.entries(postel).map(([parameter, value]) =>
          [
            parameter,
            value.replace("CLIENTS", `${directory}/clients`).replace("RECIPIENTS", `${directory}/recipients`),
          ] as const
        ),
      );
      let ours = greylist(directory, parameters);
      for (const [index, attempt] of attempts.entries()) {
        const answer = (await ours.ask(attempt)).replace(/\ngreylist .* cleanup: .*/, "");
        // postgrey writes all the numbers of an IPv6 address here.
        const expected = recorded[name]![index]!.replace(
          /(whitelisted: \S+\[)([^\]]*)/,
          (_, start, address) => start + canonicalAddress(address),
        );
        assert.equal(answer, expected, `attempt ${index}`);
        // What it knows outlives it; so does what it knows of a message's header only by chance.
        if (index % 97 === 96 && attempts[index + 1]?.instance !== attempt.instance) {
          ours.close();
          ours = greylist(directory, parameters);
        }
      }
      ours.close();
    }));
}

Deno.test("clients are allowed by network, whatever their last number is", () =>
  inDirectory(async (directory) => {
    const ours = greylist(directory, { postel_greylist_auto_allow: "1" });
    const attempt = { name: "a.test", sender: "s@a.test", recipient: "r@example.com", instance: "1" };
    const time = 1_700_000_000;
    assert.match(await ours.ask({ ...attempt, time, address: "192.0.2.1" }), /reason=new/);
    assert.match(
      await ours.ask({ ...attempt, time: time + 300, address: "192.0.2.9" }),
      /whitelisted: a\.test/,
    );
    assert.match(
      await ours.ask({ ...attempt, sender: "other@a.test", time: time + 400, address: "192.0.2.77" }),
      /^DUNNO\naction=pass, reason=client AWL, client_name=a\.test, client_address=192\.0\.2\.77/,
    );
    assert.match(await ours.ask({ ...attempt, time: time + 401, address: "192.0.3.77" }), /reason=new/);
    ours.close();
  }));

Deno.test("allow-lists: tables, and files that change while they are used", () =>
  inDirectory(async (directory) => {
    Deno.writeTextFileSync(`${directory}/clients`, "one.test\n");
    const ours = greylist(directory, {
      postel_greylist_allow_clients:
        `${directory}/clients inline:{ {known.test=OK} {not.known.test=DUNNO} } cidr:{ {192.0.2.128/25 OK} }`,
      postel_greylist_allow_recipients: "inline:{ {boss@=OK} {free.test=x} }",
    });
    const reason = async (name: string, address: string, recipient = "r@example.com") => {
      const text = await ours.ask({ time: 1.7e9, name, address, recipient, sender: "", instance: "" });
      return /reason=([^,]*)/.exec(text)![1];
    };
    assert.equal(await reason("one.test", "192.0.2.1"), "client whitelist");
    assert.equal(await reason("two.test", "192.0.2.1"), "new");
    assert.equal(await reason("a.known.test", "192.0.2.1"), "client whitelist");
    assert.equal(await reason("not.known.test", "192.0.5.1"), "new");
    assert.equal(await reason("x.test", "192.0.2.200"), "client whitelist");
    assert.equal(await reason("x.test", "192.0.6.1", "boss@example.com"), "recipient whitelist");
    assert.equal(await reason("x.test", "192.0.6.1", "any@sub.free.test"), "recipient whitelist");
    Deno.writeTextFileSync(`${directory}/clients`, "# now another\nseven.test\nbad entry\n");
    assert.equal(await reason("seven.test", "192.0.7.1"), "client whitelist");
    assert.ok(
      ours.sink.lines().some((line) => line.includes(`clients, line 3: "bad entry" makes no sense here`)),
    );
    ours.close();
  }));

Deno.test("old entries go", () =>
  inDirectory(async (directory) => {
    const first = greylist(directory);
    const attempt = { name: "a.test", address: "192.0.2.1", sender: "s@a.test", instance: "1" };
    const time = 1_700_000_000;
    await first.ask({ ...attempt, time, recipient: "once@example.com" });
    await first.ask({ ...attempt, time, recipient: "twice@example.com" });
    await first.ask({ ...attempt, time: time + 400, recipient: "twice@example.com" });
    first.close();
    const second = greylist(directory, { postel_greylist_max_age: "35d" });
    await second.ask({ ...attempt, time: time + 3 * 86400, recipient: "new@example.com" });
    assert.ok(
      second.sink.lines().includes(
        `greylist ${directory}/greylist.journal cleanup: retained=2 dropped=1 entries`,
      ),
    );
    second.close();
  }));

Deno.test("postel_greylist in a session, over the socket that fronts use, and what happens without it", () =>
  inDirectory(async (directory) => {
    const ours = greylist(directory);
    const path = `${directory}/greylist`;
    const listener = Deno.listen({ transport: "unix", path });
    const open: Deno.Conn[] = [];
    const accepting = (async () => {
      for await (const conn of listener) {
        open.push(conn);
        serveGreylist(conn, ours.service).catch(() => {});
      }
    })();
    const client = createGreylistClient(path, 20);
    const server = startSmtpd({
      compatibility_level: "3.6",
      myhostname: "mx.example.com",
      mydestination: "example.com",
      mynetworks: "192.0.2.0/24",
      local_recipient_maps: "",
      smtpd_recipient_restrictions: "reject_unauth_destination, postel_greylist",
    }, { greylist: client });
    const session = await connectSmtp(server.port);
    const rcpt = () => session.say("RCPT TO:<joe@example.com>");
    await session.say("EHLO client.test");
    await session.say("MAIL FROM:<s@a.test>");
    assert.equal(
      await rcpt(),
      "450 4.2.0 <joe@example.com>: Recipient address rejected: Greylisted, see http://postgrey.schweikert.ch/help/example.com.html",
    );
    ours.clock.now += 400;
    assert.equal(await rcpt(), "250 2.1.5 Ok");
    assert.equal(open.length, 1);
    listener.close();
    await accepting;
    for (const conn of open) conn.close();
    assert.equal(
      await rcpt(),
      "451 4.3.5 <joe@example.com>: Recipient address rejected: Server configuration problem",
    );
    assert.ok(server.sink.lines().some((line) => line.startsWith("warning: postel_greylist: ")));
    session.close();
    await server.close();
    client.close();
    ours.close();
  }));

/** Is Debian's postgrey here? */
function hasPostgrey(): boolean {
  try {
    return new Deno.Command("postgrey", { args: ["--version"], stdout: "null", stderr: "null" }).outputSync()
      .success;
  } catch {
    return false;
  }
}

Deno.test(
  "check_policy_service with a real postgrey (Debian's package postgrey)",
  { ignore: !hasPostgrey() },
  () =>
    inDirectory(async (directory) => {
      const postgrey = await startPostgrey(directory, ["--whitelist-clients=/dev/null", "--delay=1"]);
      const server = startSmtpd({
        compatibility_level: "3.6",
        myhostname: "mx.example.com",
        mydestination: "example.com",
        mynetworks: "192.0.2.0/24",
        local_recipient_maps: "",
        smtpd_error_sleep_time: "0",
        smtpd_hard_error_limit: "1000",
        smtpd_recipient_restrictions:
          `reject_unauth_destination, check_policy_service unix:${directory}/socket`,
      });
      const session = await connectSmtp(server.port);
      await session.say("EHLO client.test");
      await session.say("MAIL FROM:<s@a.test>");
      const rcpt = () => session.say("RCPT TO:<joe@example.com>");
      assert.equal(
        await rcpt(),
        "450 4.2.0 <joe@example.com>: Recipient address rejected: Greylisted, see http://postgrey.schweikert.ch/help/example.com.html",
      );
      let reply = "";
      for (let tries = 0; tries < 300 && !reply.startsWith("250"); tries++) {
        await new Promise((done) => setTimeout(done, 100));
        reply = await rcpt();
      }
      assert.equal(reply, "250 2.1.5 Ok");
      session.close();
      await server.close();
      await postgrey.close();
    }),
);
