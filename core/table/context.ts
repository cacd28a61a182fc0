import type { Config } from "../config/types.ts";
import type { MapFile } from "./block_file.ts";
import type { TableSet } from "./table_set.ts";
import type { Table } from "./types.ts";

/** Where tables say what is wrong with their files; a `Logger` fits. */
export interface TableLog {
  info(text: string): void;
  warning(text: string): void;
}

/** How keys are treated, with nothing left open. */
export interface ResolvedFlags {
  readonly foldCase: boolean;
  readonly utf8: boolean;
  readonly refuseSubstitution: boolean;
  readonly fileContents: boolean;
}

/** What an indexed file needs of the context. */
export type IndexContext =
  & Pick<OpenContext, "type" | "name" | "log" | "cacheBytes" | "terminator" | "denied">
  & { readonly map?: MapFile };

/** What a table type gets to open a table. */
export interface OpenContext {
  readonly type: string;
  readonly name: string;
  readonly flags: ResolvedFlags;
  /** Absent in tools that run without main.cf. */
  readonly config: Config | undefined;
  /** The table's parameters, where neither a file nor main.cf has them. */
  readonly settings?: ReadonlyMap<string, string> | undefined;
  readonly log: TableLog;
  /** Is told which line of the file gave the answer, by types that try rule after rule. */
  readonly matched?: ((line: number) => void) | undefined;
  /** Is told, with a reason, when a file may not be read: a process that had more rights before can have them again. */
  readonly denied?: ((reason: string) => void) | undefined;
  /** Most bytes of an indexed file that are kept in memory. */
  readonly cacheBytes: number;
  /** Are keys of indexed files stored with a NUL at the end? Tried out when absent. */
  readonly terminator: "with" | "without" | undefined;
  /** Treats a key as lookups treat theirs, for types that keep their entries in memory. */
  foldKey(key: string): string;
  /** The set that the table belongs to. */
  readonly tables: TableSet;
  /** Opens another table with the same flags, for types that combine tables. */
  open(spec: string): Table;
}

/** Makes a table; throws `TableError` where the name can't be right. Files are opened at the first lookup. */
export type Opener = (context: OpenContext) => Table;
