import assert from "node:assert/strict";
import { getopt, UsageError } from "./getopt.ts";

Deno.test("getopt: bundled letters, values attached and apart, operands end the options", () => {
  const { options, operands } = getopt(["-vvq10m", "-o", "a=b", "x", "-z"], "vq:o:");
  assert.deepEqual(options.map(({ letter, value }) => letter + value), ["v", "v", "q10m", "oa=b"]);
  assert.deepEqual(operands, ["x", "-z"]);
  assert.deepEqual(getopt(["-v", "--", "-x"], "v").operands, ["-x"]);
  assert.deepEqual(getopt(["-", "-v"], "v").operands, ["-", "-v"]);
});

Deno.test("getopt: wrong options are usage errors", () => {
  assert.throws(() => getopt(["-x"], "v"), new UsageError("invalid option -- 'x'"));
  assert.throws(() => getopt(["-o"], "o:"), new UsageError("option requires an argument -- 'o'"));
  assert.throws(() => getopt(["-:"], "o:"), UsageError);
});
