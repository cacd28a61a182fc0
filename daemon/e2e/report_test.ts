/** What `sendmail -bv` and `sendmail -v` mail back. */
import assert from "node:assert/strict";
import { startInstance } from "../master/testing.ts";
import { startFakeServer } from "../smtp/testing.ts";
import { until } from "./testing.ts";

Deno.test({
  name: "reports that were asked for with sendmail -bv and -v say so in their subject",
  sanitizeOps: false,
  sanitizeResources: false,
  async fn() {
    const server = startFakeServer({});
    try {
      await using instance = await startInstance({
        main: [
          "alias_maps = inline:{list=joe@sender.example}",
          `transport_maps = inline:{sender.example=smtp:[127.0.0.1]:${server.port}, nowhere.example=discard:}`,
        ],
      });
      const notices = () => server.sessions.flatMap(({ messages }) => messages);
      const expected: readonly (readonly [string, string, RegExp])[] = [
        ["-bv", "joe@sender.example", /^Action: deliverable$/m],
        // What an alias stands for, not the alias, as a server that asks is told.
        ["-bv", "list@example.com", /forwards\s+to\s+joe@sender\.example/],
        ["-v", "joe@nowhere.example", /^Action: delivered$/m],
        ["-Nsuccess", "joe@nowhere.example", /^Action: delivered$/m],
      ];
      for (const [index, [option, recipient, action]] of expected.entries()) {
        const { code, stderr } = await instance.run(
          ["sendmail", "-f", "joe@sender.example", option, recipient],
          "Subject: x\n\nbody\n",
        );
        assert.equal(code, 0, stderr);
        await until(`a report on ${option}`, () => notices().length > index);
        const notice = notices()[index]!.replaceAll("\r\n", "\n");
        assert.match(notice, action);
        const subject = option === "-Nsuccess"
          ? "Successful Mail Delivery Report"
          : "Mail Delivery Status Report";
        assert.match(notice, new RegExp(`^Subject: ${subject}$`, "m"));
      }
    } finally {
      await server.close();
    }
  },
});
