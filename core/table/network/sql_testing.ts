import assert from "node:assert/strict";
import type { Table } from "../types.ts";
import { type Bench, freePort, outcome, outcomeWithoutRights, type ServerProcess } from "./testing.ts";

/** What the tests of mysql and pgsql tables have in common: the rows of their table, and what is asked. */

/** `address`, `goto`, `extra`, `active`. */
const ROWS: readonly (readonly [string, string, string | null, number])[] = [
  ["plain@example.com", "target@example.net", null, 1],
  ["two@example.com", "one@example.net", "other@example.net", 1],
  ["two@example.com", "three@example.net", "", 1],
  ["o'brien@example.com", "quote", null, 1],
  ["back\\slash@example.com", "slash", null, 1],
  ["per%cent@example.com", "percent", null, 1],
  ["star*@example.com", "star", null, 1],
  ['"quoted user"@example.com', "dquote", null, 1],
  ["jörg@example.com", "ümlaut@bücher.example", null, 1],
  ["unqualified", "bare", null, 1],
  ["empty@example.com", "", null, 1],
  ["a@b@example.com", "at", null, 1],
  ["number@example.com", "42", null, 7],
];

/**
 * The statement that fills the table `aliases`.
 * @param backslash how the server writes a backslash in a string
 */
export function insertRows(backslash: "\\" | "\\\\"): string {
  const literal = (value: string | number | null) =>
    typeof value === "string"
      ? `'${value.replaceAll("'", "''").replaceAll("\\", () => backslash)}'`
      : String(value ?? "NULL");
  return `INSERT INTO aliases VALUES ${ROWS.map((row) => `(${row.map(literal).join(",")})`).join(",")};\n`;
}

/** Keys of all kinds, those among them that are to break out of a query. */
export const SQL_KEYS: readonly string[] = [
  "plain@example.com",
  "two@example.com",
  "o'brien@example.com",
  "back\\slash@example.com",
  "per%cent@example.com",
  "star*@example.com",
  '"quoted user"@example.com',
  "jörg@example.com",
  "unqualified",
  "empty@example.com",
  "a@b@example.com",
  "number@example.com",
  "PLAIN@EXAMPLE.COM",
  "@example.com",
  "plain@",
  "example.com",
  "' OR '1'='1",
  "\\' OR 1=1 -- ",
  "none@example.com",
  "%s@example.com",
  "$1@example.com",
  "x@deep.sub.example.com",
];

type Settings = Readonly<Record<string, string | number>>;

/** The query of the tables for which nothing else is said. */
export const SQL_QUERY = "SELECT goto FROM aliases WHERE address = '%s'";

/** Steps about what is asked and answered. @param compared gives the answers of a table with these settings */
export async function answerSteps(
  t: Deno.TestContext,
  compared: (values: Settings) => Promise<Record<string, string>>,
): Promise<void> {
  const query = SQL_QUERY;
  await t.step("keys with every kind of special character", async () => {
    const answers = await compared({ query });
    assert.equal(answers["o'brien@example.com"], "quote");
    assert.equal(answers["back\\slash@example.com"], "slash");
    assert.equal(answers["jörg@example.com"], "ümlaut@bücher.example");
    assert.equal(answers["two@example.com"], "one@example.net,three@example.net");
    assert.equal(answers["' OR '1'='1"], "(none)");
    assert.equal(answers["PLAIN@EXAMPLE.COM"], "target@example.net");
  });
  await t.step("parts of keys and results, several columns, numbers", async () => {
    await compared({
      query: "SELECT goto, extra FROM aliases WHERE address = '%u@%d'",
      result_format: "%U:%D:%s",
    });
    await compared({ query: "SELECT '%1', '%2', active FROM aliases LIMIT 1", result_format: "[%s]%%" });
    await compared({ query, result_format: "%d<%u>" });
    await compared({ query: "SELECT '%3'", result_format: "%s-%1" });
  });
  await t.step("domain and expansion_limit", async () => {
    const limited = await compared({ query, expansion_limit: 1 });
    assert.equal(limited["two@example.com"], "(temporary)");
    const domains = await compared({ query, domain: "example.org, .example.com" });
    assert.equal(domains["plain@example.com"], "(none)");
  });
  await t.step("parameters of old releases", async () => {
    const answers = await compared({
      table: "aliases",
      select_field: "goto",
      where_field: "address",
      additional_conditions: "AND active = 1",
    });
    assert.equal(answers["plain@example.com"], "target@example.net");
    assert.equal(answers["number@example.com"], "(none)");
  });
}

/** A server that runs and can be stopped. */
export interface SqlServer {
  readonly bench: Bench;
  readonly type: "mysql" | "pgsql";
  /** The settings that every table has. */
  readonly base: Settings;
  readonly port: number;
  readonly process: ServerProcess;
  /** Ends the server at once. */
  readonly signal: Deno.Signal;
  /** Resolves when the server answers. */
  ready(): Promise<void>;
  /** Runs statements as the server's administrator. */
  sql(text: string): Promise<void>;
  /** The statement that takes that many seconds. */
  sleeping(seconds: number): string;
}

/** Steps about connections; the last one stops the server and starts it again. */
export async function connectionSteps(t: Deno.TestContext, server: SqlServer): Promise<void> {
  const { bench, type, base } = server;
  const query = SQL_QUERY;
  const table = (values: Settings) => bench.table(type, { ...base, query, ...values });
  await t.step("a process that gave up root can ask", async () => {
    assert.equal(await outcomeWithoutRights(table({}), "plain@example.com"), "target@example.net");
  });
  await t.step("many lookups at once share connections", async () => {
    await askManyAtOnce(table({}));
  });
  await t.step("the next host is asked when one is down", async () => {
    const two = table({ hosts: `127.0.0.1:${freePort()} 127.0.0.1:${server.port}` });
    await askManyAtOnce(two);
    for (let round = 0; round < 5; round++) {
      assert.equal(await outcome(two, "plain@example.com"), "target@example.net");
    }
  });
  await t.step(
    "a server that goes away within a query is a temporary error, and lookups work again",
    async () => {
      const quick = table({ retry_interval: 1 });
      assert.equal(await outcome(quick, "plain@example.com"), "target@example.net");
      const answer = outcome(table({ query: server.sleeping(20), retry_interval: 1 }), "x");
      await server.sql(server.sleeping(0.2));
      await server.process.stop(server.signal);
      assert.equal(await answer, "(temporary)");
      assert.equal(await outcome(quick, "plain@example.com"), "(temporary)");
      await server.process.start(() => server.ready());
      await recovered(quick);
    },
  );
}

/** Waits until a table whose server came back answers again. */
async function recovered(table: Table): Promise<void> {
  for (let round = 0; round < 200; round++) {
    if (await outcome(table, "plain@example.com") === "target@example.net") return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  assert.fail("the table did not recover");
}

/** Many lookups at once are all answered. */
async function askManyAtOnce(table: Table): Promise<void> {
  const answers = await Promise.all(Array.from({ length: 200 }, () => table.lookup("plain@example.com")));
  assert.ok(answers.every((answer) => answer === "target@example.net"));
}
