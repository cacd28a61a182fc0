import { decodeText } from "../bytes/mod.ts";
import type { OpenContext } from "./context.ts";
import { keptValue } from "./file_contents.ts";
import { readMapSource } from "./map_source.ts";
import type { Table } from "./types.ts";
import { WatchedFile } from "./watched_file.ts";

/** `texthash:file`: a postmap source file read into memory, without an index file. */
export function openTexthash(context: OpenContext): Table {
  const { type, name } = context;
  const file = new WatchedFile(name, "open database", (bytes) => parse(bytes, context), context.denied);
  return {
    type,
    name,
    matchesPatterns: false,
    lookup: (key) => file.get().get(key),
    entries: () => file.get(),
    close() {},
  };
}

function parse(bytes: Uint8Array, context: OpenContext): Map<string, string> {
  const { name, log } = context;
  const entries = new Map<string, string>();
  const textOf = (at: number, length: number) => decodeText(bytes.subarray(at, at + length));
  const target = {
    bytes,
    append(): number {
      throw new Error("Nothing is folded while a texthash source is read");
    },
    entry(keyAt: number, keyLength: number, valueAt: number, valueLength: number, line: number) {
      const key = textOf(keyAt, keyLength);
      const folded = context.foldKey(key);
      if (entries.has(folded)) log.warning(`${name}, line ${line}: duplicate entry: "${key}"`);
      else {
        const kept = keptValue(textOf(valueAt, valueLength), context.flags);
        if ("value" in kept) entries.set(folded, kept.value);
        else log.warning(`${name}, line ${line}: ${kept.problem}: skipping this entry`);
      }
    },
  };
  readMapSource(target, bytes.length, {
    name,
    foldCase: false,
    utf8: context.flags.utf8,
    ignored: " -- ignoring this line",
    warn: (text) => log.warning(text),
  });
  return entries;
}
