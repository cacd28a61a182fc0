import { indexFormats } from "./index_formats.ts";
import { deleteKeys } from "./make.ts";
import { MakeError, type MakeOptions } from "./make_options.ts";
import { type Table, TableError } from "./types.ts";

/**
 * Removes keys from an open table of any type (`-d`): from the server or, for indexed files, as `deleteKeys` does. Returns
 * how many were there. Rejects with `MakeError`.
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
  try {
    for (const key of keys) if (await removeOne(table, key)) count += 1;
  } catch (error) {
    if (error instanceof TableError) throw new MakeError(error.message);
    throw error;
  }
  return count;
}
