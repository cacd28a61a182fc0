/** VIRTUAL_README: mailboxes of people who have no account, and hosted domains that only forward. */
import assert from "node:assert/strict";
import { OPTIONS, startSetUp } from "./world.ts";

Deno.test({
  name: "virtual mailboxes: mbox, Maildir, a catch-all, aliases beside them; all files are of one user",
  ...OPTIONS,
  async fn() {
    await using world = await startSetUp({
      main: [
        "virtual_mailbox_domains = hosted.example more.example",
        "virtual_mailbox_base = {dir}/vmail",
        "virtual_mailbox_maps = texthash:{dir}/vmailbox",
        "virtual_minimum_uid = 100",
        "virtual_uid_maps = static:4005",
        "virtual_gid_maps = static:4005",
        "virtual_alias_maps = texthash:{dir}/virtual",
      ],
      files: {
        "vmail/": { owner: "u05" },
        vmailbox: [
          "info@hosted.example hosted.example/info",
          "sales@hosted.example hosted.example/sales/",
          "@more.example more.example/catchall/",
          "",
        ].join("\n"),
        "vmail/hosted.example/": { owner: "u05" },
        "vmail/more.example/": { owner: "u05" },
        virtual: "postmaster@hosted.example u06\n",
      },
    });
    await world.through(
      await world.mail([
        "info@hosted.example",
        "sales@hosted.example",
        "any@more.example",
        "postmaster@hosted.example",
      ]),
    );
    assert.match(
      world.read("vmail/hosted.example/info")!,
      /^From sender@example\.org [^\n]*\nReturn-Path: <sender@example\.org>\nX-Original-To: info@hosted\.example\nDelivered-To: info@hosted\.example\n/,
    );
    const [sale, ...others] = world.maildir("vmail/hosted.example/sales");
    assert.match(sale!, /^Return-Path: <sender@example\.org>\nX-Original-To: sales@hosted\.example\n/);
    assert.equal(others.length, 0);
    assert.equal(world.maildir("vmail/more.example/catchall").length, 1);
    assert.match(world.read("mail/u06")!, /^X-Original-To: postmaster@hosted\.example$/m);
    for (const path of ["hosted.example/info", "hosted.example/sales/new", "more.example/catchall/cur"]) {
      const { uid, gid } = Deno.statSync(`${world.directory}/vmail/${path}`);
      assert.deepEqual([uid, gid], [4005, 4005], path);
    }
    assert.match(
      (await world.attempt(["nobody@hosted.example"])).reply,
      /^550 5\.1\.1 <nobody@hosted\.example>: Recipient address rejected: User unknown in virtual mailbox table/,
    );
  },
});

Deno.test({
  name: "mail forwarding domain: hosted addresses that live elsewhere",
  ...OPTIONS,
  async fn() {
    await using world = await startSetUp({
      main: [
        "virtual_alias_domains = forward.example",
        "virtual_alias_maps = texthash:{dir}/virtual",
        "default_transport = discard:",
      ],
      files: {
        virtual:
          "joe@forward.example joe@somewhere.example\njane@forward.example jane@anywhere.example, u01\n",
      },
    });
    const log = await world.through(await world.mail(["joe@forward.example", "jane@forward.example"]));
    assert.match(
      log,
      /to=<joe@somewhere\.example>, orig_to=<joe@forward\.example>, relay=none, .*status=sent/,
    );
    assert.match(log, /to=<jane@anywhere\.example>, orig_to=<jane@forward\.example>, .*status=sent/);
    assert.match(world.read("mail/u01")!, /^Delivered-To: u01@example\.com$/m);
  },
});
