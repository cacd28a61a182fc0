/** VIRTUAL_README: one name space for several domains of UNIX accounts, and domains with name spaces of their own. */
import assert from "node:assert/strict";
import { OPTIONS, startSetUp } from "./world.ts";

Deno.test({
  name: "shared domains, system accounts: info in one domain is info in the other",
  ...OPTIONS,
  async fn() {
    await using world = await startSetUp({
      main: ["mydestination = $myhostname localhost.$mydomain example.com other.example"],
    });
    const id = await world.mail(["u01@example.com", "u01@other.example"]);
    await world.through(id);
    const box = world.read("mail/u01")!;
    assert.equal([...box.matchAll(/^From sender@example\.org /gm)].length, 2);
    assert.match(box, /^Delivered-To: u01@example\.com$/m);
    assert.match(box, /^Delivered-To: u01@other\.example$/m);
    assert.equal(Deno.statSync(`${world.directory}/mail/u01`).uid, 4001);
    assert.match(
      (await world.attempt(["nobody-here@other.example"])).reply,
      /^550 5\.1\.1 .*unknown in local recipient/,
    );
  },
});

Deno.test({
  name: "separate domains, UNIX accounts: the same name is somebody else in each, or nobody",
  ...OPTIONS,
  async fn() {
    await using world = await startSetUp({
      main: [
        "virtual_alias_domains = one.example two.example",
        "virtual_alias_maps = texthash:{dir}/virtual",
      ],
      files: {
        virtual: [
          "postmaster@one.example u01",
          "info@one.example u02",
          "info@two.example u03, far@outside.example",
          "@two.example u04",
          "",
        ].join("\n"),
      },
    });
    await Promise.all(
      (await Promise.all([
        world.mail(["postmaster@one.example"]),
        world.mail(["info@one.example"]),
        world.mail(["anything+x@two.example"]),
      ])).map((id) => world.through(id)),
    );
    for (
      const [user, address] of [["u01", "postmaster@one"], ["u02", "info@one"], ["u04", "anything\\+x@two"]]
    ) {
      assert.match(world.read(`mail/${user}`)!, new RegExp(`^X-Original-To: ${address}\\.example$`, "m"));
    }
    assert.match(
      (await world.attempt(["nobody@one.example"])).reply,
      /^550 5\.1\.1 <nobody@one\.example>: Recipient address rejected: User unknown in virtual alias table/,
    );
  },
});
