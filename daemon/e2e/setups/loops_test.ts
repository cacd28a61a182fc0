/** Aliases that send mail back: over several levels of one machine, and over two machines. */
import assert from "node:assert/strict";
import { freePort } from "../../master/testing.ts";
import { OPTIONS, startSetUp } from "./world.ts";

Deno.test({
  name: "two machines whose aliases lead to each other: the first one finds its own Delivered-To",
  ...OPTIONS,
  async fn() {
    const ports = { "a.example": freePort(), "b.example": freePort() };
    const machine = (own: keyof typeof ports, other: keyof typeof ports) =>
      startSetUp({
        port: ports[own],
        main: [
          `myhostname = mx.${own}`,
          `mydestination = ${own}`,
          `myorigin = ${own}`,
          `transport_maps = inline:{ { ${other} = smtp:[127.0.0.1]:${ports[other]} } }`,
          "default_transport = discard:",
        ],
        files: {
          aliases: `joe list\nlist :include:{dir}/lists/members\nround round2\nround2 round3\nround3 round\n`,
          "lists/members": `joe@${other}\n`,
        },
      });
    await using a = await machine("a.example", "b.example");
    await using b = await machine("b.example", "a.example");
    await a.mail(["joe@a.example"]);
    const loop = "mail forwarding loop for joe@a\\.example";
    await a.logged(
      new RegExp(`to=<joe@a\\.example>, relay=local, .*dsn=5\\.4\\.6, status=bounced \\(${loop}\\)`),
    );
    // Once there and once back.
    assert.equal([...b.log().matchAll(/to=<joe@b\.example>, .*status=sent \(forwarded as/g)].length, 1);
    assert.equal([...a.log().matchAll(/to=<joe@a\.example>, .*status=sent \(forwarded as/g)].length, 1);
    // A circle inside one table ends in the name that is its own.
    await b.mail(["round@b.example"]);
    await b.logged(/relay=local, .*dsn=5\.4\.6, status=bounced \(alias database loop for round\d?\)/);
  },
});
