/** VIRTUAL_README: an automatic answer for addresses that are delivered as well. */
import assert from "node:assert/strict";
import { until } from "../testing.ts";
import { OPTIONS, startSetUp } from "./world.ts";

/** What an administrator would write: never answers a null sender, and says who asked. */
const PROGRAM = `#!/bin/sh
sender=$1 user=$2
[ -z "$sender" ] && exit 0
cat >> {dir}/out/seen
echo "From $user to $sender" >> {dir}/out/answers
id -un >> {dir}/out/answers
`;

Deno.test({
  name: "auto-reply behind a transport entry: a copy by virtual_alias_maps, the program as its own user",
  ...OPTIONS,
  async fn() {
    await using world = await startSetUp({
      main: [
        "virtual_alias_maps = texthash:{dir}/virtual",
        "transport_maps = texthash:{dir}/transport",
        "autoreply_destination_recipient_limit = 1",
      ],
      master: [
        "autoreply unix - n n - - pipe",
        "  flags= user=u07 null_sender= argv={dir}/autoreply ${sender} ${mailbox}",
      ],
      files: {
        virtual: "u01@example.com u01@example.com, u01@example.com@autoreply.example.com\n",
        transport: "autoreply.example.com autoreply:\n",
        autoreply: { content: PROGRAM, mode: 0o755 },
      },
    });
    const log = await world.through(await world.mail(["u01@example.com"]));
    assert.match(
      log,
      /pipe\[\d+\]: \w+: to=<"u01@example\.com"@autoreply\.example\.com>, orig_to=<u01@example\.com>, relay=autoreply, .*status=sent \(delivered via autoreply service\)/,
    );
    assert.match(world.read("mail/u01")!, /^Delivered-To: u01@example\.com$/m);
    await until("an answer", () => world.read("out/answers") !== undefined);
    assert.equal(world.read("out/answers"), "From u01@example.com to sender@example.org\nu07\n");
    assert.match(world.read("out/seen")!, /^Subject: test$/m);
    // A notice gets no answer, and neither did anything else come of it.
    await world.through(await world.mail(["u01@example.com"], { from: "" }));
    assert.equal(world.read("out/answers"), "From u01@example.com to sender@example.org\nu07\n");
    // What would be an option or a command to a shell is an argument, or refused before.
    await world.through(await world.mail(["u01@example.com"], { from: '"$(touch x);-f|"@example.org' }));
    assert.match(world.read("out/answers")!, /^From u01@example\.com to \$\(touch x\);-f\|@example\.org$/m);
  },
});
