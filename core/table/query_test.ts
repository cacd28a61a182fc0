import assert from "node:assert/strict";
import { TableQuery } from "./query.ts";
import { type Table, TableError } from "./types.ts";

/** Tables that answer later, as those of servers do, and what they were asked. */
function laterTables(
  answers: Readonly<Record<string, Readonly<Record<string, string>>>>,
  problem = "the server is gone",
) {
  const asked: string[] = [];
  const open = (name: string): Table => ({
    type: "later",
    name,
    matchesPatterns: false,
    lookup: async (key) => {
      asked.push(`${name} ${key}`);
      if (key === "broken") throw new TableError("temporary", problem);
      return await Promise.resolve(answers[name]![key]);
    },
    close() {},
  });
  const silent = { info() {}, warning() {} };
  const query = new TableQuery(Object.keys(answers), { open, log: silent, fileContents: false });
  return { asked, query };
}

Deno.test("TableQuery: a table that answers later is asked once for each key", async () => {
  const { asked, query } = laterTables({ one: { a: "1" }, two: { b: "2" } });
  const shown = (table: Table) => table.name;
  assert.equal(await query.firstNow("a", shown), "1");
  assert.equal(await query.firstNow("b", shown), "2");
  assert.equal(await query.firstNow("c", shown), undefined);
  assert.deepEqual(asked, ["one a", "one b", "two b", "one c", "two c"]);
});

Deno.test("TableQuery: what is wrong with a table behind a table is said", async () => {
  const { query } = laterTables({ one: {} }, "unsupported dictionary type: nosuch");
  await assert.rejects(query.first("broken"), /^MakeError: unsupported dictionary type: nosuch$/);
});

Deno.test("TableQuery: the failure of a table that answers later is the failure of the query", async () => {
  const { asked, query } = laterTables({ one: {}, two: {} });
  await assert.rejects(Promise.resolve(query.firstNow("broken", (table) => table.name)), /query error/);
  assert.deepEqual(asked, ["one broken"]);
});
