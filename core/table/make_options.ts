import type { TableLog } from "./context.ts";

/** How a table is made, changed or written; the letters are postmap(1)'s. */
export interface MakeOptions {
  /** Is the source an aliases file? */
  readonly aliases: boolean;
  /** False with `-f`. */
  readonly foldCase: boolean;
  /** False with `-u` or without `smtputf8_enable`. */
  readonly utf8: boolean;
  /** `-N` and `-n`; the type's own habit if absent. */
  readonly terminator?: "with" | "without";
  /** What happens to a key that is there already: `-r`, `-w` or a warning. */
  readonly duplicates: "warn" | "ignore" | "replace";
  /** `-F`: values are names of files whose content is stored. */
  readonly fileContents: boolean;
  /** `-o`: stay root even if the source belongs to somebody else. */
  readonly keepRoot: boolean;
  /** `-p`: do not take the mode of the source. */
  readonly defaultMode: boolean;
  /** `lmdb_map_size`. */
  readonly lmdbMapSize: number;
  /** `myhostname`, stored in alias tables. */
  readonly hostname: string;
  readonly log: TableLog;
}

/** The work can't go on; `message` is what Postfix's command says after `fatal:`. */
export class MakeError extends Error {
  override readonly name = "MakeError";
}
