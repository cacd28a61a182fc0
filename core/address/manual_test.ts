/** Runs the examples of docs/rewriting.md. */
import assert from "node:assert/strict";
import { configFromText } from "../config/mod.ts";
import { TableSet } from "../table/mod.ts";
import { createAddressing, createRewriting } from "./mod.ts";

const BASE = `
compatibility_level = 3.6
myhostname = mail.example.com
mydomain = example.com
myorigin = example.com
mydestination = example.com
inet_interfaces = 127.0.0.1
local_recipient_maps =
alias_maps =
`;

const manual = Deno.readTextFileSync(`${import.meta.dirname}/../../docs/rewriting.md`);
const blocks = [...manual.matchAll(/^```(ini|text) ?(\w*)\n(.*?)^```$/gms)]
  .map(([, language, kind, text]) => ({ language, kind, text: text! }));

async function answer(kind: string, mainCf: string, address: string): Promise<string> {
  const config = configFromText(BASE + mainCf, { directory: import.meta.dirname! });
  const tables = new TableSet(config);
  const addressing = createAddressing({ config, tables });
  const rewriting = createRewriting({ config, tables, addressing });
  switch (kind) {
    case "rewrite":
      return addressing.rewrite("local", address);
    case "sender":
      return await rewriting.rewriteEnvelopeSender(address);
    case "recipient":
      return (await rewriting.rewriteRecipient(address)).expanded.join(" ");
    case "header":
      return (await rewriting.rewriteHeaderAddresses(address, "sender", "local") ?? address).replaceAll(
        "\n",
        " ",
      );
    case "route": {
      const { transport, nexthop } = await addressing.resolve("s@remote.test", address);
      return `${transport}:${nexthop}`;
    }
    default:
      throw new Error(`An example of unknown kind "${kind}"`);
  }
}

Deno.test("docs/rewriting.md: the examples are true", async () => {
  let settings = "";
  let count = 0;
  for (const { language, kind, text } of blocks) {
    if (language === "ini") settings = text;
    else {
      for (const line of text.trimEnd().split("\n")) {
        const [input, expected] = line.split(" -> ") as [string, string];
        assert.equal(await answer(kind!, settings, input), expected, line);
        count += 1;
      }
    }
  }
  assert.ok(count > 30, `${count} examples`);
});
