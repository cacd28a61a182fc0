import assert from "node:assert/strict";
import { createFile, type FileHandle, GroupSync, openFile } from "./mod.ts";

async function bursts(group: GroupSync): Promise<void> {
  const directory = Deno.makeTempDirSync();
  const files: FileHandle[] = [];
  const write = (n: number) => {
    const file = createFile(`${directory}/${n}`, 0o600);
    files.push(file);
    file.write(new Uint8Array(5000).fill(0x78));
    return group.sync(file.fd);
  };
  const first = Promise.all(Array.from({ length: 20 }, (_, n) => write(n)));
  await new Promise((done) => setTimeout(done, 0));
  await Promise.all([first, write(20), write(21)]);
  await write(22);
  for (const file of files) file.close();
  await assert.rejects(group.sync(-1), /fsync/, "no open descriptor");
  Deno.removeSync(directory, { recursive: true });
}

Deno.test("GroupSync: every file of a burst resolves, also those that come during a round", async () => {
  await bursts(new GroupSync());
});

Deno.test("GroupSync: the same with a thread of its own, before and after it is there", async () => {
  const group = new GroupSync();
  group.startThread();
  for (let turn = 0; turn < 20; turn++) await bursts(group);
  group.close();
  await bursts(group);
});

Deno.test("GroupSync: a thread that starts when there is enough to do", async () => {
  const group = new GroupSync();
  group.startThreadWhenBusy();
  for (let turn = 0; turn < 20; turn++) await bursts(group);
  group.close();
  await bursts(group);
});

Deno.test("GroupSync: of a hundred files at a time, each is told its own outcome", async () => {
  const group = new GroupSync();
  group.startThread();
  await bursts(group);
  const path = Deno.makeTempFileSync();
  for (let turn = 0; turn < 10; turn++) {
    const file = openFile(path, "change");
    file.write(new Uint8Array(5000).fill(0x78));
    const outcomes = await Promise.allSettled(
      Array.from({ length: 100 }, (_, n) => group.sync(n % 7 === 3 ? -1 : file.fd)),
    );
    assert.deepEqual(
      outcomes.map(({ status }) => status),
      Array.from({ length: 100 }, (_, n) => n % 7 === 3 ? "rejected" : "fulfilled"),
    );
    file.close();
  }
  group.close();
  Deno.removeSync(path);
});

Deno.test("createFile and openFile: what was written is read, refusals are the runtime's errors", () => {
  const directory = Deno.makeTempDirSync();
  const path = `${directory}/ä`;
  const file = createFile(path, 0o600);
  file.write(new TextEncoder().encode("hello world"));
  file.writeAt(new TextEncoder().encode("HELLO"), 0);
  file.setMode(0o700);
  assert.equal(file.inode(), Deno.statSync(path).ino);
  assert.equal(file.size(), 11);
  assert.equal(Deno.statSync(path).mode! & 0o777, 0o700);
  assert.throws(() => createFile(path, 0o600), Deno.errors.AlreadyExists);
  assert.throws(() => openFile(`${directory}/none`), Deno.errors.NotFound);
  assert.throws(() => openFile(`${directory}/a\0b`), /NUL/);
  const again = openFile(path);
  const room = new Uint8Array(20);
  assert.equal(again.readAt(room, 6), 5);
  assert.equal(new TextDecoder().decode(room.subarray(0, 5)), "world");
  assert.equal(again.readAt(room, 11), 0);
  assert.throws(() => again.write(Uint8Array.of(1)), /write .*: Bad file descriptor/);
  assert.ok(file.tryLock("exclusive"));
  assert.ok(!again.tryLock("shared"));
  file.close();
  assert.ok(again.tryLock("shared"));
  again.close();
  Deno.removeSync(directory, { recursive: true });
});
