import assert from "node:assert/strict";
import { TableError } from "../types.ts";
import { ServerLost } from "./server_lost.ts";
import { ServerPool } from "./server_pool.ts";

/** Two servers asked in order, and what happened with them. */
function twoServers(connect: (label: string) => void = () => {}) {
  const said: string[] = [];
  const open = new Set<object>();
  let made = 0;
  const pool = new ServerPool<{ label: string; rank: number }, object>({
    title: "type:name",
    servers: [{ label: "first", rank: 0 }, { label: "second", rank: 0 }],
    shuffle: false,
    retrySeconds: 60,
    idleSeconds: 60,
    connections: 2,
    log: { info() {}, warning: (text) => void said.push(text) },
    connect: ({ label }) => {
      connect(label);
      made += 1;
      const connection = {};
      open.add(connection);
      return Promise.resolve(connection);
    },
    close: (connection) => void open.delete(connection),
  });
  return { pool, said, open, made: () => made };
}

Deno.test("ServerPool: a connection that broke while it was kept is replaced, the server is not given up", async () => {
  const { pool, said, made } = twoServers();
  await pool.use((_, { label }) => Promise.resolve(label));
  let broken = true;
  const answer = await pool.use((_, { label }) => {
    if (!broken) return Promise.resolve(label);
    broken = false;
    return Promise.reject(new ServerLost("Connection closed by the server"));
  });
  assert.equal(answer, "first");
  assert.equal(made(), 2);
  assert.deepEqual(said, []);
  pool.close();
});

Deno.test("ServerPool: a server that is silent is asked once, then the next", async () => {
  const { pool, said, open } = twoServers();
  await pool.use((_, { label }) => Promise.resolve(label));
  const asked: string[] = [];
  const ask = () =>
    pool.use((_, { label }) => {
      asked.push(label);
      return label === "first"
        ? Promise.reject(new ServerLost("Connection timed out", true))
        : Promise.resolve(label);
    });
  assert.equal(await ask(), "second");
  assert.equal(await ask(), "second");
  assert.deepEqual(asked, ["first", "second", "second"]);
  assert.deepEqual(said, ["type:name: first: query failed: Connection timed out"]);
  assert.equal(open.size, 1);
  pool.close();
  assert.equal(open.size, 0);
});

Deno.test("ServerPool: without a server that can be reached lookups fail for now", async () => {
  const { pool, said, open } = twoServers((label) => {
    throw new Error(`no way to ${label}\n`);
  });
  await assert.rejects(pool.use(() => Promise.resolve(1)), TableError);
  assert.deepEqual(said, [
    "type:name: first: connect failed: no way to first?",
    "type:name: second: connect failed: no way to second?",
  ]);
  assert.equal(open.size, 0);
  pool.close();
});
