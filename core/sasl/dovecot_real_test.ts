/** The client of Dovecot's authentication server beside a real one, over both kinds of sockets. */
import assert from "node:assert/strict";
import { freePort, installed, listening, ServerProcess } from "../table/network/testing.ts";
import { clientMechanisms, createDovecotServer, type SaslPeer, type SaslServer } from "./mod.ts";

const dovecot = installed("/usr/sbin/dovecot");
const ignore = dovecot === undefined || Deno.uid() !== 0;

const peer: SaslPeer = {
  clientAddress: "192.0.2.1",
  clientPort: "4711",
  serverAddress: "192.0.2.2",
  serverPort: "25",
  tls: true,
};

const TOKEN = "good-token";
const octets = (text: string) => new TextEncoder().encode(text);

/** How a dialogue with these responses ends: the user, or the reason. */
async function talk(
  server: SaslServer,
  name: string,
  initial: Uint8Array,
  ...more: string[]
): Promise<string> {
  const dialogue = server.begin(name, initial, peer);
  let step = await dialogue.next();
  while (step.done !== true) step = await dialogue.next(octets(more.shift() ?? ""));
  return step.value.kind === "done" ? step.value.user : `failed ${step.value.temporary === true}`;
}

async function login(server: SaslServer, name: string, user: string, password: string): Promise<string> {
  const mechanism = clientMechanisms.find((each) => each.name === name)!;
  const client = mechanism.answer({ user, password, service: "smtp", host: "mx.example.com" });
  let mine = await client.next();
  const dialogue = server.begin(name, mechanism.clientFirst ? mine.value as Uint8Array : undefined, peer);
  let theirs = await dialogue.next();
  while (theirs.done !== true) {
    mine = await client.next(theirs.value);
    if (mine.done === true) return String(mine.value);
    theirs = await dialogue.next(mine.value);
  }
  return theirs.value.kind === "done" ? theirs.value.user : "failed";
}

Deno.test({
  name: "Dovecot itself: every mechanism, UNIX and TCP, tokens",
  ignore,
  sanitizeResources: false,
  async fn() {
    const directory = Deno.makeTempDirSync({ prefix: "dv" });
    Deno.chmodSync(directory, 0o755);
    const port = freePort();
    const tokens = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen() {} },
      (request) =>
        new URL(request.url).searchParams.get("token") === TOKEN
          ? Response.json({ email: "carol@example.com" })
          : Response.json({ error: "invalid_token" }, { status: 400 }),
    );
    Deno.writeTextFileSync(
      `${directory}/oauth2.conf`,
      `tokeninfo_url = http://127.0.0.1:${tokens.addr.port}/?token=\nintrospection_mode = get\n` +
        `introspection_url = http://127.0.0.1:${tokens.addr.port}/?token=\nusername_attribute = email\n`,
    );
    Deno.writeTextFileSync(`${directory}/users`, "carol@example.com:{PLAIN}geheim::::::\n");
    Deno.writeTextFileSync(
      `${directory}/dovecot.conf`,
      `base_dir = ${directory}/run
state_dir = ${directory}/state
log_path = ${directory}/log
protocols =
ssl = no
auth_mechanisms = plain login cram-md5 digest-md5 scram-sha-1 scram-sha-256 oauthbearer xoauth2
auth_realms = example.com
auth_default_realm = example.com
auth_failure_delay = 0
passdb {
  driver = oauth2
  mechanisms = oauthbearer xoauth2
  args = ${directory}/oauth2.conf
}
passdb {
  driver = passwd-file
  mechanisms = plain login cram-md5 digest-md5 scram-sha-1 scram-sha-256
  args = ${directory}/users
}
userdb {
  driver = static
  args = uid=65534 gid=65534 home=/
}
service anvil {
  unix_listener anvil-auth-penalty {
    mode = 0
  }
}
service stats {
  unix_listener stats-reader {
    mode = 0600
  }
}
service auth {
  unix_listener ${directory}/auth {
    mode = 0666
  }
  inet_listener {
    address = 127.0.0.1
    port = ${port}
  }
}
`,
    );
    const server = new ServerProcess(dovecot!, ["-F", "-c", `${directory}/dovecot.conf`]);
    try {
      await server.start(() => listening({ hostname: "127.0.0.1", port }));
      for (const path of ["auth", `inet:127.0.0.1:${port}`]) {
        const backend = createDovecotServer({ path, queueDirectory: directory, service: "smtp" });
        try {
          const names = await backend.mechanisms(new Set(), peer);
          assert.deepEqual(
            [...names].sort(),
            [
              ...["CRAM-MD5", "DIGEST-MD5", "LOGIN", "OAUTHBEARER", "PLAIN", "SCRAM-SHA-1", "SCRAM-SHA-256"],
              "XOAUTH2",
            ],
          );
          assert.ok(!(await backend.mechanisms(new Set(["noplaintext"] as const), peer)).includes("PLAIN"));
          // A refusal takes its time, as it should.
          await Promise.all(clientMechanisms.map(async ({ name }) => {
            const right = name === "XOAUTH2" ? TOKEN : "geheim";
            assert.equal(await login(backend, name, "carol@example.com", right), "carol@example.com", name);
            assert.equal(await login(backend, name, "carol@example.com", "falsch"), "failed", name);
          }));
          const bearer = (token: string) => octets(`n,a=carol@example.com,\x01auth=Bearer ${token}\x01\x01`);
          assert.equal(await talk(backend, "OAUTHBEARER", bearer(TOKEN)), "carol@example.com");
          assert.equal(await talk(backend, "OAUTHBEARER", bearer("bad"), "\x01"), "failed false");
        } finally {
          backend.close();
        }
      }
    } finally {
      await server.stop();
      await tokens.shutdown();
      Deno.removeSync(directory, { recursive: true });
    }
  },
});
