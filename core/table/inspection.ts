import { reasonOf } from "../errors/mod.ts";
import { TableError } from "./types.ts";

/** What a table file is. */
export interface Inspection {
  readonly file: string;
  /** `hash`, `cidr`, `sqlite database`, `text` ...: what it is or, of a file that can't be used, should be. */
  readonly type: string;
  readonly size: number;
  readonly modified: Date;
  /** Number of entries or rules; unknown if not all can be read. */
  readonly entries?: number;
  /** Stored with a NUL behind keys and values? */
  readonly terminated?: boolean;
  /** Made from an aliases file? */
  readonly aliases?: boolean;
  /** Page size, buckets and the like. */
  readonly details: Readonly<Record<string, string | number>>;
  /** The source file; without a time if there is none. */
  readonly source?: { readonly file: string; readonly modified?: Date };
  /** Must the table be made again? Unknown of a good one without a source. */
  readonly rebuildDue?: boolean;
  readonly rebuildReason?: string;
  /** What keeps the table, or entries of it, from being used. */
  readonly problems: readonly string[];
}

/** Facts about any file. Throws `TableError`. */
export function fileFacts(file: string): Pick<Inspection, "file" | "size" | "modified"> {
  const { size, mtime } = requireFile(file);
  return { file, size, modified: mtime ?? new Date(0) };
}

/** The state of a file that can be read to its end. Throws `TableError` for a missing one, a directory, a pipe. */
export function requireFile(path: string): Deno.FileInfo {
  let info: Deno.FileInfo;
  try {
    info = Deno.statSync(path);
  } catch (error) {
    throw new TableError("temporary", `open ${path}: ${reasonOf(error)}`, true);
  }
  if (info.isFile) return info;
  // Opening a pipe would wait for somebody to write into it.
  const reason = info.isDirectory ? "Is a directory" : "not a regular file";
  throw new TableError("configuration", `open ${path}: ${reason}`, true);
}

/** All bytes of a file. Throws `TableError`. */
export function readWhole(path: string): Uint8Array<ArrayBuffer> {
  requireFile(path);
  try {
    return Deno.readFileSync(path);
  } catch (error) {
    throw new TableError("temporary", `open ${path}: ${reasonOf(error)}`, true);
  }
}
