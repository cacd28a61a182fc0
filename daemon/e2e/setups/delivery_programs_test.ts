/** Programs that take mail over: MAILDROP_README, procmail, a Cyrus-style deliverer, UUCP_README. */
import assert from "node:assert/strict";
import { installed, OPTIONS, startSetUp } from "./world.ts";

/** Writes its arguments, one a line, an empty line, and its input. */
const RECORDER = `#!/bin/sh
for word in "$@"; do echo "[$word]"; done > {dir}/out/$$.part
echo >> {dir}/out/$$.part
cat >> {dir}/out/$$.part
mv {dir}/out/$$.part {dir}/out/$(basename "$0")
`;

Deno.test({
  name: "procmail as mailbox_command: the user's own rules, the extension as argument, the user's rights",
  ...OPTIONS,
  ignore: OPTIONS.ignore || !installed("/usr/bin/procmail"),
  async fn() {
    await using world = await startSetUp({
      main: [
        "recipient_delimiter = +",
        'mailbox_command = /usr/bin/procmail -t -a "$EXTENSION"',
        "export_environment = PATH=/usr/bin:/bin",
      ],
      files: {
        "home/u01/.procmailrc": "DEFAULT=$HOME/inbox\n:0:\n* ^Subject: sorted\n$HOME/sorted-$1\n",
      },
    });
    await world.through(await world.mail(["u01+work@example.com"], { text: "Subject: sorted\r\n\r\nHello" }));
    await world.through(await world.mail(["u01@example.com"], { text: "Subject: other\r\n\r\nHello" }));
    assert.match(
      world.read("home/u01/sorted-work")!,
      /^From sender@example\.org [^]*\nX-Original-To: u01\+work@example\.com\nDelivered-To: u01\+work@example\.com\n/,
    );
    assert.match(world.read("home/u01/inbox")!, /\nSubject: other\n/);
    assert.equal(Deno.statSync(`${world.directory}/home/u01/inbox`).uid, 4001);
    assert.match(
      world.log(),
      /status=sent \(delivered to command: \/usr\/bin\/procmail -t -a "\$EXTENSION"\)/,
    );
  },
});

Deno.test({
  name: "maildrop as mailbox_command and as a transport for virtual domains",
  ...OPTIONS,
  ignore: OPTIONS.ignore || !installed("/usr/bin/maildrop"),
  async fn() {
    await using world = await startSetUp({
      main: [
        "mailbox_command = /usr/bin/maildrop -d ${USER}",
        "virtual_mailbox_domains = hosted.example",
        "virtual_mailbox_maps = inline:{ { joe@hosted.example = x } }",
        "virtual_transport = maildrop",
        "maildrop_destination_recipient_limit = 1",
        "export_environment = PATH=/usr/bin:/bin",
      ],
      master: [
        "maildrop unix - n n - - pipe",
        "  flags=ODRhu user=u07 argv=/usr/bin/maildrop {dir}/filter",
      ],
      files: {
        filter: { content: 'to "{dir}/out/hosted"\n', mode: 0o600, owner: "u07" },
        "home/u01/.mailfilter": { content: 'to "inbox"\n', mode: 0o600 },
      },
    });
    const log = await world.through(await world.mail(["u01@example.com", "joe@hosted.example"]));
    assert.match(
      log,
      /to=<joe@hosted\.example>, relay=maildrop, .*status=sent \(delivered via maildrop service\)/,
    );
    assert.match(world.read("out/hosted")!, /^X-Original-To: joe@hosted\.example$/m);
    assert.match(world.read("home/u01/inbox")!, /^Delivered-To: u01@example\.com$/m);
    assert.equal(Deno.statSync(`${world.directory}/home/u01/inbox`).uid, 4001);
  },
});

Deno.test({
  name:
    "a Cyrus-style deliverer: all recipients in one command, extension and user apart, its status is the mail's",
  ...OPTIONS,
  async fn() {
    await using world = await startSetUp({
      main: [
        "recipient_delimiter = +",
        "mydestination = localhost",
        "virtual_mailbox_domains = imap.example",
        "virtual_mailbox_maps = static:x",
        "virtual_transport = cyrus",
      ],
      master: [
        "cyrus unix - n n - - pipe",
        "  flags=hu user=u07 argv={dir}/deliver -e -r ${sender} -m ${extension} ${user}",
        "full unix - n n - - pipe user=u07 argv=/bin/sh -c { echo over quota; exit 75 }",
      ],
      files: { deliver: { content: RECORDER, mode: 0o755 } },
    });
    const log = await world.through(await world.mail(["Ann+Lists@imap.example", "Ben+Lists@imap.example"]));
    const [words, ...content] = world.read("out/deliver")!.split("\n\n");
    assert.equal(words, "[-e]\n[-r]\n[sender@example.org]\n[-m]\n[lists]\n[lists]\n[ann]\n[ben]");
    assert.match(content.join("\n\n"), /^Received: [^]*\nSubject: test\n[^]*\n\nHello\n$/);
    for (const name of ["Ann", "Ben"]) {
      assert.match(
        log,
        new RegExp(
          `to=<${name}\\+Lists@imap\\.example>, relay=cyrus, .*status=sent \\(delivered via cyrus service\\)`,
        ),
      );
    }
  },
});

Deno.test({
  name:
    "UUCP: mail for a domain leaves through uux, one command for a site's recipients, sender in UUCP form",
  ...OPTIONS,
  async fn() {
    await using world = await startSetUp({
      main: [
        "relay_domains = uucp.example",
        "transport_maps = texthash:{dir}/transport",
      ],
      master: [
        "uucp unix - n n - - pipe",
        "  flags=Fqhu user=u07 argv={dir}/uux -r -n -z -a$sender - $nexthop!rmail ($recipient)",
      ],
      files: {
        transport: "uucp.example uucp:uucp-host\n.uucp.example uucp:uucp-host\n",
        uux: { content: RECORDER, mode: 0o755 },
      },
    });
    const log = await world.through(await world.mail(["a@uucp.example", "b@deep.uucp.example"]));
    const [words, ...content] = world.read("out/uux")!.split("\n\n");
    assert.equal(
      words,
      "[-r]\n[-n]\n[-z]\n[-asender@example.org]\n[-]\n[uucp-host!rmail]\n[(b@deep.uucp.example)]\n[(a@uucp.example)]",
    );
    assert.match(content.join("\n\n"), /^From sender@example\.org [^\n]+\nReceived: /);
    assert.equal([...log.matchAll(/relay=uucp, .*status=sent \(delivered via uucp service\)/g)].length, 2);
  },
});
