/** What the rest of the program knows of lookup tables. */

/** A value now or later: file tables answer at once, network tables do not. */
export type MaybePromise<T> = T | Promise<T>;

/**
 * A table could not answer. `temporary`: ask again later (server down, file being replaced);
 * `configuration`: it will never answer until somebody mends the configuration.
 */
export class TableError extends Error {
  override readonly name = "TableError";
  /** @param unavailable the table could not even be opened; `message` says why in Postfix's words */
  constructor(
    readonly kind: "temporary" | "configuration",
    message: string,
    readonly unavailable: boolean = false,
  ) {
    super(message);
  }
}

/** How the caller wants keys treated; a table type ignores what does not apply to it (Postfix's DICT_FLAG_*). */
export interface TableFlags {
  /** Fold the key to lower case before the lookup (fixed-string types); types with patterns ignore it. */
  readonly foldCase?: boolean;
  /** The file may be left open to anybody; security-sensitive callers refuse `$number` substitution (local aliases). */
  readonly refuseSubstitution?: boolean;
  /** Values in text tables are names of files, whose content in BASE64 counts instead, as an index made with `-F` has it. */
  readonly fileContents?: boolean;
  /** Keys and results are UTF-8; a key that is not is "not found". */
  readonly utf8?: boolean;
}

/** One open lookup table. Keys and values are text in the form of `core/bytes` `decodeText`. */
export interface Table {
  /** `hash`, `pcre`, `ldap` ... */
  readonly type: string;
  /** What stands behind the colon. */
  readonly name: string;
  /** What messages call the table where that is not `type:name`. */
  readonly label?: string;
  /** True for types that match patterns (cidr, regexp, pcre, static ...): partial keys must not be tried on them. */
  readonly matchesPatterns: boolean;
  /** The value, or undefined when the key is not there. Throws (or rejects with) `TableError`. */
  lookup(key: string): MaybePromise<string | undefined>;
  /** All entries, for types that can list them. */
  entries?(): Iterable<readonly [string, string]> | AsyncIterable<readonly [string, string]>;
  /**
   * Deletes a key, for types whose servers can; false if it was not there. Throws (or rejects with) `TableError`.
   * @param behind deletes the key from the table behind this one, if it has one
   */
  remove?(key: string, behind: (table: Table) => MaybePromise<boolean>): MaybePromise<boolean>;
  close(): void;
}
