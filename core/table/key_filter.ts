import type { OpenContext } from "./context.ts";
import { matchList } from "./match_list.ts";
import type { TableSet } from "./table_set.ts";
import type { MaybePromise } from "./types.ts";

/**
 * Says which keys are asked for at all under a table's `domain` parameter: full addresses with a user name in one of the
 * domains. Everything passes when the list is empty.
 */
export function keyFilter(
  domains: string,
  tables: TableSet,
  context: OpenContext,
): (key: string) => MaybePromise<boolean> {
  if (domains.trim() === "") return () => true;
  const list = matchList("string", domains, tables, { name: `${context.type}:${context.name}: domain` });
  return (key) => {
    const at = key.lastIndexOf("@");
    return at > 0 && at < key.length - 1 ? list.matches(key.slice(at + 1)) : false;
  };
}
