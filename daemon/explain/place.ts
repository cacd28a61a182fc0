import { decodeText } from "../../core/bytes/mod.ts";
import type { Config, Origin } from "../../core/config/mod.ts";
import type { TableLookup } from "../../core/table/mod.ts";
import type { Cause, Place } from "./types.ts";

/** Types whose entries stand in a text file, as `key value` lines, that postmap(1) or the table itself reads. */
const KEY_VALUE = new Set(["hash", "btree", "cdb", "lmdb", "texthash", "dbm", "sdbm"]);
/** Sources larger than this are not searched for the line. */
const LARGEST_SOURCE = 64 << 20;

/** Where an entry of a table stands in its source; undefined where that can't be said. */
export function placeOfEntry({ table, key, value, line }: TableLookup): Place | undefined {
  const colon = table.indexOf(":");
  const type = table.slice(0, colon);
  const file = table.slice(colon + 1);
  if (line !== undefined) return { file, line };
  if (!KEY_VALUE.has(type) || value === undefined || !file.startsWith("/")) return undefined;
  const found = lineOfKey(file, key);
  return found === undefined ? { file } : { file, line: found };
}

function lineOfKey(file: string, key: string): number | undefined {
  let text: string;
  try {
    if (Deno.statSync(file).size > LARGEST_SOURCE) return undefined;
    text = decodeText(Deno.readFileSync(file));
  } catch {
    return undefined;
  }
  const wanted = key.toLowerCase();
  const lines = text.split("\n");
  for (let at = 0; at < lines.length; at++) {
    const line = lines[at]!;
    if (line === "" || /^[\s#]/.test(line)) continue;
    // The key ends at white space; in an aliases file, at a colon.
    const match = /^(?:"((?:[^"\\]|\\.)*)"|((?:[^\s"\\]|\\.)+?))(:?)(?:\s|$)/.exec(line);
    const name = match?.[1] ?? match?.[2];
    if (name?.replace(/\\(.)/g, "$1").toLowerCase() === wanted) return at + 1;
  }
  return undefined;
}

/** A parameter as the cause of something. */
export function parameterCause(config: Config, parameter: string): Cause {
  const origin = config.origin(parameter);
  return {
    parameter,
    value: config.string(parameter),
    ...(config.isSet(parameter) ? {} : { isDefault: true }),
    ...(origin === undefined ? {} : { place: placeOf(origin) }),
  };
}

/** Where something of main.cf or master.cf stands. */
export function placeOf({ file, line }: Origin): Place {
  return line === undefined ? { file } : { file, line };
}

/** An answer of a table as a cause; the parameters of `candidates` that name the table come first. */
export function tableCauses(
  config: Config,
  lookups: readonly TableLookup[],
  candidates: readonly string[],
): Cause[] {
  const causes: Cause[] = [];
  for (const lookup of lookups) {
    if (lookup.value === undefined) continue;
    const parameter = candidates.find((name) => config.string(name).includes(lookup.table));
    const place = placeOfEntry(lookup);
    causes.push({
      ...(parameter === undefined ? {} : parameterCause(config, parameter)),
      table: lookup.table,
      key: lookup.key,
      entry: lookup.value,
      ...(place === undefined ? {} : { place }),
    });
  }
  return causes;
}
