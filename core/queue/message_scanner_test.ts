import assert from "node:assert/strict";
import { JsonPrinter, memorySource, RecordType } from "./mod.ts";
import { MessageScanner } from "./message_scanner.ts";
import { randomNumbers } from "../../testdata/random.ts";

const recorded = (name: string) =>
  Deno.readFileSync(new URL(`../../testdata/queue/${name}`, import.meta.url));

type Next = (below: number) => number;

/** Flips octets, changes record types, cuts the end off, makes lengths too long, adds pointers to anywhere. */
function damage(bytes: Uint8Array<ArrayBuffer>, next: Next): Uint8Array<ArrayBuffer> {
  const types = Object.values(RecordType);
  const out = bytes.slice();
  for (let count = 1 + next(4); count > 0; count--) {
    const at = next(out.length);
    switch (next(5)) {
      case 0:
        out[at] = next(256);
        break;
      case 1:
        return out.slice(0, at + 1);
      case 2:
        out[at] = types[next(types.length)]!;
        break;
      case 3:
        out[at] = 0x80 | next(128);
        break;
      default: {
        const pointer = new TextEncoder().encode(`p\x0f${String(next(out.length + 50)).padStart(15)}`);
        out.set(pointer.subarray(0, Math.min(pointer.length, out.length - at)), at);
      }
    }
  }
  return out;
}

Deno.test("message scanner: damaged files and logs are listed as far as they go, or left out (fixed seed)", () => {
  const next = randomNumbers(20260501);
  const files = [recorded("deferred.bin"), recorded("maildrop.bin")];
  const log = recorded("defer.log");
  const info = { mode: 0o700, size: 500, mtime: 1, uid: 0, inode: 1, links: 1, isFile: true };
  let listed = 0;
  let left = 0;
  for (let round = 0; round < 4000; round++) {
    const printer = new JsonPrinter();
    const warnings: string[] = [];
    const options = {
      emptyAddress: "MAILER-DAEMON",
      duplicateLimit: 2,
      warn: (text: string) => void warnings.push(text),
    };
    const scanner = new MessageScanner(printer, options);
    const logs = { defer: damage(log, next), bounce: next(2) === 0 ? damage(log, next) : undefined };
    const source = memorySource(damage(files[round % 2]!, next));
    if (scanner.scan(source, "deferred", "ABCDE123", info, logs)) listed += 1;
    else left += 1;
    printer.finish();
    const lines = new TextDecoder().decode(printer.output.view()).split("\n").filter((line) => line !== "");
    for (const line of lines) assert.equal(JSON.parse(line).queue_id, "ABCDE123");
    assert.ok(lines.length === 1 || warnings.length > 0);
  }
  assert.ok(listed > 0 && left > 0);
});
