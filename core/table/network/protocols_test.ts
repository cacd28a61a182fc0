import assert from "node:assert/strict";
import { type Table, TableSet } from "../mod.ts";
import { Bench, compareWithPostmap, freePort, outcome } from "./testing.ts";

/** A server on loopback whose answer to what it reads is computed by `answer`; undefined hangs up. */
class Talker {
  #listener: Deno.TcpListener;
  #accepting: Promise<void> = Promise.resolve();
  readonly #open = new Set<Deno.Conn>();
  accepted = 0;

  constructor(private readonly answer: (request: string) => string | undefined, readonly port = freePort()) {
    this.#listener = this.#listen();
  }

  #listen(): Deno.TcpListener {
    const listener = Deno.listen({ hostname: "127.0.0.1", port: this.port });
    this.#accepting = (async () => {
      for await (const connection of listener) this.#serve(connection);
    })();
    return listener;
  }

  async #serve(connection: Deno.Conn): Promise<void> {
    this.accepted += 1;
    this.#open.add(connection);
    const buffer = new Uint8Array(4096);
    try {
      for (;;) {
        const count = await connection.read(buffer);
        if (count === null) break;
        const reply = this.answer(new TextDecoder().decode(buffer.subarray(0, count)));
        if (reply === undefined) break;
        await connection.write(new TextEncoder().encode(reply));
      }
    } catch {
      // Closed by stop().
    }
    this.#open.delete(connection);
    try {
      connection.close();
    } catch {
      // Closed by stop().
    }
  }

  async stop(): Promise<void> {
    this.#listener.close();
    await this.#accepting;
    for (const connection of this.#open) connection.close();
    this.#open.clear();
  }

  restart(): void {
    this.#listener = this.#listen();
  }
}

/** Keys for which the real program tries again or waits for seconds. */
const SLOW = [
  "later",
  "broken",
  "percent",
  "long",
  "slow",
  "never",
  "odd",
  "bare",
  "comma",
  "huge",
];

/** Asks for all keys; the real program is asked too, except where it tries again for seconds. */
async function compare(table: Table, keys: readonly string[]): Promise<Record<string, string>> {
  const seen: Record<string, string> = {};
  for (const key of keys) seen[key] = await outcome(table, key);
  const quick = Object.entries(seen).filter(([key]) => !SLOW.includes(key));
  await compareWithPostmap(`${table.type}:${table.name}`, Object.fromEntries(quick));
  return seen;
}

Deno.test("tcp: answers, encoding and broken replies are taken as Postfix takes them", async () => {
  const asked: string[] = [];
  const server = new Talker((request) => {
    asked.push(request);
    if (request.includes("user%20name%25%09")) return "200 with%20space%2C%C3%A9%0a\n";
    if (request.includes("Upper@Example.com")) return "200 plain text here\n";
    if (request.includes("none")) return "500 not here\n";
    if (request.includes("later")) return "400 come again\n";
    if (request.includes("broken")) return "what\n";
    if (request.includes("percent")) return "200 100%zz\n";
    if (request.includes("long")) return `200 ${"x".repeat(5000)}\n`;
    if (request.includes("limit")) return `200 ${"x".repeat(4091)}\n`;
    if (request.includes("%C3%A9")) return "200 accent\n";
    return "500 nothing\n";
  });
  const bench = new Bench();
  try {
    const table = bench.open(`tcp:127.0.0.1:${server.port}`);
    assert.equal(table.matchesPatterns, true);
    const seen = await compare(table, [
      "user name%\t",
      "Upper@Example.com",
      "none",
      "later",
      "broken",
      "percent",
      "long",
      "limit",
      "é",
      "other",
    ]);
    assert.equal(seen["user name%\t"], "with space,é\n");
    assert.equal(seen["Upper@Example.com"], "plain text here");
    assert.equal(seen["none"], "(none)");
    for (const key of ["later", "broken", "percent", "long"]) assert.equal(seen[key], "(temporary)", key);
    assert.equal(seen["limit"], "x".repeat(4091));
    assert.equal(seen["é"], "accent");
    assert.ok(asked.includes("get user%20name%25%09\n"));
  } finally {
    bench.close();
    await server.stop();
  }
});

Deno.test("tcp: lookups survive a server that hangs up and one that starts again", async () => {
  let hangUp = false;
  const server = new Talker((request) => hangUp ? undefined : `200 ${request.trim().slice(4)}\n`);
  const bench = new Bench();
  try {
    const table = bench.open(`tcp:127.0.0.1:${server.port}`);
    assert.equal(await outcome(table, "one"), "one");
    await server.stop();
    server.restart();
    assert.equal(await outcome(table, "two"), "two");
    hangUp = true;
    assert.equal(await outcome(table, "three"), "(temporary)");
    hangUp = false;
    assert.equal(await outcome(table, "four"), "four");
    const many = await Promise.all(Array.from({ length: 50 }, (_, index) => outcome(table, `key${index}`)));
    assert.deepEqual(many, Array.from({ length: 50 }, (_, index) => `key${index}`));
    assert.ok(server.accepted < 20, `${server.accepted} connections`);
  } finally {
    bench.close();
    await server.stop();
  }
});

function netstring(text: string): string {
  return `${new TextEncoder().encode(text).length}:${text},`;
}

Deno.test("socketmap: answers and broken replies are taken as Postfix takes them", async () => {
  const answers = new Map([
    ["virtual found@example.com", netstring("OK value with spaces")],
    ["virtual é", netstring("OK ünï")],
    ["virtual none", netstring("NOTFOUND ")],
    ["virtual later", netstring("TEMP come again")],
    ["virtual slow", netstring("TIMEOUT no time")],
    ["virtual never", netstring("PERM no")],
    ["virtual odd", netstring("WHAT is this")],
    ["virtual bare", "OK nothing,"],
    ["virtual zero", "03:OK ,"],
    ["virtual comma", "5:OK xx;"],
    ["virtual huge", "100001:"],
  ]);
  const server = new Talker((request) => {
    const match = /^(\d+):(.*),$/s.exec(request);
    assert.ok(match !== null && new TextEncoder().encode(match[2]).length === Number(match[1]), request);
    return answers.get(match[2]!) ?? netstring("NOTFOUND");
  });
  const bench = new Bench();
  try {
    const table = bench.open(`socketmap:inet:127.0.0.1:${server.port}:virtual`);
    const keys = [...answers.keys()].map((request) => request.slice("virtual ".length));
    const seen = await compare(table, [...keys, "other"]);
    assert.equal(seen["found@example.com"], "value with spaces");
    assert.equal(seen["é"], "ünï");
    assert.equal(seen["none"], "(none)");
    assert.equal(seen["other"], "(none)");
    assert.equal(seen["never"], "(configuration)");
    for (const key of ["later", "slow", "odd", "bare", "comma", "huge"]) {
      assert.equal(seen[key], "(temporary)", key);
    }
  } finally {
    bench.close();
    await server.stop();
  }
});

Deno.test("socketmap: a UNIX socket, a server that dies within a reply, and its return", async () => {
  const bench = new Bench();
  const path = `${bench.directory}/socket`;
  let cut = false;
  const listener = Deno.listen({ transport: "unix", path });
  (async () => {
    for await (const connection of listener) {
      const buffer = new Uint8Array(100);
      const count = await connection.read(buffer);
      if (count !== null) {
        await connection.write(new TextEncoder().encode(cut ? "20:OK cut" : netstring("OK whole")));
      }
      connection.close();
    }
  })().catch(() => {});
  try {
    const table = bench.open(`socketmap:unix:${path}:map`);
    assert.equal(await outcome(table, "a"), "whole");
    cut = true;
    assert.equal(await outcome(table, "a"), "(temporary)");
    cut = false;
    assert.equal(await outcome(table, "a"), "whole");
    listener.close();
    Deno.removeSync(path);
    assert.equal(await outcome(table, "a"), "(temporary)");
    assert.match(bench.said.at(-1)!, /No such file or directory/);
  } finally {
    bench.close();
  }
});

Deno.test("tables whose server nobody authenticates are refused where they would say what to run", () => {
  const tables = new TableSet();
  for (const spec of ["tcp:127.0.0.1:1", "socketmap:inet:127.0.0.1:1:map"]) {
    const table = tables.open(spec, { refuseSubstitution: true });
    assert.rejects(Promise.resolve(table.lookup("x")), /not allowed for security sensitive data/);
  }
  tables.close();
});

Deno.test("replies of hostile servers end in an answer or a temporary error", async () => {
  let seed = 20240607;
  const random = (limit: number) => (seed = (seed * 1103515245 + 12345) & 0x7fffffff) % limit;
  const alphabet = "0123456789:,OKNTFUDEMP 245%\n\0é";
  const noise = () => {
    let text = "";
    for (let count = random(40); count >= 0; count--) text += alphabet[random(alphabet.length)];
    return text;
  };
  const server = new Talker(() => random(4) === 0 ? undefined : `${noise()}\n9:OK 12345,`);
  const bench = new Bench();
  try {
    const socketmap = bench.open(`socketmap:inet:127.0.0.1:${server.port}:map`);
    for (let round = 0; round < 300; round++) {
      const answer = socketmap.lookup(`key${round}`) as Promise<string | undefined>;
      await answer.catch((error) => assert.equal(error.name, "TableError"));
    }
  } finally {
    bench.close();
    await server.stop();
  }
});
