/** One process as root: what it leaves behind belongs to the mail system's user, as which it may run the next time. */
import assert from "node:assert/strict";
import process from "node:process";
import { lookupUser } from "../../core/system/mod.ts";
import { connectSmtp, freePort, startInstance, type TestInstance } from "./testing.ts";

const mail = process.geteuid?.() === 0 ? lookupUser("postfix") : undefined;
const QUEUES = ["active", "bounce", "corrupt", "defer", "deferred", "flush", "hold", "incoming", "trace"];

/** Files and directories below a directory, it included. */
function* tree(path: string): Generator<string> {
  yield path;
  if (!Deno.lstatSync(path).isDirectory) return;
  for (const { name } of Deno.readDirSync(path)) yield* tree(`${path}/${name}`);
}

async function sendOne(instance: TestInstance): Promise<string> {
  const client = await connectSmtp(instance.port);
  for (const line of ["EHLO client.example", "MAIL FROM:<a@example.com>", "RCPT TO:<b@x.example>", "DATA"]) {
    assert.match(await client.say(line), /^[23]/m);
  }
  const reply = await client.say("Subject: x\r\n\r\ntext\r\n.");
  client.close();
  return /^250 .* queued as (\w+)/.exec(reply)?.[1] ?? assert.fail(reply);
}

Deno.test({
  name: "one process as root: queue files belong to mail_owner, and processes of their own go on with them",
  sanitizeOps: false,
  sanitizeResources: false,
  ignore: mail === undefined,
  async fn() {
    const main = [
      "mail_owner = postfix",
      "setgid_group = postdrop",
      `default_transport = smtp:[127.0.0.1]:${freePort()}`,
      "fast_flush_domains = x.example",
      "hash_queue_depth = 2",
    ];
    await using instance = await startInstance({ main });
    const ids = [await sendOne(instance), await sendOne(instance)];
    for (const id of ids) await instance.logged(new RegExp(`${id}: .*status=deferred`));
    assert.equal((await instance.run(["postsuper", "-h", ids[1]!])).code, 0);
    assert.equal((await instance.run(["postsuper", "-e", ids[0]!])).code, 0);
    await instance.stop();
    const paths = QUEUES.flatMap((name) => [...tree(`${instance.spool}/${name}`)]);
    assert.ok(paths.some((path) => path.includes("/defer/") && path.endsWith(ids[0]!)), paths.join("\n"));
    assert.ok(paths.some((path) => path.includes("/flush/x_example")), paths.join("\n"));
    for (const path of [...paths, ...tree(`${instance.directory}/data`)]) {
      if (!path.endsWith("/master.lock")) assert.equal(Deno.lstatSync(path).uid, mail!.uid, path);
    }
    const { directory, port } = instance;
    const again = await startInstance({ main, directory, port, processes: true });
    assert.equal((await again.run(["postqueue", "-i", ids[0]!])).code, 0);
    await again.logged(new RegExp(`${ids[0]}: from=<a@example.com>, status=force-expired`));
    assert.equal(await again.stop(), 0);
  },
});
