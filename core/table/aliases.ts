import type { Config } from "../config/types.ts";
import type { TableLog } from "./context.ts";
import { makeTable } from "./make.ts";
import type { MakeOptions } from "./make_options.ts";
import { typeAndName } from "./operand.ts";
import { splitList } from "./spec.ts";

/** What postalias does without options. */
export function aliasDefaults(config: Config, log: TableLog): MakeOptions {
  return {
    aliases: true,
    foldCase: true,
    utf8: config.bool("smtputf8_enable"),
    duplicates: "warn",
    fileContents: false,
    keepRoot: false,
    defaultMode: false,
    lmdbMapSize: config.int("lmdb_map_size"),
    hostname: config.string("myhostname"),
    log,
  };
}

/**
 * Rebuilds the tables that `alias_database` names, as newaliases(1) and `sendmail -bi` do. Throws `MakeError` at the first
 * table that can't be made.
 * @param database replaces the value of `alias_database` (`-oA`)
 */
export function rebuildAliasTables(config: Config, log: TableLog, database?: string): void {
  for (const item of splitList(database ?? config.string("alias_database"))) {
    const { type, name } = typeAndName(item, config);
    makeTable(type, name, aliasDefaults(config, log));
  }
}
