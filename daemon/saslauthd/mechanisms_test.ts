/** saslauthd's mechanisms that ask the system's libraries and other servers; LDAP has a file of its own. */
import assert from "node:assert/strict";
import { cryptPassword } from "../../core/system/mod.ts";
import { installed } from "../../core/table/network/testing.ts";
import { shadowMechanism } from "./accounts.ts";
import { openMechanism } from "./mod.ts";
import { ask, octets } from "./testing.ts";

const ECHO = `#!/bin/sh\nread -r given\n[ "$given" = "pam secret" ]\n`;

Deno.test({
  name: "shadow: hashes of crypt(3), expired accounts and passwords, unknown users",
  ignore: installed("/usr/lib/x86_64-linux-gnu/libcrypt.so.1", "/lib/x86_64-linux-gnu/libcrypt.so.1") ===
    undefined,
  async fn() {
    const hash = (await cryptPassword(octets("geheim"), "$6$saltsalt$"))!;
    assert.match(hash, /^\$6\$saltsalt\$.{86}$/);
    assert.equal(await cryptPassword(octets("geheim"), "no setting at all"), undefined);
    const entry = { password: hash, lastChange: 20000, maximum: 99999, expires: -1 };
    const entries: Record<string, typeof entry> = {
      carol: entry,
      gone: { ...entry, expires: 20499 },
      stale: { ...entry, maximum: 499 },
      today: { ...entry, expires: 20500, maximum: 500 },
      locked: { ...entry, password: `!${hash}` },
      empty: { ...entry, password: "" },
    };
    const user = { name: "", password: "x", uid: 1000, gid: 1000, gecos: "", home: "/", shell: "/bin/sh" };
    const mechanism = shadowMechanism({
      user: (name) => name in entries || name === "half" ? user : undefined,
      entry: (name) => entries[name],
      now: () => 20500 * 86_400_000 + 5000,
    });
    const answers: Record<string, string> = {};
    for (const name of [...Object.keys(entries), "half", "nobody-here"]) {
      answers[name] = await ask(mechanism, name, "geheim");
    }
    assert.deepEqual(answers, {
      carol: "OK",
      gone: "NO Account expired",
      stale: "NO Password expired",
      today: "OK",
      locked: "NO Incorrect password",
      empty: "NO Incorrect password",
      half: "NO Invalid shadow username",
      "nobody-here": "NO Invalid username",
    });
    assert.equal(await ask(mechanism, "carol", "falsch"), "NO Incorrect password");
  },
});

Deno.test({
  name: "pam: the conversation gives the password, and a closed account stays out",
  // PAM reads its files from one place only.
  ignore: Deno.uid() !== 0 ||
    installed(
        "/usr/lib/x86_64-linux-gnu/security/pam_exec.so",
        "/lib/x86_64-linux-gnu/security/pam_exec.so",
      ) ===
      undefined,
  async fn() {
    const directory = Deno.makeTempDirSync();
    const script = `${directory}/check`;
    Deno.writeTextFileSync(script, ECHO, { mode: 0o755 });
    const name = `postel-test-${Deno.pid}`;
    const write = (suffix: string, account: string) =>
      Deno.writeTextFileSync(
        `/etc/pam.d/${name}${suffix}`,
        `auth required pam_exec.so quiet expose_authtok ${script}\naccount required ${account}.so\n`,
      );
    try {
      write("", "pam_permit");
      write("-closed", "pam_deny");
      const mechanism = await openMechanism("pam", "", "mx.example.com");
      assert.equal(await ask(mechanism, "root", "pam secret", "", name), "OK");
      assert.match(await ask(mechanism, "root", "wrong", "", name), /^NO PAM auth error: /);
      assert.match(await ask(mechanism, "root", "pam secret", "", `${name}-closed`), /^NO PAM auth error: /);
      assert.match(await ask(mechanism, "root", "pam secret", "", "../../etc/passwd"), /^NO /);
      const many = await Promise.all(
        Array.from({ length: 8 }, (_, i) => ask(mechanism, "root", i % 2 ? "no" : "pam secret", "", name)),
      );
      assert.deepEqual(many.map((answer) => answer.slice(0, 2)), Array(4).fill(["OK", "NO"]).flat());
    } finally {
      for (const suffix of ["", "-closed"]) {
        try {
          Deno.removeSync(`/etc/pam.d/${name}${suffix}`);
        } catch {
          // It was not written.
        }
      }
      Deno.removeSync(directory, { recursive: true });
    }
  },
});

/** Serves connections one after the other until closed; what was received is in `received`. */
function server(talk: (conn: Deno.Conn, received: string[]) => Promise<void>) {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const received: string[] = [];
  const done = (async () => {
    for await (const conn of listener) {
      await talk(conn, received).catch(() => {});
      try {
        conn.close();
      } catch {
        // The client was faster.
      }
    }
  })();
  return {
    port: (listener.addr as Deno.NetAddr).port,
    received,
    async close() {
      listener.close();
      await done;
    },
  };
}

/** Reads until the text matches. */
async function readUntil(conn: Deno.Conn, pattern: RegExp): Promise<string> {
  const room = new Uint8Array(4096);
  let text = "";
  while (!pattern.test(text)) {
    const count = await conn.read(room);
    if (count === null) break;
    text += new TextDecoder().decode(room.subarray(0, count));
  }
  return text;
}

Deno.test("rimap: a login at an IMAP server, with octets of every kind", async () => {
  const imap = server(async (conn, received) => {
    await conn.write(octets("* OK ready\r\n"));
    await readUntil(conn, /\{\d+\}\r\n$/);
    await conn.write(octets("+ go on\r\n"));
    const name = await readUntil(conn, /\{\d+\}\r\n$/);
    await conn.write(octets("+ go on\r\n"));
    const password = await readUntil(conn, /\r\n$/);
    received.push(name, password);
    const good = name.startsWith("carol ") && password === 'p"\u00e4\\ss\r\n';
    await conn.write(octets(good ? "saslauthd OK in\r\n" : "saslauthd NO out\r\n"));
  });
  try {
    const mechanism = await openMechanism("rimap", `127.0.0.1/${imap.port}`, "mx.example.com");
    assert.match(await ask(mechanism, "carol", 'p"\u00e4\\ss'), /^OK /);
    assert.match(await ask(mechanism, "carol", "falsch"), /^NO /);
  } finally {
    await imap.close();
  }
  await assert.rejects(openMechanism("rimap", "", "mx"), /needs -O/);
});

Deno.test("httpform: the form, the answers, the options", async () => {
  const directory = Deno.makeTempDirSync();
  const web = server(async (conn, received) => {
    const text = await readUntil(conn, /\r\n\r\n.+/s);
    received.push(text);
    const status = text.includes("user=carol%40x&")
      ? text.includes("pw=a%26b%3D%25") ? "200 OK" : "403 Bad password"
      : "500 Broken";
    await conn.write(octets(`HTTP/1.1 ${status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`));
  });
  const options = (more: string) => {
    Deno.writeTextFileSync(`${directory}/saslauthd.conf`, `httpform_host: 127.0.0.1\n${more}`);
    return openMechanism("httpform", `${directory}/saslauthd.conf`, "mx.example.com");
  };
  try {
    const mechanism = await options(
      `httpform_port: ${web.port}\nhttpform_uri: /login\nhttpform_data: user=%u&pw=%p&realm=%r&x=%%\n`,
    );
    assert.match(await ask(mechanism, "carol@x", "a&b=%", "r s"), /^OK /);
    assert.equal(await ask(mechanism, "carol@x", "falsch"), "NO Bad password");
    assert.equal(
      await ask(mechanism, "dave", "falsch"),
      "NO [ALERT] Unexpected response from remote authentication server",
    );
    assert.match(web.received[0]!, /^POST \/login HTTP\/1\.1\r\n/);
    assert.ok(web.received[0]!.endsWith("\r\n\r\nuser=carol%40x&pw=a%26b%3D%25&realm=r%20s&x=%"));
    await assert.rejects(options("httpform_uri: /\n"), /must be specified/);
    await assert.rejects(options("nonsense\n"), /line 2: expected "name: value"/);
  } finally {
    await web.close();
    Deno.removeSync(directory, { recursive: true });
  }
});
