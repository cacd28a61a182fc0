import { absentTypes, openAbsent } from "./absent_types.ts";
import { openCidr } from "./cidr.ts";
import { openPipemap, openUnionmap } from "./combining_tables.ts";
import type { Opener } from "./context.ts";
import { indexFormats } from "./index_formats.ts";
import { IndexedTable } from "./indexed_table.ts";
import { openEnviron, openFail, openInline, openRandmap, openStatic } from "./literal_tables.ts";
import { networkTypes, removableTypes } from "./network/mod.ts";
import { openPcre } from "./pcre.ts";
import { openRegexp } from "./regexp.ts";
import { openTexthash } from "./texthash.ts";
import { openUnix } from "./unix_table.ts";

/** Table types that answer without waiting. */
export const localTypes: ReadonlyMap<string, Opener> = new Map<string, Opener>([
  ["cidr", openCidr],
  ["environ", openEnviron],
  ["fail", openFail],
  ["inline", openInline],
  ["pcre", openPcre],
  ["pipemap", openPipemap],
  ["randmap", openRandmap],
  ["regexp", openRegexp],
  ["static", openStatic],
  ["texthash", openTexthash],
  ["unionmap", openUnionmap],
  ["unix", openUnix],
  ...absentTypes.map((type): [string, Opener] => [type, openAbsent]),
  ...[...indexFormats].map(([type, format]): [string, Opener] => [
    type,
    (context) => new IndexedTable(context, format),
  ]),
]);

/**
 * Table types whose modules are loaded at the first lookup, because what they stand on is big: databases and servers. Each
 * entry resolves to an opener.
 */
export const loadedTypes: ReadonlyMap<string, () => Promise<Opener>> = new Map<string, () => Promise<Opener>>(
  [
    ...networkTypes,
    ["sqlite", () => import("./sqlite.ts").then(({ openSqlite }) => openSqlite)],
  ],
);

/** Types whose tables can be opened for changing, and refuse only the change itself. */
const REFUSING: ReadonlySet<string> = new Set(["environ", "fail", "static"]);

/** Can a table of this type not even be opened for changing? Unknown types say what is wrong in words of their own. */
export function isReadOnly(type: string): boolean {
  return !REFUSING.has(type) && !indexFormats.has(type) && !removableTypes.has(type) &&
    (localTypes.has(type) || loadedTypes.has(type));
}

/** All types that `postconf -m` lists, in its order. */
export function tableTypes(): string[] {
  return [...localTypes.keys(), ...loadedTypes.keys(), "debug", "proxy"]
    .filter((type) => !absentTypes.includes(type)).sort();
}
