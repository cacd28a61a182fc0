import assert from "node:assert/strict";
import {
  chooseMechanism,
  clientMechanisms,
  createCyrusServer,
  type SaslPeer,
  setSasldbPassword,
} from "./mod.ts";

const peer: SaslPeer = {
  clientAddress: "192.0.2.1",
  clientPort: "4711",
  serverAddress: "192.0.2.2",
  serverPort: "25",
  tls: false,
};
const anything = new Set<never>();

function withServer<T>(use: (server: ReturnType<typeof createCyrusServer>) => Promise<T>): Promise<T> {
  const directory = Deno.makeTempDirSync();
  Deno.writeTextFileSync(`${directory}/smtpd.conf`, `# for a test\nsasldb_path: ${directory}/db\n`);
  setSasldbPassword(
    `${directory}/db`,
    "alice",
    "example.com",
    new TextEncoder().encode("p\u00e4ss w\u00f6rd"),
    0o077,
  );
  const server = createCyrusServer({
    application: "smtpd",
    directories: [`${directory}/none`, directory],
    service: "smtp",
    hostname: "mx.example.com",
    realm: "example.com",
  });
  return use(server).finally(() => {
    server.close();
    Deno.removeSync(directory, { recursive: true });
  });
}

/** Lets client and server talk; the server's outcome, and what the client has against the server. */
async function talk(
  server: ReturnType<typeof createCyrusServer>,
  name: string,
  user: string,
  password: string,
) {
  const mechanism = clientMechanisms.find((each) => each.name === name)!;
  const client = mechanism.answer({ user, password, service: "smtp", host: "mx.example.com" });
  let mine = await client.next();
  const initial = mechanism.clientFirst ? mine.value as Uint8Array : undefined;
  const dialogue = server.begin(name, initial, peer);
  let theirs = await dialogue.next();
  while (theirs.done !== true) {
    mine = await client.next(theirs.value);
    if (mine.done === true) return { outcome: undefined, complaint: mine.value };
    theirs = await dialogue.next(mine.value);
  }
  return { outcome: theirs.value, complaint: undefined };
}

Deno.test("client and server understand each other in every mechanism", () =>
  withServer(async (server) => {
    const names = await server.mechanisms(anything, peer);
    assert.deepEqual(names, ["SCRAM-SHA-256", "SCRAM-SHA-1", "DIGEST-MD5", "CRAM-MD5", "PLAIN", "LOGIN"]);
    for (const name of names) {
      const right = await talk(server, name, "alice", "p\u00e4ss w\u00f6rd");
      assert.deepEqual(
        right,
        { outcome: { kind: "done", user: "alice@example.com" }, complaint: undefined },
        name,
      );
      for (
        const [user, password] of [["alice", "wrong"], ["mallory", "p\u00e4ss w\u00f6rd"], [
          "alice",
          "",
        ]] as const
      ) {
        const { outcome } = await talk(server, name, user, password);
        assert.equal(outcome?.kind, "failed", `${name} ${user}`);
        assert.equal(JSON.stringify(outcome).includes("w\u00f6rd"), false);
      }
    }
  }));

Deno.test("mechanisms have the properties that are asked for", () =>
  withServer(async (server) => {
    assert.deepEqual(await server.mechanisms(new Set(["noplaintext"] as const), peer), [
      "SCRAM-SHA-256",
      "SCRAM-SHA-1",
      "DIGEST-MD5",
      "CRAM-MD5",
    ]);
    assert.deepEqual(await server.mechanisms(new Set(["forward_secrecy"] as const), peer), []);
    assert.equal(chooseMechanism(["plain", "login"], new Set(["noplaintext"] as const)), undefined);
    assert.equal(chooseMechanism(["LOGIN", "plain", "CRAM-MD5"], anything)?.name, "CRAM-MD5");
  }));

Deno.test("whatever a client sends ends in an outcome", () =>
  withServer(async (server) => {
    let seed = 20260;
    const random = (below: number) => {
      seed = Math.imul(seed ^ (seed >>> 15), 0x2c1b3c6d) + 0x297a2d39 | 0;
      return (seed >>> 0) % below;
    };
    const pieces = [
      "n,,",
      "n=alice",
      ",r=abc",
      "\0",
      "alice",
      "username=",
      '"',
      "realm=",
      "nonce",
      "=",
      ",",
      "p=",
      "c=biws",
      "\\",
    ];
    const junk = () => {
      let text = "";
      for (let count = random(12); count > 0; count--) {
        text += random(3) === 0 ? String.fromCharCode(random(256)) : pieces[random(pieces.length)]!;
      }
      return new TextEncoder().encode(text);
    };
    for (const name of await server.mechanisms(anything, peer)) {
      for (let round = 0; round < 150; round++) {
        const dialogue = server.begin(name, random(2) === 0 ? undefined : junk(), peer);
        let step = await dialogue.next();
        for (let count = 0; step.done !== true; count++) {
          assert.ok(count < 5, name);
          step = await dialogue.next(junk());
        }
        assert.equal(step.value.kind, "failed", name);
      }
    }
  }));
