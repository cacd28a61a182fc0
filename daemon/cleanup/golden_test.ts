import assert from "node:assert/strict";
import {
  baseConfig,
  caseRecords,
  type CleanupCase,
  type CleanupOutcome,
  normalFile,
  normalText,
} from "../../testdata/cleanup/case.ts";
import { cases } from "../../testdata/cleanup/cases.ts";
import golden from "../../testdata/cleanup/golden.json" with { type: "json" };
import { CleanupFlag } from "./mod.ts";
import { testCleanup } from "./testing.ts";

/** Lines that only one side writes, and why. */
function comparable(lines: readonly string[]): string[] {
  const kept = lines
    // A line that this level of Postfix did not have yet.
    .filter((line) => !line.includes("QUEUEID: removed ("))
    // Real Postfix's stream library says this when the file size limit stopped it.
    .filter((line) => line !== "warning: mail_stream_cleanup: close error")
    // Real Postfix forgets the queue id in this one.
    .map((line) => line.replace(/^warning: cleanup_message_headerbody: /, "warning: QUEUEID: "))
    // deno-lint-ignore no-control-regex -- what the log prints as "?"
    .map((line) => line.replace(/[\x00-\x1f\x7f\ud800-\udfff]/g, "?"));
  // A message that is to be bounced hears of every hop beyond the limit.
  return kept.filter((line, at) => line !== kept[at - 1]);
}

async function run(test: CleanupCase): Promise<CleanupOutcome> {
  using cleanup = testCleanup({ ...baseConfig, ...test.config });
  const { directory, queue } = cleanup;
  for (const [name, text] of Object.entries(test.tables ?? {})) {
    Deno.writeTextFileSync(`${directory}/${name}`, text);
  }
  const message = cleanup.service.begin(test.flags | CleanupFlag.Hold);
  await message.write(caseRecords(test));
  const { status, reason } = await message.finish();
  const id = message.queueId;
  let file: string[] | undefined;
  if ([...queue.scan("hold")].includes(id)) {
    file = normalFile(Deno.readFileSync(queue.path("hold", id)), id);
  }
  const lines = cleanup.lines().map((line) => normalText(line.replaceAll(directory, "@DIR@"), id));
  return { status, reason, ...(file === undefined ? {} : { file }), log: lines };
}

for (const test of cases) {
  Deno.test(`cleanup as Postfix does: ${test.name}`, async () => {
    const expected = (golden as Record<string, CleanupOutcome>)[test.name]!;
    const actual = await run(test);
    // Later releases have this attribute, and encode full names that are not ASCII (RFC 2047).
    const file = actual.file?.filter((record) => !record.startsWith("Amessage_id=")).map((record) =>
      record.replace("=?utf-8?Q?J=C3=B6rg_M=C3=BCller?=", "Jörg Müller")
        // Parentheses without a partner would break the header.
        .replace("(Al \\) \\( Ice \\\\ x)", "(Al ) ( Ice \\ x)")
        // The queue manager overwrites this record in place, so that its width matters.
        .replace(/^W {5}(?=1795229041)/, test.name === "warn given narrow" ? "W" : "$&")
    );
    assert.deepEqual(
      { ...actual, file, log: comparable(actual.log) },
      { file: undefined, ...expected, log: comparable(expected.log) },
    );
  });
}
