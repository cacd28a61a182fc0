import assert from "node:assert/strict";
import { closeSync, openSync } from "node:fs";
import { createServer } from "node:net";
import process from "node:process";
import {
  asUser,
  fcntlLock,
  findByte,
  flockTry,
  lookupGroup,
  lookupUser,
  peerCredentials,
  takeNewConnections,
  userGroups,
  UserTurns,
} from "./mod.ts";

const isRoot = process.geteuid?.() === 0;

Deno.test("lookupUser and lookupGroup: by name and by number", () => {
  assert.equal(lookupUser("root")?.uid, 0);
  assert.equal(lookupUser(0)?.name, "root");
  assert.equal(lookupUser("no-such-user-here"), undefined);
  assert.equal(lookupUser("root\0x"), undefined);
  assert.equal(lookupGroup(0)?.name, lookupGroup("root")?.name);
  assert.ok(userGroups("root", 0).includes(0));
});

Deno.test("flock: a second open file waits for the first", () => {
  const path = Deno.makeTempFileSync();
  const first = openSync(path, "r+");
  const second = openSync(path, "r+");
  assert.ok(flockTry(first, "exclusive"));
  assert.ok(!flockTry(second, "shared"));
  closeSync(first);
  assert.ok(flockTry(second, "shared"));
  assert.ok(fcntlLock(second));
  closeSync(second);
  Deno.removeSync(path);
});

Deno.test({
  name: "asUser: files are made and refused with the user's rights, and root's come back",
  ignore: !isRoot,
  fn() {
    const nobody = lookupUser("nobody")!;
    const identity = { uid: nobody.uid, gid: nobody.gid, groups: [nobody.gid] };
    const directory = Deno.makeTempDirSync();
    Deno.chmodSync(directory, 0o777);
    asUser(identity, () => {
      Deno.writeTextFileSync(`${directory}/mine`, "x");
      assert.throws(() => Deno.readTextFileSync("/etc/shadow"), Deno.errors.PermissionDenied);
    });
    assert.equal(Deno.statSync(`${directory}/mine`).uid, nobody.uid);
    assert.ok(Deno.readTextFileSync("/etc/shadow").length > 0);
    Deno.removeSync(directory, { recursive: true });
  },
});

Deno.test({
  name: "UserTurns: work of several users is done with each one's rights, and root's come back",
  ignore: !isRoot,
  async fn() {
    const users = ["nobody", "daemon"].map((name) => lookupUser(name)!);
    const directory = Deno.makeTempDirSync();
    Deno.chmodSync(directory, 0o777);
    const turns = new UserTurns();
    const make = (n: number) => {
      const { uid, gid } = users[n % 2]!;
      return turns.run({ uid, gid, groups: [gid] }, () => {
        if (n === 3) Deno.readTextFileSync("/etc/shadow");
        Deno.writeTextFileSync(`${directory}/${n}`, "x");
        return n;
      });
    };
    const outcomes = await Promise.allSettled(Array.from({ length: 6 }, (_, n) => make(n)));
    for (const [n, outcome] of outcomes.entries()) {
      if (n === 3) {
        assert.ok(outcome.status === "rejected" && outcome.reason instanceof Deno.errors.PermissionDenied);
        continue;
      }
      assert.deepEqual(outcome, { status: "fulfilled", value: n });
      const { uid, gid } = Deno.statSync(`${directory}/${n}`);
      assert.deepEqual([uid, gid], [users[n % 2]!.uid, users[n % 2]!.gid]);
    }
    assert.ok(Deno.readTextFileSync("/etc/shadow").length > 0);
    assert.equal(process.getegid?.(), 0);
    Deno.removeSync(directory, { recursive: true });
  },
});

Deno.test("peerCredentials: the kernel names the caller", async () => {
  const path = `${Deno.makeTempDirSync()}/s`;
  const { promise, resolve } = Promise.withResolvers<number>();
  const server = createServer((socket) => {
    resolve(peerCredentials(socket).uid);
    socket.destroy();
    server.close();
  }).listen(path);
  await new Promise((done) => server.once("listening", done));
  const client = await Deno.connect({ transport: "unix", path });
  assert.equal(await promise, process.geteuid?.());
  client.close();
  await new Promise((done) => server.listening ? server.once("close", done) : done(null));
});

Deno.test("user lookups, locks and errors work without the right to follow pointers", async () => {
  const door = new URL("./mod.ts", import.meta.url).href;
  const script = `
    import { lookupGroup, lookupUser, prepareUserLookups, flockTry } from ${JSON.stringify(door)};
    import { openSync } from "node:fs";
    prepareUserLookups();
    Deno.permissions.revokeSync({ name: "ffi" });
    const path = Deno.makeTempFileSync();
    const [one, two] = [openSync(path, "r+"), openSync(path, "r+")];
    console.log(lookupUser("root").home, lookupUser(0).name, lookupGroup(0).name, lookupUser("nobody-there") === undefined,
      flockTry(one, "exclusive"), flockTry(two, "exclusive"));
    try { flockTry(-1, "shared"); } catch (error) { console.log(error.message); }
    Deno.removeSync(path);
  `;
  const file = Deno.makeTempFileSync({ suffix: ".js" });
  Deno.writeTextFileSync(file, script);
  const output = await new Deno.Command(Deno.execPath(), { args: ["run", "-A", "--no-prompt", file] })
    .output();
  assert.equal(
    new TextDecoder().decode(output.stdout),
    "/root root root true true false\nflock: Bad file descriptor\n",
    new TextDecoder().decode(output.stderr),
  );
  Deno.removeSync(file);
});

Deno.test("takeNewConnections: the newest of several listeners on one port gets every connection", async () => {
  const listen = (port: number) => Deno.listen({ hostname: "127.0.0.1", port, reusePort: true });
  const old = listen(0);
  const port = (old.addr as Deno.NetAddr).port;
  const newest = listen(port);
  takeNewConnections();
  const accepted: Deno.Conn[] = [];
  const serving = (async () => {
    for await (const connection of newest) accepted.push(connection);
  })().catch(() => {});
  const clients = await Promise.all(
    Array.from({ length: 50 }, () => Deno.connect({ hostname: "127.0.0.1", port })),
  );
  while (accepted.length < 50) await new Promise((done) => setTimeout(done, 5));
  old.close();
  clients.push(await Deno.connect({ hostname: "127.0.0.1", port }));
  while (accepted.length < 51) await new Promise((done) => setTimeout(done, 5));
  for (const connection of [...clients, ...accepted]) connection.close();
  newest.close();
  await serving;
});

Deno.test("findByte: the same as indexOf, for short and long stretches from anywhere", () => {
  const bytes = new Uint8Array(5000).fill(0x58);
  for (const at of [0, 3, 700, 4096, 4999]) bytes[at] = 10;
  for (const from of [0, 1, 3, 4, 600, 700, 701, 4095, 4097, 4999, 5000]) {
    assert.equal(findByte(bytes, 10, from), bytes.indexOf(10, from), `from ${from}`);
    assert.equal(findByte(bytes.subarray(1), 13, from), -1);
  }
  assert.equal(findByte(bytes.subarray(2), 10, 0), 1);
});
