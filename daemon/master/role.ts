import type { Config } from "../../core/config/types.ts";
import { readMasterFile } from "../../core/config/mod.ts";
import { messageOf } from "../../core/errors/mod.ts";
import { Logger, logSettings, openLog, SwitchSink } from "../../core/log/mod.ts";
import { incomingOrders, sendReport } from "./control.ts";
import { reopenLog } from "./log_file.ts";
import { debuggedName, runDebugger } from "./debugger.ts";
import type { Role } from "./plan.ts";
import { startRuntime } from "./runtime.ts";

/** What `postfix -v` and `-D` ask of every process. */
export interface DebugWishes {
  readonly verbosity: number;
  readonly debugged: boolean;
}

/**
 * One process of the mail system: starts the services of its role, gives up root if the role allows, and follows the
 * master's orders. Ends when the master does. Resolves to the exit code.
 */
export async function runRole(role: Role, load: () => Config, wishes: DebugWishes): Promise<number> {
  const config = load();
  const sink = new SwitchSink(openLog(logSettings(config)));
  const log = new Logger(sink, `${config.string("syslog_name")}/${role}`);
  // The master decides when to end: a Ctrl-C in the terminal reaches all processes of the group.
  Deno.addSignalListener("SIGINT", () => {});
  Deno.addSignalListener("SIGHUP", () => {});
  const start = async () => {
    const entries = readMasterFile(config);
    const name = debuggedName([role], entries, wishes.debugged);
    if (name !== undefined) runDebugger(config, name, sink);
    return await startRuntime({
      config,
      entries,
      roles: [role],
      sink,
      verbosity: wishes.verbosity,
      requestReplacement: (text) => sendReport({ report: "replace", text }),
    });
  };
  const runtime = await start().catch((error) => {
    sendReport({ report: "failed", text: messageOf(error) });
    return undefined;
  });
  if (runtime === undefined) return 1;
  sendReport({ report: "ready" });
  for await (const order of incomingOrders()) {
    if (order.order === "reload") {
      try {
        const next = load();
        await runtime.reload(next, readMasterFile(next));
        const problem = reopenLog(sink, next);
        if (problem !== undefined) log.warning(`the mail log can't be opened again: ${problem}`);
      } catch (error) {
        log.error(
          `reload: ${messageOf(error)}: the old configuration stays in force`,
        );
      }
    } else if (order.order === "drain") {
      // The log may have been rotated; sessions that take long are told of in the new file.
      reopenLog(sink, config);
      // Meanwhile the master may still ask for the end.
      void runtime.drain().then(() => {
        sink.flush();
        Deno.exit(0);
      });
    } else {
      await runtime.stop(order.seconds);
      sink.flush();
      return 0;
    }
  }
  await runtime.stop(1);
  sink.flush();
  return 0;
}
