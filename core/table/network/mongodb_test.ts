import assert from "node:assert/strict";
import { BSON, type Document } from "mongodb";
import { Bench, outcome, outcomeWithoutRights } from "./testing.ts";

const OP_REPLY = 1;
const OP_QUERY = 2004;
const OP_MSG = 2013;

/** Documents in one answer. */
const BATCH = 101;

/** A server that speaks as much of MongoDB's wire protocol as a query needs: hello, find, and what goes with them. */
class FakeMongo {
  readonly finds: Document[] = [];
  readonly port: number;
  silent = false;
  /** What happens when a second batch is asked for. */
  onMore: "answer" | "error" | "hang up" = "answer";
  /** How many batches were asked for, the first ones not counted. */
  more = 0;
  #cursors = 0;
  readonly #waiting = new Map<string, Document[]>();
  #listener: Deno.TcpListener;
  #accepting: Promise<void> = Promise.resolve();
  readonly #open = new Set<Deno.Conn>();

  constructor(private readonly documents: readonly Document[]) {
    this.#listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    this.port = (this.#listener.addr as Deno.NetAddr).port;
    this.#accept();
  }

  start(): void {
    this.#listener = Deno.listen({ hostname: "127.0.0.1", port: this.port });
    this.#accept();
  }

  async stop(): Promise<void> {
    this.#listener.close();
    await this.#accepting;
    for (const connection of this.#open) connection.close();
    this.#open.clear();
  }

  #accept(): void {
    const listener = this.#listener;
    this.#accepting = (async () => {
      for await (const connection of listener) {
        this.#open.add(connection);
        this.#serve(connection).catch(() => {});
      }
    })();
  }

  async #serve(connection: Deno.Conn): Promise<void> {
    let pending = new Uint8Array(0);
    const chunk = new Uint8Array(65536);
    for (;;) {
      const count = await connection.read(chunk);
      if (count === null) break;
      const joined = new Uint8Array(pending.length + count);
      joined.set(pending);
      joined.set(chunk.subarray(0, count), pending.length);
      pending = joined;
      while (pending.length >= 16) {
        const length = new DataView(pending.buffer, pending.byteOffset).getInt32(0, true);
        if (pending.length < length) break;
        const reply = this.#answer(pending.slice(0, length));
        pending = pending.slice(length);
        if (reply === "hang up") {
          this.#open.delete(connection);
          connection.close();
          return;
        }
        if (reply !== undefined) await connection.write(reply);
      }
    }
  }

  #answer(message: Uint8Array): Uint8Array | "hang up" | undefined {
    const view = new DataView(message.buffer, message.byteOffset, message.length);
    const id = view.getInt32(4, true);
    if (view.getInt32(12, true) === OP_QUERY) {
      // Flags and a collection name, skip and limit stand before the document.
      const start = message.indexOf(0, 20) + 9;
      return framed(
        id,
        OP_REPLY,
        new Uint8Array([8, ...zeros(15), 1, 0, 0, 0]),
        this.#run(decoded(message, start)),
      );
    }
    assert.equal(view.getInt32(12, true), OP_MSG);
    // The heartbeat asks for a stream of replies; a server may answer once and end it.
    const command = decoded(message, 21);
    if (this.silent && command["find"] !== undefined) return undefined;
    if (command["getMore"] !== undefined) {
      this.more += 1;
      if (this.onMore === "hang up") return "hang up";
    }
    return framed(id, OP_MSG, new Uint8Array(5), this.#run(command));
  }

  #run(command: Document): Document {
    if (command["killCursors"] !== undefined) return { ok: 1 };
    if (command["getMore"] !== undefined) {
      if (this.onMore === "error") return { ok: 0, errmsg: "the cursor was killed", code: 237 };
      const cursor = String(command["getMore"]);
      return this.#batch(cursor, this.#waiting.get(cursor)!, "nextBatch", `mail.${command["collection"]}`);
    }
    if (command["find"] === undefined) {
      return {
        ok: 1,
        helloOk: true,
        isWritablePrimary: true,
        ismaster: true,
        maxBsonObjectSize: 16777216,
        maxMessageSizeBytes: 48000000,
        maxWriteBatchSize: 100000,
        minWireVersion: 0,
        maxWireVersion: 21,
        readOnly: false,
      };
    }
    this.finds.push(command);
    const { filter, projection, limit } = command;
    const found = this.documents
      .filter((document) => Object.entries(filter).every(([field, value]) => document[field] === value))
      .map((document) =>
        Object.fromEntries(Object.entries(document).filter(([field]) => projection[field] === 1))
      )
      .slice(0, limit || undefined);
    this.#cursors += 1;
    return this.#batch(String(this.#cursors), found, "firstBatch", `${command["$db"]}.${command["find"]}`);
  }

  /** Some documents, and a cursor for the rest. */
  #batch(cursor: string, documents: Document[], name: string, ns: string): Document {
    this.#waiting.set(cursor, documents.slice(BATCH));
    const id = documents.length > BATCH ? BSON.Long.fromString(cursor) : BSON.Long.ZERO;
    return { ok: 1, cursor: { id, ns, [name]: documents.slice(0, BATCH) } };
  }
}

function zeros(count: number): number[] {
  return Array.from({ length: count }, () => 0);
}

function decoded(message: Uint8Array, start: number): Document {
  const length = new DataView(message.buffer, message.byteOffset).getInt32(start, true);
  return BSON.deserialize(message.slice(start, start + length));
}

function framed(responseTo: number, opcode: number, head: Uint8Array, document: Document): Uint8Array {
  const body = BSON.serialize(document);
  const message = new Uint8Array(16 + head.length + body.length);
  const view = new DataView(message.buffer);
  view.setInt32(0, message.length, true);
  view.setInt32(8, responseTo, true);
  view.setInt32(12, opcode, true);
  message.set(head, 16);
  message.set(body, 16 + head.length);
  return message;
}

Deno.test({
  name: "mongodb: queries over the wire protocol",
  sanitizeOps: false,
  sanitizeResources: false,
  async fn(t) {
    const bench = new Bench();
    const many = Array.from({ length: 300 }, (_, index) => `member${index}@example.net`);
    const server = new FakeMongo([
      { _id: new BSON.ObjectId(), address: "plain@example.com", goto: "target@example.net", active: 1 },
      { _id: 1, address: 'o\'brien "x"\\*%@example.com', goto: "special" },
      { _id: 2, address: "jörg@example.com", goto: "ümlaut" },
      { _id: 3, address: "list@example.com", goto: ["one@example.net", "", "two@example.net", 7] },
      { _id: 4, address: "number@example.com", goto: BSON.Long.fromString("9007199254740993") },
      { _id: 5, address: "odd@example.com", goto: { nested: "x" }, active: 1.5 },
      ...Array.from({ length: 20 }, (_, index) => ({ _id: 100 + index, address: "late@example.com" })),
      { _id: 120, address: "late@example.com", goto: "last" },
      ...many.map((goto, index) => ({ _id: 1000 + index, address: "many@example.com", goto })),
    ]);
    const base = {
      uri: `mongodb://127.0.0.1:${server.port}/?directConnection=true`,
      dbname: "mail",
      collection: "aliases",
      query_filter: '{"address": "%s"}',
      result_attribute: "goto",
      timeout: 2,
    };
    try {
      await t.step("keys and values of all kinds", async () => {
        const table = bench.table("mongodb", base);
        assert.equal(await outcome(table, "plain@example.com"), "target@example.net");
        assert.equal(await outcome(table, 'o\'brien "x"\\*%@example.com'), "special");
        assert.equal(await outcome(table, "jörg@example.com"), "ümlaut");
        assert.equal(await outcome(table, "list@example.com"), "one@example.net,two@example.net,7");
        assert.equal(await outcome(table, "number@example.com"), "9007199254740993");
        assert.equal(await outcome(table, "odd@example.com"), "(none)");
        assert.match(bench.said.at(-1)!, /field goto is neither/);
        for (const key of ["none", "", '"}', '", "x": {"$gt": ""}, "y": "']) {
          assert.equal(await outcome(table, key), "(none)", key);
        }
        assert.deepEqual(server.finds.at(-1)!["filter"], { address: '", "x": {"$gt": ""}, "y": "' });
        assert.equal(server.finds[0]!["find"], "aliases");
        assert.equal(server.finds[0]!["$db"], "mail");
      });
      await t.step("projection, formats, limits and parts of keys", async () => {
        const cases: [Record<string, string | number>, string, string][] = [
          [
            { result_attribute: "", projection: '{"goto": 1, "active": 1}' },
            "plain@example.com",
            "target@example.net,1",
          ],
          [{ result_attribute: "goto, active" }, "plain@example.com", "target@example.net,1"],
          [{ result_format: "%D:%s" }, "plain@example.com", "example.com:target@example.net"],
          [{ query_filter: '{"address": "%u@%2.%1"}' }, "plain@example.com", "target@example.net"],
          [{ query_filter: '{"address": "%u@%2.%1"}' }, "plain", "(none)"],
          [{ expansion_limit: 1 }, "list@example.com", "(temporary)"],
          [{ domain: "example.org" }, "plain@example.com", "(none)"],
          [{ result_attribute: "" }, "x", "(configuration)"],
          [{ projection: '{"goto": 1}' }, "x", "(configuration)"],
          [{ query_filter: "{address: %s}" }, "x", "(configuration)"],
          [{ uri: "http://sehr:geheim@x" }, "x", "(configuration)"],
        ];
        for (const [values, key, expected] of cases) {
          const label = `${JSON.stringify(values)} ${key}`;
          assert.equal(await outcome(bench.table("mongodb", { ...base, ...values }), key), expected, label);
        }
        assert.ok(!bench.said.some((text) => text.includes("geheim")));
      });
      const patient = { ...base, timeout: 60 };
      await t.step("more documents than fit into one answer", async () => {
        const all = bench.table("mongodb", { ...patient, expansion_limit: 0 });
        assert.equal(await outcome(all, "many@example.com"), many.join(","));
        assert.equal(server.more, 2);
        const enough = bench.table("mongodb", { ...patient, expansion_limit: 300 });
        assert.equal(await outcome(enough, "many@example.com"), many.join(","));
        const few = bench.table("mongodb", { ...patient, expansion_limit: 299 });
        assert.equal(await outcome(few, "many@example.com"), "(temporary)");
        assert.match(bench.said.at(-1)!, /Expansion limit exceeded for key: 'many@example.com'/);
        const before: number = server.more;
        assert.equal(await outcome(bench.table("mongodb", patient), "many@example.com"), "(temporary)");
        assert.equal(server.more, before, "nothing is asked for that the limit forbids");
        // Documents without a value don't count.
        const one = bench.table("mongodb", { ...patient, expansion_limit: 1 });
        assert.equal(await outcome(one, "late@example.com"), "last");
      });
      await t.step("an error or a lost connection between two answers is temporary", async () => {
        const all = bench.table("mongodb", { ...patient, expansion_limit: 0 });
        for (const onMore of ["error", "hang up"] as const) {
          server.onMore = onMore;
          assert.equal(await outcome(all, "many@example.com"), "(temporary)", onMore);
          assert.match(bench.said.at(-1)!, /query failed: /, onMore);
          assert.equal(await outcome(all, "plain@example.com"), "target@example.net", onMore);
          server.onMore = "answer";
          assert.equal(await outcome(all, "many@example.com"), many.join(","), onMore);
        }
      });
      await t.step("a process that gave up root can ask", async () => {
        const table = bench.table("mongodb", base);
        assert.equal(await outcomeWithoutRights(table, "plain@example.com"), "target@example.net");
      });
      await t.step(
        "a server that falls silent or goes away is a temporary error, and lookups work again",
        async () => {
          const table = bench.table("mongodb", base);
          assert.equal(await outcome(table, "plain@example.com"), "target@example.net");
          server.silent = true;
          assert.equal(await outcome(table, "plain@example.com"), "(temporary)");
          server.silent = false;
          assert.equal(await outcome(table, "plain@example.com"), "target@example.net");
          await server.stop();
          assert.equal(await outcome(table, "plain@example.com"), "(temporary)");
          server.start();
          for (let round = 0; round < 20; round++) {
            if (await outcome(table, "plain@example.com") === "target@example.net") return;
          }
          assert.fail("the table did not recover");
        },
      );
    } finally {
      bench.close();
      await server.stop();
    }
  },
});
