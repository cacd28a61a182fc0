import assert from "node:assert/strict";
import { selfCommand } from "../core/system/mod.ts";
import { type Ran, runProgram } from "../core/system/run_testing.ts";

/** What rmail hands to sendmail; the configuration is unusable, so that nothing is sent. */
function rmail(input: string, ...words: string[]): Promise<Ran> {
  const { program, args } = selfCommand("rmail", "-T", ...words);
  return runProgram(program, args, { env: { MAIL_CONFIG: "/nonexistent" }, input });
}

const sender = (text: string) => /\t-f\n\t(.*)\n/.exec(text)?.[1];

Deno.test("the sender is put together from the From lines", async () => {
  const one = await rmail(
    "From joe Mon Nov 23 05:00:00 2026 remote from hosta\nSubject: x\n\ntext\n",
    "x@y.example",
  );
  assert.equal(sender(one.stderr), "hosta!joe");
  const two = await rmail(
    "From a Mon remote from hosta\n>From joe Mon remote from hostb\n\ntext\n",
    "x@y.example",
  );
  assert.equal(sender(two.stderr), "hosta!hostb!joe");
  const path = await rmail("From a!joe Mon\n>From b!c!jim Mon remote from hostb\n\n", "u@x,v");
  assert.equal(sender(path.stderr), "a!hostb!b!c!jim");
  assert.match(path.stderr, /\t--\n\t<u@x,v>\n/);
  const plain = await rmail("From joe@example.com Mon Nov 23 05:00:00 2026\n\n", "x@y.example");
  assert.equal(sender(plain.stderr), "joe@example.com");
  assert.equal(sender((await rmail("From <> Mon remote from h\n\n", "x@y.example")).stderr), "<>");
  assert.equal(sender((await rmail("From \n\n", "x@y.example")).stderr), "<>");
  assert.notEqual(plain.code, 0);
});

Deno.test("bad input: no From line, an address that looks like an option, no recipient", async () => {
  const none = await rmail("Subject: x\n\n", "x@y.example");
  assert.equal(none.code, 65);
  assert.match(none.stderr, /missing or empty From line: Subject: x/);
  const dash = await rmail("From joe Mon\n\n", "--", "-oQ/tmp");
  assert.equal(dash.code, 64);
  assert.match(dash.stderr, /dash precedes argument: -oQ\/tmp/);
  assert.equal((await rmail("From joe Mon\n\n")).code, 64);
});
