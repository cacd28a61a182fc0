/** A mailing list in a file with its owner, and an address that is a file. */
import assert from "node:assert/strict";
import { startFakeServer } from "../../smtp/testing.ts";
import { OPTIONS, startSetUp } from "./world.ts";

Deno.test({
  name: "a list in a file: members here and elsewhere get a copy that comes from the list's owner",
  ...OPTIONS,
  async fn() {
    await using outside = startFakeServer();
    await using world = await startSetUp({
      main: [`relayhost = [127.0.0.1]:${outside.port}`],
      files: {
        aliases: "crew :include:{dir}/lists/crew\nowner-crew u09\n",
        "lists/crew": "# the crew\nu01\nu02, far@outside.example\n  near@outside.example\n",
      },
    });
    const id = await world.mail(["crew@example.com"]);
    const log = await world.through(id);
    const sentOn = new RegExp(
      `${id}: to=<crew@example\\.com>, relay=local, .*status=sent \\(forwarded as (\\w+)\\)`,
    ).exec(log);
    assert.ok(sentOn, log);
    await world.through(sentOn[1]!);
    for (const user of ["u01", "u02"]) {
      assert.match(world.read(`mail/${user}`)!, /^From owner-crew@example\.com /, user);
      assert.match(world.read(`mail/${user}`)!, /^Delivered-To: crew@example\.com$/m, user);
    }
    const said = outside.sessions.flatMap(({ commands }) => commands);
    assert.ok(said.some((line) => line.startsWith("MAIL FROM:<owner-crew@example.com>")), said.join("\n"));
    assert.deepEqual(
      said.filter((line) => line.startsWith("RCPT")).map((line) => /<(.*)>/.exec(line)![1]).sort(),
      [
        "far@outside.example",
        "near@outside.example",
      ],
    );
    // A loop ends: the list got this message before.
    const loop = await world.mail(["crew@example.com"], {
      text: "Delivered-To: crew@example.com\r\n\r\nHello",
    });
    await world.logged(
      new RegExp(
        `${loop}: to=<crew@example\\.com>, .*dsn=5\\.4\\.6, status=bounced \\(mail forwarding loop for crew@example\\.com\\)`,
      ),
    );
  },
});

Deno.test({
  name: "1,000 recipients from one :include: file: every one of them gets the message, once",
  ...OPTIONS,
  async fn() {
    const members = Array.from({ length: 1000 }, (_, n) => `member${n}@outside.example`);
    await using world = await startSetUp({
      main: ["default_transport = discard:", "default_destination_recipient_limit = 50"],
      files: { aliases: "all :include:{dir}/lists/all\n", "lists/all": members.join("\n") + "\n" },
    });
    const id = await world.mail(["all@example.com"]);
    const log = await world.through(id);
    const sentOn = new RegExp(`${id}: .*forwarded as (\\w+)\\)`).exec(log)![1]!;
    const whole = await world.through(sentOn);
    const served = [
      ...whole.matchAll(new RegExp(`${sentOn}: to=<(member\\d+@outside\\.example)>, .*status=sent`, "g")),
    ];
    assert.deepEqual(served.map(([, address]) => address).sort(), members.sort());
  },
});

Deno.test({
  name:
    "a mail-to-file address: an archive of its own, of the alias table's owner or of default_privs, never root's",
  ...OPTIONS,
  async fn() {
    await using world = await startSetUp({
      main: ["default_privs = u08"],
      files: {
        aliases: "archive {dir}/out/archive\nbox {dir}/out/box/\nrunnable {dir}/out/runnable\n",
        "out/runnable": { content: "#!/bin/sh\n", mode: 0o755, owner: "u08" },
      },
    });
    await world.through(await world.mail(["archive@example.com"]));
    await world.through(await world.mail(["archive@example.com", "box@example.com"]));
    const text = world.read("out/archive")!;
    assert.equal([...text.matchAll(/^From sender@example\.org /gm)].length, 2);
    assert.match(text, /\n\nHello\n\nFrom /);
    assert.equal(Deno.statSync(`${world.directory}/out/archive`).uid, 4008);
    assert.equal(world.maildir("out/box").length, 1);
    assert.equal(Deno.statSync(`${world.directory}/out/box/new`).uid, 4008);
    const log = await world.through(await world.mail(["runnable@example.com"]));
    assert.match(
      log,
      /to=<runnable@example\.com>, .*dsn=5\.7\.1, status=bounced \(cannot append message to file .*: file is executable\)/,
    );
    assert.equal(world.read("out/runnable"), "#!/bin/sh\n");
  },
});
