/** Queue files that are damaged and disks that are full, met by agents with recipients' rights. */
import assert from "node:assert/strict";
import { queued, until } from "../testing.ts";
import { OPTIONS, startSetUp } from "./world.ts";

Deno.test({
  name: "a damaged queue file goes to corrupt, whichever agent meets it",
  ...OPTIONS,
  async fn() {
    await using world = await startSetUp({
      main: [
        "home_mailbox = Maildir/",
        "virtual_mailbox_domains = hosted.example",
        "virtual_mailbox_base = {dir}/vmail",
        "virtual_mailbox_maps = inline:{ { joe@hosted.example = joe } }",
        "virtual_uid_maps = static:4005",
        "virtual_gid_maps = static:4005",
        "transport_maps = inline:{ { pipe.example = cat: } }",
        "defer_transports = local, virtual, cat",
      ],
      master: ["cat unix - n n - - pipe user=u07 argv=/bin/sh -c { cat > {dir}/out/piped; exit 75 }"],
      files: {
        "vmail/": { owner: "u05" },
        aliases: 'command "|cat > {dir}/out/command; exit 75"\nforward far@outside.example\n',
      },
    });
    const ids: string[] = [];
    for (
      const address of [
        "u01@example.com",
        "joe@hosted.example",
        "x@pipe.example",
        "command@example.com",
        "forward@example.com",
      ]
    ) ids.push(await world.mail([address], { text: `Subject: x\r\n\r\n${"text\r\n".repeat(20000)}` }));
    await until("all deferred", () => queued(world, "deferred").length === ids.length);
    for (const id of ids) {
      const path = `${world.spool}/deferred/${id[0]}/${id}`;
      const bytes = Deno.readFileSync(path);
      const length = Math.floor(bytes.length / 2);
      // A record type that there is not, in the middle of the content.
      const at = bytes.indexOf("N".charCodeAt(0), length);
      bytes[at] = 0x7e;
      Deno.writeFileSync(path, bytes);
      Deno.chmodSync(path, 0o700);
    }
    const main = `${world.etc}/main.cf`;
    Deno.writeTextFileSync(
      main,
      Deno.readTextFileSync(main).replace(/^defer_transports.*$/m, "defer_transports ="),
    );
    world.reload();
    await world.logged(/reload -- version/);
    await until("all in corrupt", async () => {
      await world.run(["postqueue", "-f"]);
      return queued(world, "corrupt").length === ids.length;
    });
    assert.deepEqual(queued(world, "corrupt"), ids.sort());
    for (const id of ids) {
      assert.match(
        world.log(),
        new RegExp(
          `qmgr\\[\\d+\\]: warning: saving corrupt file "${id}" from queue "active" to queue "corrupt"`,
        ),
      );
      assert.doesNotMatch(world.log(), new RegExp(`${id}: to=.*status=(sent|bounced)`));
    }
    assert.equal(world.maildir("home/u01/Maildir").length, 0);
    assert.equal([...Deno.readDirSync(`${world.directory}/home/u01/Maildir/tmp`)].length, 0);
    assert.equal(world.read("vmail/joe") ?? "", "");
  },
});
