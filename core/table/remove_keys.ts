import { indexFormats } from "./index_formats.ts";
import { indexLabel } from "./index_reader.ts";
import { deleteKeys, storedKey } from "./make.ts";
import { MakeError, type MakeOptions } from "./make_options.ts";
import { isReadOnly } from "./registry.ts";
import { type Table, TableError } from "./types.ts";

/**
 * Removes keys from a table of any type (`-d`). Was any of them there? Rejects with `MakeError`.
 * @param open opens the table, for types that are not in an indexed file
 */
export async function removeFrom(
  type: string,
  name: string,
  keys: readonly string[],
  options: MakeOptions,
  open: () => Promise<Table>,
): Promise<boolean> {
  const format = indexFormats.get(type);
  const label = format === undefined ? `${type}:${name}` : indexLabel(format, name);
  const stored = keys.flatMap((key) => storedKey(key, options, label) ?? []);
  // Postfix counts a key that is not UTF-8 as deleted.
  const left = stored.length < keys.length;
  if (format !== undefined) return deleteKeys(type, name, stored, options).includes(true) || left;
  if (isReadOnly(type)) throw new MakeError(`${label} map requires O_RDONLY access mode`);
  try {
    return await removeKeys(await open(), stored, options) > 0 || left;
  } catch (error) {
    if (error instanceof TableError) throw new MakeError(error.message);
    throw error;
  }
}

/**
 * Removes keys from an open table: from the server or, for indexed files, as `deleteKeys` does. Returns how many were there.
 * Rejects with `MakeError` or `TableError`.
 */
export async function removeKeys(
  table: Table,
  keys: readonly string[],
  options: MakeOptions,
): Promise<number> {
  let count = 0;
  const removeOne = async (from: Table, key: string): Promise<boolean> => {
    if (indexFormats.has(from.type)) return deleteKeys(from.type, from.name, [key], options)[0]!;
    if (from.remove !== undefined) return await from.remove(key, (behind) => removeOne(behind, key));
    throw new MakeError(`table ${from.type}:${from.name}: delete operation is not supported`);
  };
  for (const key of keys) if (await removeOne(table, key)) count += 1;
  return count;
}
