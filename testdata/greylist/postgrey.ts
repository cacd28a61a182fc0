/** A running postgrey (Debian's package) on a socket of its own. */
import type { Attempt } from "./cases.ts";

export interface Decision {
  readonly action: string;
  readonly log: readonly string[];
}

/** Starts postgrey and asks it. `directory` gets its database. Throws if it does not start. */
export async function startPostgrey(directory: string, options: readonly string[]) {
  const path = `${directory}/socket`;
  const user = Deno.uid() === 0 ? ["--user=root", "--group=root"] : [];
  const child = new Deno.Command("postgrey", {
    args: [`--unix=${path}`, `--dbdir=${directory}`, `--pidfile=${directory}/pid`, ...user, ...options],
    stdout: "null",
    stderr: "piped",
  }).spawn();
  let log = "";
  const reading = (async () => {
    for await (const chunk of child.stderr) log += new TextDecoder().decode(chunk);
  })();
  let conn: Deno.Conn | undefined;
  for (let tries = 0; conn === undefined; tries++) {
    conn = await Deno.connect({ transport: "unix", path }).catch(() => undefined);
    if (tries > 600) throw new Error(`postgrey did not start: ${log}`);
    if (conn === undefined) await new Promise((done) => setTimeout(done, 50));
  }
  const connection = conn;
  const buffer = new Uint8Array(4096);
  return {
    async ask(attempt: Attempt): Promise<Decision> {
      const before = log.length;
      const request = {
        request: "smtpd_access_policy",
        client_address: attempt.address,
        client_name: attempt.name,
        sender: attempt.sender,
        recipient: attempt.recipient,
        instance: attempt.instance,
        etrn_domain: "",
        policy_test_time: String(attempt.time),
      };
      const text = Object.entries(request).map(([name, value]) => `${name}=${value}\n`).join("") + "\n";
      await connection.write(new TextEncoder().encode(text));
      let answer = "";
      while (!answer.endsWith("\n\n")) {
        const count = await connection.read(buffer);
        if (count === null) throw new Error(`postgrey hung up: ${log}`);
        answer += new TextDecoder().decode(buffer.subarray(0, count));
      }
      // The line is on its way through the pipe.
      for (let tries = 0; !/^action=.*\n/m.test(log.slice(before)); tries++) {
        if (tries > 1000) throw new Error("postgrey said nothing");
        await new Promise((done) => setTimeout(done, 2));
      }
      const lines = log.slice(before).split("\n").filter((line) => /^(action=|whitelisted: )/.test(line));
      return { action: answer.trim().replace(/^action=/, ""), log: lines };
    },
    async close() {
      connection.close();
      // It forgets SIGTERM at times, when it has just been asked something.
      child.kill("SIGKILL");
      await child.status;
      await reading;
    },
  };
}
