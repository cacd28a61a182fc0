import assert from "node:assert/strict";
import { connectWhenUp } from "./connect_when_up.ts";

async function withDirectory(work: (directory: string) => Promise<void>): Promise<void> {
  const directory = Deno.makeTempDirSync({ prefix: "postel-test-" });
  try {
    await work(directory);
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
}

/** Connects before anybody listens, then listens. */
async function listenLater(path: string, prepare: () => void): Promise<void> {
  const connecting = connectWhenUp(path);
  const first = await Promise.race([
    connecting,
    new Promise((done) => setTimeout(done, 100, "still waiting")),
  ]);
  assert.equal(first, "still waiting");
  prepare();
  using listener = Deno.listen({ transport: "unix", path });
  using _there = await listener.accept();
  using _here = await connecting;
}

Deno.test("a process of this mail system that has no socket yet is waited for", async () => {
  await withDirectory((directory) => listenLater(`${directory}/socket`, () => {}));
});

Deno.test("so is one whose socket somebody left behind", async () => {
  await withDirectory(async (directory) => {
    const path = `${directory}/socket`;
    // The runtime removes what it has made itself, under the name that it knows.
    const gone = Deno.listen({ transport: "unix", path: `${directory}/other` });
    Deno.renameSync(`${directory}/other`, path);
    gone.close();
    await listenLater(path, () => Deno.removeSync(path));
  });
});

Deno.test("other errors are told at once", async () => {
  await withDirectory(async (directory) => {
    Deno.writeTextFileSync(`${directory}/file`, "");
    await assert.rejects(connectWhenUp(`${directory}/file/socket`), Deno.errors.NotADirectory);
  });
});
