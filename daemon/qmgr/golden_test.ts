/** The same scenes as testdata/qmgr/record.sh plays with real Postfix: the lines must be the same. */
import assert from "node:assert/strict";
import { AttributeReader, AttributeWriter } from "../../core/ipc/mod.ts";
import { openQueueWith } from "../../core/queue/testing.ts";
import { readRequest, writeRequest } from "../delivery/mod.ts";
import { Bench, enqueue, routing, settled } from "./testing.ts";
import type { Routing } from "./types.ts";

const DATA = new URL("../../testdata/qmgr/", import.meta.url);

/** The recorded lines of one scene, without the program's name in front. */
function recorded(scene: string): string[] {
  const text = Deno.readTextFileSync(new URL("log.txt", DATA));
  const part = text.split("== ").find((section) => section.startsWith(`${scene}\n`));
  assert.ok(part !== undefined, `no scene "${scene}"`);
  return part.split("\n").slice(1, -1).map((line) => line.replace(/^[a-z]+: /, ""));
}

/** Lines without ids and times. */
function bare(lines: readonly string[], ids: readonly string[]): string[] {
  return lines.map((line) => {
    const known = ids.reduce((text, id) => text.replaceAll(id, "ID"), line);
    return known.replace(/delay=\S+, delays=\S+, /, "").replace(/size=\d+/, "size=256");
  });
}

/** Routes by a table of domains, as transport_maps does. */
function byTable(table: Record<string, string>): Routing {
  return {
    ...routing,
    resolve(_sender, address) {
      const [transport = "", nexthop = ""] = (table[address.slice(address.lastIndexOf("@") + 1)] ?? "").split(
        /:(.*)/,
      );
      return { transport, nexthop, recipient: address, addressClass: "default" };
    },
  };
}

Deno.test("qmgr (recorded): error, retry and discard", async () => {
  const bench = new Bench(
    "",
    undefined,
    byTable({
      "e1.test": "error:4.7.1 try later",
      "e2.test": "error:5.1.1 no such user",
      "e3.test": "error:plain words",
      "e4.test": "retry:5.1.1 text",
      "e5.test": "retry:4.2.1 text",
      "e6.test": "retry:plain words",
      "e7.test": "discard:silently",
      "e8.test": "discard:2.5.0 text",
      "e9.test": "discard:5.0.0 x",
    }),
  );
  const id = await bench.submit({
    sender: "",
    recipients: [1, 2, 3, 4, 5, 6, 7, 8, 9].map((n) => `u@e${n}.test`),
  });
  await settled();
  const lines = bare(bench.lines().filter((line) => line.includes("to=<")), [id]);
  assert.deepEqual(lines.sort(), recorded("error, retry and discard").sort());
});

Deno.test("qmgr (recorded): no such service", async () => {
  const bench = new Bench("", undefined, byTable({ "missing.test": "nosuch:" }));
  bench.missing.add("nosuch");
  const id = await bench.submit({ sender: "", recipients: ["u@missing.test"] });
  await settled();
  assert.deepEqual(bare(bench.lines(), [id]), recorded("no such service"));
});

Deno.test("qmgr (recorded): defer_transports", async () => {
  const bench = new Bench(
    "defer_transports = smtp",
    undefined,
    byTable({ "dead.test": "smtp:[127.0.0.1]:11701" }),
  );
  const id = await bench.submit({ sender: "", recipients: ["u@dead.test"] });
  await settled();
  assert.deepEqual(bare(bench.lines(), [id]), recorded("defer_transports"));
});

Deno.test("qmgr (recorded): a destination that is dead after its first failure", async () => {
  const table = byTable({ "dead.test": "smtp:[127.0.0.1]:11701" });
  const bench = new Bench("smtp_destination_concurrency_limit = 1", undefined, table);
  const ids: string[] = [];
  for (let n = 1; n <= 3; n++) ids.push(await bench.submit({ sender: "", recipients: ["v@dead.test"] }));
  await bench.next().dead("connect to 127.0.0.1[127.0.0.1]:11701: Connection refused");
  await settled();
  // The recording has only what error(8) said, not what the SMTP client did.
  const lines = bench.lines().filter((line) => line.includes("delivery temporarily suspended"));
  assert.deepEqual(bare(lines, ids), recorded("dead destination"));
});

Deno.test("qmgr (recorded): damaged files go to corrupt, and the next message is delivered", async () => {
  const directory = await Deno.makeTempDir();
  try {
    for (const name of ["incoming", "active", "deferred", "corrupt", "bounce", "defer", "trace"]) {
      Deno.mkdirSync(`${directory}/${name}`);
    }
    const queue = openQueueWith({
      directory,
      hashNames: [],
      hashDepth: 0,
      longIds: false,
      attributeLimit: 100,
      oldLogLine: true,
    });
    const whole = await enqueue(queue, { recipients: ["joe@example.net"] });
    const damage = new Deno.Command(Deno.execPath(), {
      args: [
        "run",
        "-A",
        new URL("damage.ts", DATA).pathname,
        `${directory}/incoming/${whole.id}`,
        `${directory}/incoming`,
      ],
    });
    assert.ok((await damage.output()).success);
    const damaged = [...Deno.readDirSync(`${directory}/incoming`)].map(({ name }) => name)
      .filter((name) => name !== whole.id);
    for (const name of damaged) Deno.chmodSync(`${directory}/incoming/${name}`, 0o700);

    const bench = new Bench("", queue);
    bench.clock.time = Date.now() / 1000 + 5;
    bench.automatic = "sent";
    bench.manager.start();
    await settled(10);
    assert.deepEqual(bench.delivered, ["joe@example.net"]);
    assert.deepEqual([...queue.scan("corrupt")].sort(), damaged.sort());
    assert.equal(damaged.length, 7);
    for (const name of damaged) {
      const expected = recorded(`damaged: ${name}`);
      const said = bare(bench.lines().filter((line) => line.includes(name)), [name]);
      assert.equal(said.at(-1), expected.at(-1), name);
      assert.ok(said.length >= 2 && said.every((line) => line.startsWith("warning: ")), name);
    }
    assert.equal(bench.manager.stats().corrupt, 7);
    await bench.manager.stop(1);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("delivery protocol (recorded): the bytes of a real queue manager's request, read and written", async () => {
  const bytes = Deno.readFileSync(new URL("delivery_request.bin", DATA));
  const reader = new AttributeReader(bytes);
  const request = await readRequest(reader);
  assert.equal(await reader.atEnd(), true);
  assert.equal(request.nexthop, "[hop.test]");
  assert.equal(request.envelopeId, "env-id");
  assert.deepEqual(request.recipients.map(({ address, notify }) => [address, notify]), [
    ["john smith@agent.test", 10],
    ["u@agent.test", 10],
  ]);
  assert.ok(
    request.times.active - request.times.incoming >= 0 && request.times.active - request.times.incoming < 5,
  );
  const writer = new AttributeWriter();
  writeRequest(writer, request, "3.7");
  assert.deepEqual(new Uint8Array(writer.view()), bytes);
});
