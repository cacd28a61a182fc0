import assert from "node:assert/strict";
import { isExt4WithoutJournal, spreadSubdirectories } from "../system/mod.ts";
import { loadConfig } from "../config/mod.ts";
import { openQueue, removeUnfinishedFiles } from "./mod.ts";

const LONG_AGO = 1000;

function names(directory: string): string[] {
  return [...Deno.readDirSync(directory)].map(({ name }) => name).sort();
}

Deno.test("new files are made in the places that are there, and come to incoming under their id", async () => {
  const directory = Deno.makeTempDirSync();
  Deno.writeTextFileSync(`${directory}/main.cf`, `queue_directory = ${directory}\n`);
  const places = ["a", "b"].map((name) => `${directory}/postel/new/${name}`);
  for (const path of [...places, `${directory}/incoming`]) Deno.mkdirSync(path, { recursive: true });
  Deno.writeTextFileSync(`${places[0]}/123.45`, "from a process that was killed");
  removeUnfinishedFiles(directory);
  assert.deepEqual(names(places[0]!), []);
  for (const path of places) Deno.utimeSync(path, LONG_AGO, LONG_AGO);

  const queue = openQueue(loadConfig({ directory }));
  const written = [queue.create("incoming"), queue.create("incoming")];
  for (const writer of written) {
    writer.append(Uint8Array.of(0x43));
    await writer.commit();
  }
  assert.deepEqual(names(`${directory}/incoming`), written.map(({ id }) => id).sort());
  for (const path of places) {
    assert.deepEqual(names(path), []);
    assert.notEqual(Deno.statSync(path).mtime!.getTime(), LONG_AGO * 1000, `${path} was used`);
  }

  Deno.removeSync(`${directory}/postel`, { recursive: true });
  const last = queue.create("incoming");
  assert.ok(names(`${directory}/incoming`).includes(last.id), "without the places it works as well");
  last.discard();
  removeUnfinishedFiles(directory);
  Deno.removeSync(directory, { recursive: true });
});

Deno.test("what the file system is like is asked without failing", () => {
  assert.equal(isExt4WithoutJournal("/proc"), false);
  assert.equal(isExt4WithoutJournal("/nowhere"), false);
  assert.equal(spreadSubdirectories("/nowhere"), false);
});
