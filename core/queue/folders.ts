import { type DirectoryHandle, type MoveResult, openDirectory } from "../system/mod.ts";
import { fileError } from "./file_errors.ts";
import type { QueueLayout } from "./layout.ts";
import type { LogName, QueueName } from "./types.ts";

/** Directories that are kept open: some queues with one level of hash directories each. */
const MAX_OPEN = 256;

/** The directories that messages and logs stand in, opened once and kept open. */
export class QueueFolders {
  readonly #layout: QueueLayout;
  readonly #open = new Map<string, DirectoryHandle>();

  constructor(layout: QueueLayout) {
    this.#layout = layout;
  }

  /** The directory of a message or log; undefined if it is not there. Hash directories that are links are none. */
  at(name: QueueName | LogName, id: string): DirectoryHandle | undefined {
    return this.#directory(this.#path(name, id));
  }

  /**
   * Moves a message to another queue, whose hash directory is made if need be. Throws `QueueFileError` if the system
   * refuses.
   */
  move(from: QueueName, to: QueueName, id: string): MoveResult {
    const path = this.#path(to, id);
    try {
      const source = this.at(from, id);
      if (source === undefined) return "missing";
      const target = this.#directory(path) ?? this.#make(path);
      const result = source.move(id, target, id);
      if (result !== "missing" || source.modeOf(id) === undefined) return result;
      // The message is there, so it is the target that somebody removed.
      this.#forget(path);
      return source.move(id, this.#make(path), id);
    } catch (error) {
      throw fileError(error, `rename ${from}/${id} as ${to}/${id}`);
    }
  }

  close(): void {
    for (const handle of this.#open.values()) handle.close();
    this.#open.clear();
  }

  /** Without a slash at the end, which would follow a link. */
  #path(name: QueueName | LogName, id: string): string {
    return (this.#layout.prefix(name) + this.#layout.hash(name, id)).slice(0, -1);
  }

  #directory(path: string): DirectoryHandle | undefined {
    const known = this.#open.get(path);
    if (known !== undefined) return known;
    if (this.#open.size >= MAX_OPEN) this.close();
    const handle = openDirectory(path);
    if (handle !== undefined) this.#open.set(path, handle);
    return handle;
  }

  #make(path: string): DirectoryHandle {
    Deno.mkdirSync(path, { recursive: true, mode: 0o700 });
    const handle = this.#directory(path);
    if (handle === undefined) throw new Error(`${path} can't be opened as a directory`);
    return handle;
  }

  #forget(path: string): void {
    this.#open.get(path)?.close();
    this.#open.delete(path);
  }
}
