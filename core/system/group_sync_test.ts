import assert from "node:assert/strict";
import { GroupSync } from "./mod.ts";

Deno.test("GroupSync: every file of a burst resolves, also those that come during a round", async () => {
  const directory = Deno.makeTempDirSync();
  const group = new GroupSync();
  const write = (n: number) => {
    Deno.writeTextFileSync(`${directory}/${n}`, "x".repeat(5000));
    return group.sync(`${directory}/${n}`);
  };
  const first = Promise.all(Array.from({ length: 20 }, (_, n) => write(n)));
  await new Promise((done) => setTimeout(done, 0));
  await Promise.all([first, write(20), write(21)]);
  await assert.rejects(group.sync(`${directory}/missing`), /open .*missing: No such file/);
  await write(22);
  assert.equal(
    [...Deno.readDirSync("/proc/self/fd")].filter(({ name }) => {
      try {
        return Deno.readLinkSync(`/proc/self/fd/${name}`).startsWith(directory);
      } catch {
        return false;
      }
    }).length,
    0,
    "no descriptor is left open",
  );
  Deno.removeSync(directory, { recursive: true });
});
