/** What master.cf says, at work in a running instance. */
import assert from "node:assert/strict";
import { connectSmtp, freePort, startInstance } from "../master/testing.ts";
import { queued, send, until } from "./testing.ts";

const options = { sanitizeOps: false, sanitizeResources: false };

Deno.test({
  name: "master.cf: -o in both forms, master_service_disable, all service types, hashed queue directories",
  ...options,
  async fn() {
    const [second, disabled, long] = [freePort(), freePort(), freePort()];
    await using instance = await startInstance({
      main: [
        `master_service_disable = 127.0.0.1:${disabled}/inet`,
        "defer_transports = smtp",
        "hash_queue_names = incoming, active, deferred, defer",
        "hash_queue_depth = 2",
      ],
      master: [
        `127.0.0.1:${second} inet n - n - - smtpd -o syslog_name=postfix/second -o smtpd_banner=second`,
        "  # a comment within an entry",
        "  -o myhostname=second.example",
        `127.0.0.1:${long} inet n - n - 5 smtpd -o { smtpd_banner = long form, with spaces }`,
        "  -o { smtpd_helo_required = yes }",
        `127.0.0.1:${disabled} inet n - n - - smtpd`,
        "extra unix - n n - - pipe user=nobody argv=/bin/true",
        "channel fifo n - n 300 1 qmgr",
        "handed pass - - n - - smtpd",
      ],
    });
    const other = await connectSmtp(second);
    assert.equal(other.greeting, "220 second");
    assert.match(await other.say("EHLO x.example"), /^250-second\.example\n/);
    other.close();
    await instance.logged(/postfix\/second\/smtpd\[\d+\]: connect from/);
    const formal = await connectSmtp(long);
    assert.equal(formal.greeting, "220 long form, with spaces");
    assert.match(await formal.say("MAIL FROM:<a@example.org>"), /^503 5\.5\.1 Error: send HELO\/EHLO first/);
    formal.close();
    await assert.rejects(
      Deno.connect({ hostname: "127.0.0.1", port: disabled }),
      Deno.errors.ConnectionRefused,
    );
    const { id } = await send(instance.port, ["user@elsewhere.example"]);
    await until("deferred", () => queued(instance, "deferred").length === 1);
    assert.ok(Deno.statSync(`${instance.spool}/deferred/${id[0]}/${id[1]}/${id}`).isFile);
    assert.ok(Deno.statSync(`${instance.spool}/defer/${id[0]}/${id[1]}/${id}`).isFile);
    assert.match((await instance.run(["postqueue", "-p"])).stdout, new RegExp(id));
    assert.equal((await instance.run(["postcat", "-q", id])).code, 0);
  },
});

Deno.test({
  name: "reload with a broken master.cf keeps the old services, and a good one replaces them",
  ...options,
  async fn() {
    const later = freePort();
    await using instance = await startInstance();
    const path = `${instance.etc}/master.cf`;
    const master = Deno.readTextFileSync(path);
    for (
      const line of ["too few columns", "127.0.0.1:99999999 inet n - n - - smtpd", "x inet n - n z - smtpd"]
    ) {
      const before = instance.log().length;
      Deno.writeTextFileSync(path, `${master}${line}\n`);
      instance.reload();
      await until(line, () => /error: reload: .*master\.cf.*line \d+/.test(instance.log().slice(before)));
      const session = await connectSmtp(instance.port);
      assert.match(session.greeting, /^220 /);
      session.close();
    }
    Deno.writeTextFileSync(path, `${master}127.0.0.1:${later} inet n - n - - smtpd\n`);
    instance.reload();
    await until("the new port", async () => {
      const session = await connectSmtp(later).catch(() => undefined);
      session?.close();
      return session?.greeting.startsWith("220 ") ?? false;
    });
    Deno.writeTextFileSync(path, master);
    instance.reload();
    await until("the port closed", async () => {
      const session = await connectSmtp(later).catch(() => undefined);
      session?.close();
      return session === undefined;
    });
  },
});
