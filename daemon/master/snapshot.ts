import type { Addressing } from "../../core/address/mod.ts";
import type { Config, MasterEntry } from "../../core/config/mod.ts";
import type { Logger, LogSink } from "../../core/log/mod.ts";
import { preloadTableTypes, splitList, TableError, TableSet, tableTypesIn } from "../../core/table/mod.ts";
import { saslTableTypes } from "../smtpd/mod.ts";
import { programLog, Views } from "./views.ts";

/**
 * Everything that follows from one reading of the configuration. Services keep the snapshot they were made with; a
 * reload makes a new one.
 */
export interface Snapshot {
  readonly config: Config;
  readonly entries: readonly MasterEntry[];
  readonly tables: TableSet;
  readonly addressing: Addressing;
  /** The log in the name of a program: `postfix/qmgr`. */
  logAs(program: string): Logger;
  readonly views: Views;
}

/**
 * Throws `ConfigError` or `TableError` when the configuration can't be used.
 * @param denied is told, with a reason, when a table's file may not be read
 * @param verbosity what `postfix -v start` adds to the `-v` of all services
 */
export function takeSnapshot(
  config: Config,
  entries: readonly MasterEntry[],
  sink: LogSink,
  denied?: (reason: string) => void,
  verbosity = 0,
): Snapshot {
  const common = { config, entries, sink, verbosity };
  const logAs = (program: string) => programLog(common, program);
  const tables = new TableSet(config, {
    log: logAs("proxymap"),
    ...(denied === undefined ? {} : { denied }),
  });
  const views = new Views({ ...common, tables });
  return { config, entries, tables, addressing: views.addressing, logAs, views };
}

/** A `type:name` among the words of a value. */
const TABLE_WORD = /^(?:proxy:)?[a-z]+:(?!:)./;

/** The values of `-o name=value` in master.cf, expanded. */
function overrideValues(config: Config, entries: readonly MasterEntry[]): string[] {
  return entries.flatMap((entry) => entry.overrides.map(([, value]) => config.expand(value)));
}

/**
 * Loads the modules of the table types that a configuration names. Called before any table is opened, by a process that
 * will give up root: the program's files and the tables' settings may be out of reach afterwards.
 */
export async function loadTableTypes(config: Config, entries: readonly MasterEntry[]): Promise<void> {
  await preloadTableTypes([
    ...tableTypesIn(config, overrideValues(config, entries)),
    ...saslTableTypes(config),
  ]);
}

/**
 * Opens every table that main.cf and master.cf name, while this process may read files of root. What can't be opened
 * shows when it is used.
 */
export async function preopenTables({ config, entries, tables }: Snapshot): Promise<void> {
  const values = [...config.names().map((name) => config.string(name)), ...overrideValues(config, entries)];
  for (const word of values.flatMap((value) => splitList(value))) {
    if (!TABLE_WORD.test(word)) continue;
    try {
      tables.open(word);
    } catch (error) {
      // Not every word with a colon is a table: transport:nexthop looks the same.
      if (!(error instanceof TableError)) throw error;
    }
  }
  await tables.preopen();
}

/** Where the socket of a `unix` entry is. */
export function socketPath(config: Config, entry: MasterEntry): string {
  return `${config.string("queue_directory")}/${entry.private ? "private" : "public"}/${entry.name}`;
}
