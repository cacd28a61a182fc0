import assert from "node:assert/strict";
import { createDovecotServer, SaslError, type SaslPeer } from "./mod.ts";

const peer: SaslPeer = {
  clientAddress: "192.0.2.1",
  clientPort: "4711",
  serverAddress: "192.0.2.2",
  serverPort: "25",
  tls: true,
};
const GREETING =
  "VERSION\t1\t2\nMECH\tPLAIN\tplaintext\nMECH\tANONYMOUS\tanonymous\nMECH\tCRAM-MD5\tactive\nDONE\n";

/** Plays the server: greets, then answers each line after the handshake as `answer` says; undefined hangs up. */
function play(greeting: string, answer: (line: string) => string | undefined) {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const lines: string[] = [];
  const talk = async (conn: Deno.Conn) => {
    try {
      await conn.write(new TextEncoder().encode(greeting));
      const buffer = new Uint8Array(4096);
      for (let count = await conn.read(buffer); count !== null; count = await conn.read(buffer)) {
        for (const line of new TextDecoder().decode(buffer.subarray(0, count)).trimEnd().split("\n")) {
          lines.push(line);
          if (/^(VERSION|CPID)/.test(line)) continue;
          const reply = answer(line);
          if (reply === undefined) return;
          await conn.write(new TextEncoder().encode(reply));
        }
      }
    } catch {
      // The client went first.
    } finally {
      conn.close();
    }
  };
  const accepting = (async () => {
    for await (const conn of listener) void talk(conn);
  })();
  const server = createDovecotServer({
    path: `inet:127.0.0.1:${listener.addr.port}`,
    queueDirectory: "/",
    service: "smtp",
  });
  return {
    lines,
    server,
    async close() {
      server.close();
      listener.close();
      await accepting;
      await new Promise((done) => setTimeout(done, 20));
    },
  };
}

const secret = new TextEncoder().encode("\0u\0p");

Deno.test("Dovecot: requests, answers and properties", async () => {
  const { lines, server, close } = play(
    GREETING,
    (line) => line.startsWith("AUTH\t1\t") ? "OK\t1\tuser=joe\n" : "FAIL\t2\tuser=joe\treason=No\ttemp\n",
  );
  assert.deepEqual(await server.mechanisms(new Set(["noanonymous"] as const), peer), ["PLAIN", "CRAM-MD5"]);
  assert.deepEqual(await server.begin("PLAIN", secret, peer).next(), {
    done: true,
    value: { kind: "done", user: "joe" },
  });
  assert.equal(
    lines.at(-1),
    "AUTH\t1\tPLAIN\tservice=smtp\tnologin\tlip=192.0.2.2\trip=192.0.2.1\tlport=25\trport=4711\tsecured\tresp=AHUAcA==",
  );
  assert.deepEqual((await server.begin("PLAIN", secret, peer).next()).value, {
    kind: "failed",
    reason: "No",
    temporary: true,
    user: "joe",
  });
  await close();
});

Deno.test("Dovecot: a server that lies or dies is an error, and never a success", async () => {
  for (const reply of [undefined, "OK\t1\n", "OK\t1\tuser=\n", "CONT\t1\t!!!\n", "FAIL\t1\n"]) {
    const { server, close } = play(GREETING, () => reply);
    try {
      const { value } = await server.begin("PLAIN", secret, peer).next();
      assert.equal((value as { kind?: string }).kind, "failed");
    } catch (error) {
      assert.ok(error instanceof SaslError, String(error));
    }
    await close();
  }
  const wrong = play("VERSION\t9\t0\nDONE\n", () => undefined);
  await assert.rejects(async () => await wrong.server.mechanisms(new Set(), peer), SaslError);
  await wrong.close();
});
