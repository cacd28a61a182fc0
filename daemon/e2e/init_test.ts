/** A private instance, made and run as its own commands say. */
import { initInstance } from "./private_instance_testing.ts";
import { until } from "./testing.ts";

Deno.test({
  name: "an instance that init makes checks, starts, delivers and stops, for root too",
  sanitizeOps: false,
  sanitizeResources: false,
  async fn() {
    using instance = initInstance("a/b");
    await instance.run("postfix", ["check"]);
    await instance.run("postfix", ["start"]);
    try {
      await instance.run("sendmail", ["you@localhost"], "Subject: hi\n\nHello\n");
      const mailbox = `${instance.directory}/mail/you/new`;
      await until("the message in its mailbox", () => {
        try {
          return [...Deno.readDirSync(mailbox)].length === 1;
        } catch {
          return false;
        }
      });
    } finally {
      await instance.run("postfix", ["stop"]);
    }
  },
});
