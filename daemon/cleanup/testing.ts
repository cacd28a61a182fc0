/** A cleanup service with its own queue directory, for tests. */
import { createAddressing, createRewriting, type Rewriting } from "../../core/address/mod.ts";
import { configFromText } from "../../core/config/mod.ts";
import type { Config } from "../../core/config/types.ts";
import { Logger, memorySink } from "../../core/log/mod.ts";
import { openQueue, type Queue, type QueuedMessage } from "../../core/queue/mod.ts";
import { TableSet } from "../../core/table/mod.ts";
import type { BounceService } from "../delivery/types.ts";
import { createCleanup } from "./mod.ts";
import type { CleanupService } from "./types.ts";

export interface TestCleanup extends Disposable {
  readonly directory: string;
  readonly config: Config;
  readonly tables: TableSet;
  readonly queue: Queue;
  readonly rewriting: Rewriting;
  readonly service: CleanupService;
  readonly log: Logger;
  readonly queued: QueuedMessage[];
  /** What was told to the bounce service: `append TEXT`, `flush ID`. */
  readonly bounced: string[];
  lines(): string[];
}

/** Settings on top of a small base; `@DIR@` stands for the directory, which is removed in the end. */
export function testCleanup(settings: Readonly<Record<string, string>> = {}): TestCleanup {
  const directory = Deno.makeTempDirSync();
  const all = {
    myhostname: "mx.example.com",
    myorigin: "example.com",
    mydestination: "mx.example.com, example.com, localhost",
    inet_interfaces: "127.0.0.1",
    inet_protocols: "ipv4",
    compatibility_level: "3.6",
    queue_directory: directory,
    ...settings,
  };
  const text = Object.entries(all).map(([name, value]) =>
    `${name} = ${value.replaceAll("@DIR@", directory)}\n`
  );
  const config = configFromText(text.join(""));
  const sink = memorySink();
  const log = new Logger(sink, "postfix/cleanup");
  const tables = new TableSet(config, { log });
  const addressing = createAddressing({ config, tables, log });
  for (const name of ["maildrop", "incoming", "active", "deferred", "hold", "corrupt"]) {
    Deno.mkdirSync(`${directory}/${name}`);
  }
  const queue = openQueue(config);
  const queued: QueuedMessage[] = [];
  const bounced: string[] = [];
  const bounce: Pick<BounceService, "append" | "flush"> = {
    append(_log, _id, _flags, recipient, _action, detail) {
      bounced.push(`append ${recipient.address} ${detail.status} ${detail.reason}`);
      return Promise.resolve();
    },
    flush(_kind, target) {
      bounced.push(`flush ${target.sender}`);
      return Promise.resolve();
    },
  };
  const rewriting = createRewriting({ config, tables, log, addressing });
  const service = createCleanup({
    config,
    tables,
    queue,
    rewriting,
    log,
    bounce,
    onQueued: (message) => queued.push(message),
  });
  return {
    directory,
    config,
    tables,
    queue,
    rewriting,
    service,
    log,
    queued,
    bounced,
    lines: () => sink.lines(),
    [Symbol.dispose]() {
      tables.close();
      Deno.removeSync(directory, { recursive: true });
    },
  };
}
