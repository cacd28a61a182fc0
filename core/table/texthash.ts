import { decodeText } from "../bytes/mod.ts";
import type { OpenContext } from "./context.ts";
import { splitKeyValue } from "./key_value.ts";
import { logicalLines } from "./logical_lines.ts";
import type { Table } from "./types.ts";
import { WatchedFile } from "./watched_file.ts";

/** `texthash:file`: a postmap source file read into memory, without an index file. */
export function openTexthash(context: OpenContext): Table {
  const { type, name, log } = context;
  const parse = (bytes: Uint8Array) => {
    const entries = new Map<string, string>();
    for (const { text, line } of logicalLines(decodeText(bytes))) {
      const entry = splitKeyValue(text);
      if ("problem" in entry) {
        log.warning(`${name}, line ${line}: ${entry.problem}`);
        continue;
      }
      if (entry.looksLikeAlias) {
        log.warning(`${name}, line ${line}: record is in "key: value" format; is this an alias file?`);
      }
      const key = context.foldKey(entry.key);
      if (entries.has(key)) log.warning(`${name}, line ${line}: duplicate entry: "${key}"`);
      else entries.set(key, entry.value);
    }
    return entries;
  };
  const file = new WatchedFile(name, `${type}:${name}`, parse);
  return {
    type,
    name,
    matchesPatterns: false,
    lookup: (key) => file.get().get(key),
    entries: () => file.get(),
    close() {},
  };
}
