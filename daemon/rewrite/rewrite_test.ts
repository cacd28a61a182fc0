/** The service asked as testdata/address/record.ts asked real Postfix's. */
import assert from "node:assert/strict";
import { createAddressing } from "../../core/address/mod.ts";
import { configFromText } from "../../core/config/mod.ts";
import { AttributeReader, AttributeWriter, readAnnouncement } from "../../core/ipc/mod.ts";
import { Logger, memorySink } from "../../core/log/mod.ts";
import { TableSet } from "../../core/table/mod.ts";
import { serveRewrite } from "./mod.ts";

const DATA = new URL("../../testdata/address", import.meta.url).pathname;
/** Address, local form, remote form, and by question (`resolve SENDER`) transport, next hop, recipient, flags. */
type Recorded = readonly [string, string, string, Readonly<Record<string, readonly string[]>>];

/** A conversation over a socket with a service that has the tables of the recording. */
function open(name: string) {
  const directory = Deno.makeTempDirSync();
  const listener = Deno.listen({ transport: "unix", path: `${directory}/rewrite` });
  const sink = memorySink();
  const config = configFromText(Deno.readTextFileSync(`${DATA}/${name}.cf`), { directory: DATA });
  const log = { info() {}, warning() {} };
  const tables = new TableSet(config, { log });
  const addressing = createAddressing({ config, tables, log });
  const served = (async () => {
    const connection = await listener.accept();
    try {
      await serveRewrite(connection, {
        addressing: () => addressing,
        log: new Logger(sink, "postfix/trivial-rewrite"),
      });
    } finally {
      connection.close();
      listener.close();
    }
  })();
  return {
    path: `${directory}/rewrite`,
    served,
    sink,
    remove() {
      tables.close();
      Deno.removeSync(directory, { recursive: true });
    },
  };
}

for (const name of ["plain", "maps", "odd"]) {
  Deno.test(`rewrite and resolve requests over a socket: ${name}`, async () => {
    const service = open(name);
    const connection = await Deno.connect({ transport: "unix", path: service.path });
    const reader = new AttributeReader(connection);
    await readAnnouncement(reader, "rewrite");
    const ask = async (...pairs: readonly (readonly [string, string])[]) => {
      const writer = new AttributeWriter();
      for (const [attribute, value] of pairs) writer.text(attribute, value);
      await writer.end().flush(connection);
      const answer: [string, string][] = [];
      for (let next = await reader.next(); next !== undefined; next = await reader.next()) {
        answer.push([next.name, next.value]);
      }
      return answer;
    };
    const { routes } = JSON.parse(Deno.readTextFileSync(`${DATA}/${name}.json`)) as { routes: Recorded[] };
    // The whole recording is core/address's to hold; here it is the conversation.
    for (const [address, local, remote, answers] of routes.filter((_, index) => index % 7 === 0)) {
      for (const [rule, expected] of [["local", local], ["remote", remote]] as const) {
        assert.deepEqual(
          await ask(["request", "rewrite"], ["rule", rule], ["address", address]),
          [["flags", "0"], ["address", expected]],
          `${rule} ${address}`,
        );
      }
      for (const [question, [transport, nexthop, recipient, flags]] of Object.entries(answers)) {
        const blank = question.indexOf(" ");
        const answer = await ask(
          ["request", question.slice(0, blank)],
          ["sender", question.slice(blank + 1)],
          ["address", address],
        );
        assert.deepEqual(answer.map(([attribute]) => attribute), [
          "flags",
          "transport",
          "nexthop",
          "recipient",
          "flags",
        ]);
        // With an error nobody looks at the first two.
        if ((Number(flags) & 12) === 0) {
          assert.deepEqual(answer.slice(1).map(([, value]) => value), [transport, nexthop, recipient, flags]);
        } else assert.deepEqual(answer.slice(3).map(([, value]) => value), [recipient, flags], address);
      }
    }
    assert.deepEqual(await ask(["request", "rewrite"], ["rule", "other"], ["address", "a%b"]), [
      ["flags", "0"],
      ["address", "a%b"],
    ]);
    assert.match(service.sink.lines().at(-1)!, /unknown address rewriting context: other/);
    connection.close();
    await service.served;
    service.remove();
  });
}

Deno.test("a request that is none ends the conversation", async () => {
  for (const [request, problem] of [["frobnicate", undefined], ["rewrite", /attribute "rule"/]] as const) {
    const service = open("plain");
    const ended = service.served.catch((error) => error);
    const connection = await Deno.connect({ transport: "unix", path: service.path });
    await readAnnouncement(new AttributeReader(connection), "rewrite");
    await new AttributeWriter().text("request", request).end().flush(connection);
    assert.equal(await connection.read(new Uint8Array(1)), null);
    const error = await ended;
    if (problem === undefined) {
      assert.match(service.sink.lines().join("\n"), /unknown rewrite request: frobnicate/);
    } else assert.match(error.message, problem);
    connection.close();
    service.remove();
  }
});
