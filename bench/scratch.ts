/** What every measurement with mail systems begins with: root's rights, a directory of its own, somebody who takes mail. */
import process from "node:process";
import { messageOf } from "../core/errors/mod.ts";
import { freePort } from "../core/system/free_port_testing.ts";

/** Is this root? Real Postfix starts as root only; who is not is told on standard error. */
export function isRoot(): boolean {
  if (process.geteuid?.() === 0) return true;
  console.error(
    "bench: real Postfix starts as root only: run this as root, with Debian's postfix installed",
  );
  return false;
}

/** A new directory below `parent` that every user can pass through. */
export function scratchDirectory(parent: string): string {
  const directory = Deno.makeTempDirSync({ prefix: "postel-bench-", dir: parent });
  Deno.chmodSync(directory, 0o755);
  return directory;
}

/** smtp-sink(1), which takes all mail and throws it away. */
export interface Sink {
  readonly port: number;
  /** Ends it. */
  stop(): Promise<void>;
}

export function startSink(): Sink {
  const port = freePort();
  const child = new Deno.Command("smtp-sink", { args: ["-u", "postfix", `127.0.0.1:${port}`, "1024"] })
    .spawn();
  return {
    port,
    async stop() {
      try {
        child.kill();
      } catch (error) {
        // It ended by itself; what it did not take is still in the queue.
        console.error(`smtp-sink: ${messageOf(error)}`);
      }
      await child.status;
    },
  };
}
