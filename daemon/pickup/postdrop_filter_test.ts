import assert from "node:assert/strict";
import { ByteBuffer } from "../../core/bytes/mod.ts";
import { appendRecord, readRecords, RecordType } from "../../core/queue/mod.ts";
import { SubmissionError } from "./feed.ts";
import { PostdropFilter } from "./postdrop_filter.ts";
import { randomNumbers } from "../../testdata/random.ts";

/** What sendmail sent: all of the file but the time, which postdrop writes. */
function submitted(): Uint8Array<ArrayBuffer> {
  const out = new ByteBuffer();
  const file = Deno.readFileSync(new URL("../../testdata/queue/maildrop.bin", import.meta.url));
  for (const { type, data } of readRecords(file)) {
    if (type !== RecordType.Time) appendRecord(out, type, data);
  }
  return out.toBytes();
}

Deno.test("postdrop filter: hostile records are refused, or come out whole and of kinds that users may send (fixed seed)", async () => {
  const next = randomNumbers(99);
  const recorded = submitted();
  let refused = 0;
  let complete = 0;
  for (let round = 0; round < 2000; round++) {
    const bytes = recorded.slice();
    for (let count = next(4); count > 0; count--) bytes[next(bytes.length)] = next(256);
    const cut = bytes.subarray(0, next(3) === 0 ? next(bytes.length) : bytes.length);
    const filter = new PostdropFilter({
      uid: 1000,
      recordLimit: 2048,
      maySendAs: () => true,
      warn: () => {},
    });
    const out = new ByteBuffer();
    try {
      for (let at = 0; at < cut.length;) {
        // In pieces of any size, as they come over a socket; what is no whole record yet comes again with more.
        const end = Math.min(at + 1 + next(cut.length), cut.length);
        const taken = await filter.push(cut.subarray(at, end), out);
        assert.ok(taken <= end - at);
        if (taken === 0 && end === cut.length) break;
        at += taken;
      }
    } catch (error) {
      assert.ok(error instanceof SubmissionError, String(error));
      refused += 1;
    }
    if (filter.complete) complete += 1;
    for (const { type } of readRecords(out.view())) {
      assert.ok("MFSRVAinXLNE".includes(String.fromCharCode(type)), String(type));
    }
  }
  assert.ok(refused > 0 && complete > 0);
});
