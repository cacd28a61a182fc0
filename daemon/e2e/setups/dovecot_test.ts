/** Debian's Dovecot as the store behind LMTP: a reply for each recipient, a Maildir for each user. */
import assert from "node:assert/strict";
import { freePort } from "../../master/testing.ts";
import { queued, until } from "../testing.ts";
import { installed, OPTIONS, startSetUp, type World } from "./world.ts";

const DOVECOT = "/usr/sbin/dovecot";
const MISSING = !installed(DOVECOT) || !installed("/usr/lib/dovecot/lmtp");

const config = (directory: string, port: number) =>
  `base_dir = ${directory}/dove/run
state_dir = ${directory}/dove/state
log_path = ${directory}/dove/log
protocols = lmtp
ssl = no
default_internal_user = nobody
default_login_user = nobody
default_internal_group = nogroup
first_valid_uid = 4000
mail_location = maildir:~/Maildir
mail_plugins = quota
plugin {
  quota = count:User quota
  quota_vsizes = yes
  quota_rule = *:storage=1M
}
passdb {
  driver = passwd-file
  args = ${directory}/dove/users
}
userdb {
  driver = passwd-file
  args = ${directory}/dove/users
}
service lmtp {
  unix_listener ${directory}/spool/private/dovecot-lmtp {
    mode = 0600
    user = postfix
    group = postfix
  }
  inet_listener lmtp {
    address = 127.0.0.1
    port = ${port}
  }
}
service stats {
  unix_listener stats-writer {
    mode = 0666
  }
}
`;

const user = (name: string, rule = "") =>
  `${name}@dove.example::4001:4001::{dir}/dove/home/${name}::${rule}\n`;

/** Starts Dovecot for a world, and waits until it listens at both ends. */
async function startDovecot(world: World, port: number): Promise<AsyncDisposable> {
  const path = `${world.directory}/dove/dovecot.conf`;
  Deno.writeTextFileSync(path, config(world.directory, port));
  const dovecot = new Deno.Command("unshare", {
    args: ["-m", `${world.directory}/enter`, DOVECOT, "-F", "-c", path],
    stdout: "null",
    stderr: "null",
  }).spawn();
  await until("Dovecot to listen", async () => {
    try {
      (await Deno.connect({ hostname: "127.0.0.1", port })).close();
      (await Deno.connect({ transport: "unix", path: `${world.spool}/private/dovecot-lmtp` })).close();
      return true;
    } catch {
      return false;
    }
  });
  let running = true;
  return {
    async [Symbol.asyncDispose]() {
      if (running) dovecot.kill("SIGTERM");
      running = false;
      await dovecot.status;
    },
  };
}

for (const socket of ["UNIX socket", "TCP"] as const) {
  Deno.test({
    name: `Dovecot by LMTP over ${socket}: stored, over quota and unknown in one delivery`,
    ...OPTIONS,
    ignore: OPTIONS.ignore || MISSING,
    async fn() {
      const port = freePort();
      await using world = await startSetUp({
        main: [
          "virtual_mailbox_domains = dove.example",
          "virtual_mailbox_maps =",
          `virtual_transport = lmtp:${
            socket === "TCP" ? `inet:127.0.0.1:${port}` : "unix:private/dovecot-lmtp"
          }`,
          "lmtp_destination_recipient_limit = 50",
          "recipient_delimiter = +",
        ],
        files: {
          "dove/": { mode: 0o755 },
          "dove/users": user("ann") + user("ben") + user("full", "userdb_quota_rule=*:bytes=100"),
          "dove/home/": { owner: "u01" },
        },
      });
      await using _dovecot = await startDovecot(world, port);
      const text = "Subject: test\r\n\r\none\r\n..\r\n...two\r\nFrom three";
      const id = await world.mail(
        ["ann@dove.example", "full@dove.example", "ben@dove.example", "nobody@dove.example"],
        { text },
      );
      const relay = `relay=[^ ]+\\[${
        socket === "TCP" ? "127\\.0\\.0\\.1\\]:\\d+" : "private/dovecot-lmtp\\]"
      }`;
      const outcome = (name: string, rest: string) =>
        world.logged(
          new RegExp(`lmtp\\[\\d+\\]: ${id}: to=<${name}@dove\\.example>, ${relay}, .*${rest}`),
        );
      await outcome("ann", "dsn=2\\.0\\.0, status=sent \\(250 2\\.0\\.0 <ann@dove\\.example> \\S+ Saved\\)");
      await outcome("ben", "dsn=2\\.0\\.0, status=sent \\(250 2\\.0\\.0 <ben@dove\\.example> \\S+ Saved\\)");
      await outcome(
        "nobody",
        "dsn=5\\.1\\.1, status=bounced \\(host .* said: 550 5\\.1\\.1 .*RCPT TO command\\)",
      );
      // Dovecot says either, by its setting quota_full_tempfail.
      await outcome("full", "dsn=5\\.2\\.2, status=bounced \\(host .* said: 552 5\\.2\\.2 .*\\)");
      for (const name of ["ann", "ben"]) {
        const [stored, ...more] = world.maildir(`dove/home/${name}/Maildir`);
        assert.equal(more.length, 0);
        assert.match(stored!, /^Return-Path: <sender@example\.org>\n[\s\S]* with LMTP$/m);
        assert.ok(stored!.endsWith("\none\n.\n..two\nFrom three\n"));
      }
      assert.equal(world.maildir("dove/home/full/Maildir").length, 0);
      // Dovecot gone: the mail waits, and is stored when it is back.
      await _dovecot[Symbol.asyncDispose]();
      const late = await world.mail(["ann@dove.example"]);
      await world.logged(new RegExp(`${late}: to=<ann@dove\\.example>, .*status=deferred \\(`));
      await until("the queue to hold it", () => queued(world, "deferred").includes(late));
      await using _again = await startDovecot(world, port);
      await until("the message to be stored", async () => {
        await world.run(["postqueue", "-f"]);
        return world.log().includes(`${late}: removed`);
      });
      assert.equal(world.maildir("dove/home/ann/Maildir").length, 2);
    },
  });
}
