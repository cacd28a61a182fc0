/** The files of the measurement of lookup tables: a source of many entries, and keys to look up. */

/** Tables that postmap makes files of. */
export type IndexType = "hash" | "btree" | "cdb" | "lmdb";

export const TYPES: readonly IndexType[] = ["hash", "btree", "cdb", "lmdb"];
/** What the name of a table's file ends in. */
export const SUFFIX = { hash: "db", btree: "db", cdb: "cdb", lmdb: "lmdb" } as const;
/** Keys in a list. */
export const KEYS = 100_000;
/** A longer list, which shows from how many keys on a slower start is made up for. */
export const MORE_TIMES = 3;

const MEGABYTE = 1 << 20;

/** The entries in an order that is not theirs, the same in every run. */
function* shuffled(count: number): Generator<number> {
  // A step that shares no factor with the count visits every number once.
  let step = Math.floor(count * 0.618) | 1;
  while (gcd(step, count) !== 1) step += 2;
  for (let at = 0, index = 0; at < count; at++, index = (index + step) % count) yield index;
}

function gcd(one: number, other: number): number {
  return other === 0 ? one : gcd(other, one % other);
}

/** The key of an entry. */
export const keyOf = (index: number) => `user${String(index).padStart(7, "0")}@dom${index % 1000}.example`;

/** Writes the source of a table (`map`), lists of keys (`keys`, `more-keys`) and a main.cf into the directory. */
export function writeFiles(directory: string, entries: number): void {
  Deno.writeTextFileSync(
    `${directory}/main.cf`,
    "compatibility_level = 3.6\nmyhostname = mail.example.com\nmaillog_file = /dev/stdout\n",
  );
  const source = Deno.openSync(`${directory}/map`, { create: true, write: true });
  const encoder = new TextEncoder();
  let lines = "";
  for (const index of shuffled(entries)) {
    lines += `${keyOf(index)} mailbox${index}@internal.example.com\n`;
    if (lines.length < MEGABYTE) continue;
    writeAll(source, encoder.encode(lines));
    lines = "";
  }
  writeAll(source, encoder.encode(lines));
  source.close();
  const keys: string[] = [];
  for (const index of shuffled(entries)) {
    if (keys.length === KEYS) break;
    keys.push(keyOf(index));
  }
  const list = keys.reverse().join("\n") + "\n";
  Deno.writeTextFileSync(`${directory}/keys`, list);
  Deno.writeTextFileSync(`${directory}/more-keys`, list.repeat(MORE_TIMES));
}

function writeAll(file: Deno.FsFile, bytes: Uint8Array): void {
  for (let done = 0; done < bytes.length;) done += file.writeSync(bytes.subarray(done));
}
