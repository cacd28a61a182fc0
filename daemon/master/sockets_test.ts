import assert from "node:assert/strict";
import { Logger, memorySink } from "../../core/log/mod.ts";
import { serveTrigger } from "./sockets.ts";

const decoder = new TextDecoder();

async function triggered(talk: (connection: Deno.Conn) => Promise<void>): Promise<string[]> {
  const directory = Deno.makeTempDirSync();
  const path = `${directory}/qmgr`;
  const requests: string[] = [];
  const sink = memorySink();
  const served = serveTrigger(
    path,
    (bytes) => requests.push(decoder.decode(bytes)),
    new Logger(sink, "postfix/qmgr"),
  );
  const connection = await Deno.connect({ transport: "unix", path });
  try {
    await talk(connection);
    assert.equal(await connection.read(new Uint8Array(1)), null, "the server closes");
  } finally {
    connection.close();
    served.close();
    Deno.removeSync(directory, { recursive: true });
  }
  return requests;
}

Deno.test("a wake-up whose NUL comes by itself keeps its connection until then", async () => {
  const requests = await triggered(async (connection) => {
    await connection.write(new TextEncoder().encode("D"));
    await new Promise((done) => setTimeout(done, 50));
    await connection.write(new Uint8Array(1));
  });
  assert.deepEqual(requests, ["D\0"]);
});

Deno.test("a wake-up without NUL, and one too long, are taken all the same", async () => {
  assert.deepEqual(
    await triggered((connection) => connection.write(new TextEncoder().encode("I")).then(() => {})),
    ["I"],
  );
  const long = new Uint8Array(1024).fill(0x46);
  assert.deepEqual(await triggered((connection) => connection.write(long).then(() => {})), [
    "F".repeat(1024),
  ]);
});
