/** The trace of system calls: a queue file is synced before its 250 leaves. */
import assert from "node:assert/strict";
import { connectSmtp, startInstance } from "./testing.ts";

function installed(program: string): boolean {
  try {
    return new Deno.Command(program, { args: ["-V"], stdout: "null", stderr: "null" }).outputSync().success;
  } catch {
    return false;
  }
}

Deno.test({
  name: "each 250 for a message comes after the fsync of its queue file",
  // Attaching needs strace and the right to trace.
  ignore: !installed("strace") || Deno.uid() !== 0,
  sanitizeOps: false,
  sanitizeResources: false,
  async fn() {
    await using instance = await startInstance({ main: ["default_transport = discard:"] });
    const trace = `${instance.directory}/trace`;
    const strace = new Deno.Command("strace", {
      args: [
        "-f",
        "-y",
        "-s",
        "200",
        "-e",
        "trace=fsync,fdatasync,sendto,chmod,fchmod",
        "-o",
        trace,
        "-p",
        String(instance.pid),
      ],
      stdout: "null",
      stderr: "piped",
    }).spawn();
    // strace says "attached" for every thread.
    const said = strace.stderr.getReader();
    await said.read();
    said.releaseLock();
    const ids: string[] = [];
    const client = await connectSmtp(instance.port);
    await client.say("EHLO client.example");
    for (let n = 0; n < 20; n++) {
      await client.say("MAIL FROM:<sender@example.org>");
      await client.say("RCPT TO:<someone@elsewhere.example>");
      await client.say("DATA");
      const reply = await client.say(`Subject: ${n}\r\n\r\nHello\r\n.`);
      ids.push(/queued as (\w+)/.exec(reply)![1]!);
    }
    client.close();
    await instance.stop();
    await strace.stderr.cancel();
    await strace.status;
    const lines = Deno.readTextFileSync(trace).split("\n");
    for (const id of ids) {
      const replied = lines.findIndex((line) => line.includes(`queued as ${id}`));
      const marked = lines.findIndex((line) => /f?chmod/.test(line) && line.includes(id));
      const begun = lines.findIndex((line) => /f(data)?sync\(/.test(line) && line.includes(id));
      // A call that another thread interrupts in the trace ends in a line of its own, of the same thread.
      const thread = lines[begun]?.split(" ", 1)[0];
      const done = lines[begun]!.includes("unfinished")
        ? lines.findIndex((line, at) =>
          at > begun && line.startsWith(`${thread} `) && /sync resumed/.test(line)
        )
        : begun;
      assert.ok(marked >= 0 && begun > marked, `${id}: marked complete before the sync`);
      assert.match(lines[done]!, /= 0$/);
      assert.ok(replied > done, `${id}: 250 at line ${replied}, synced at line ${done}`);
    }
  },
});
