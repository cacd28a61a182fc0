import { TableError } from "./types.ts";
import { reasonOf } from "../errors/mod.ts";

/** How long a file's state is trusted before it is looked at again, in milliseconds. */
export const CHECK_INTERVAL = 1000;

/**
 * The parsed content of a text file, read on first use and read again when the file has changed. At most one stat(2) a
 * second. While a changed file can't be read, the old content stays in force.
 */
export class WatchedFile<T> {
  #content: T | undefined;
  #stamp = "";
  #checked = -Infinity;

  /**
   * @param path the file
   * @param openWords how the message about a file that can't be opened begins
   * @param parse makes the content from the file's octets
   * @param denied is told when the file may not be read
   */
  constructor(
    readonly path: string,
    readonly openWords: string,
    private readonly parse: (bytes: Uint8Array) => T,
    private readonly denied?: (reason: string) => void,
  ) {}

  /** The content. Throws `TableError` while the file can't be read and never could. */
  get(): T {
    const now = performance.now();
    if (this.#content !== undefined && now - this.#checked < CHECK_INTERVAL) return this.#content;
    this.#checked = now;
    try {
      const stamp = stampOf(Deno.statSync(this.path));
      if (this.#content === undefined || stamp !== this.#stamp) {
        this.#content = this.parse(Deno.readFileSync(this.path));
        this.#stamp = stamp;
      }
    } catch (error) {
      if (error instanceof TableError && error.kind === "configuration") throw error;
      const reason = `${this.openWords} ${this.path}: ${reasonOf(error)}`;
      if (error instanceof Deno.errors.PermissionDenied) this.denied?.(reason);
      if (this.#content === undefined) throw new TableError("temporary", reason, true);
    }
    return this.#content!;
  }
}

/** What changes whenever a file is rewritten or replaced. */
export function stampOf(info: Deno.FileInfo): string {
  return `${info.dev}:${info.ino}:${info.size}:${info.mtime?.getTime() ?? 0}`;
}
