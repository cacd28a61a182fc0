import {
  type Addressing,
  createAddressing,
  createRewriting,
  type Rewriting,
} from "../../core/address/mod.ts";
import type { Config } from "../../core/config/mod.ts";
import { Logger, memorySink } from "../../core/log/mod.ts";
import { type TableLookup, TableSet } from "../../core/table/mod.ts";

/** The configuration as the mail system sees it, with every table lookup and log line kept. */
export interface World {
  readonly config: Config;
  readonly tables: TableSet;
  readonly addressing: Addressing;
  readonly rewriting: Rewriting;
  readonly log: Logger;
  /** Lookups since the last call. */
  takeLookups(): TableLookup[];
  /** Log lines since the last call. */
  takeLog(): string[];
  close(): void;
}

/** Opens tables read-only. Throws `ConfigError` or `TableError` when the configuration can't be used. */
export function openWorld(config: Config): World {
  const sink = memorySink();
  const log = new Logger(sink, "postel/explain");
  let lookups: TableLookup[] = [];
  const tables = new TableSet(config, { log, observe: (lookup) => lookups.push(lookup) });
  const addressing = createAddressing({ config, tables, log });
  const rewriting = createRewriting({ config, tables, addressing, log });
  return {
    config,
    tables,
    addressing,
    rewriting,
    log,
    takeLookups() {
      const taken = lookups;
      lookups = [];
      return taken;
    },
    takeLog() {
      const lines = sink.lines();
      sink.entries.length = 0;
      return lines;
    },
    close: () => tables.close(),
  };
}
