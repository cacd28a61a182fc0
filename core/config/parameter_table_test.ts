import assert from "node:assert/strict";
import { parameterTable, READ_ONLY } from "./parameter_table.ts";

/** The table in a fresh copy of its module: nothing has been asked yet. */
async function freshTable(copy: string): Promise<typeof parameterTable> {
  return (await import(new URL(`./parameter_table.ts?${copy}`, import.meta.url).href)).parameterTable;
}

Deno.test("parameterTable: a parameter cut out of the text is the one that the whole file has", async () => {
  const { all } = parameterTable;
  assert.ok(all.length > 800);
  // Each copy of the module is asked for few, so that it never parses the whole.
  const few = 60;
  for (let from = 0; from < all.length; from += few) {
    const table = await freshTable(`from-${from}`);
    for (const parameter of all.slice(from, from + few)) {
      assert.deepEqual(table.find(parameter.name), parameter);
    }
  }
  const table = await freshTable("others");
  for (const name of ["", "no_such_parameter", "name", '"', "tls_dane_digest_agility"]) {
    assert.equal(table.find(name), undefined);
  }
});

Deno.test("READ_ONLY: the names that the table has as read-only", () => {
  const names = parameterTable.all.filter((parameter) => parameter.class === "readonly");
  assert.deepEqual(names.map(({ name }) => name), [...READ_ONLY]);
});
