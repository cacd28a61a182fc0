import { decodeText } from "../bytes/mod.ts";
import type { OpenContext } from "./context.ts";
import { insideBraces, splitList } from "./spec.ts";
import { TableError } from "./types.ts";
import { WatchedFile } from "./watched_file.ts";

/**
 * Where the rules of a cidr, regexp or pcre table are: in a file or in the table's name, `regexp:{ {/pattern/ text}, ... }`
 * with one line in each inner pair of braces. Throws `TableError` for a name with wrong braces, and `get` for a file that
 * can't be read.
 */
export function ruleSource<T>(context: OpenContext, parse: (text: string) => T): { get(): T } {
  const { type, name, denied } = context;
  if (!name.startsWith("{")) {
    return new WatchedFile(name, "open", (bytes) => parse(decodeText(bytes)), denied);
  }
  const refuse = (problem: string) => new TableError("configuration", `${type} map: ${problem}`, true);
  const lines = splitList(insideBraces(name, refuse)).map((line) => `${insideBraces(line, refuse)}\n`);
  let rules: T | undefined;
  return { get: () => rules ??= parse(lines.join("")) };
}
