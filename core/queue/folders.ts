import { type DirectoryHandle, type MoveResult, openDirectory } from "../system/mod.ts";
import { fileError } from "./file_errors.ts";
import type { QueueLayout } from "./layout.ts";
import type { LogName, QueueName } from "./types.ts";

/** Directories that are kept open: some queues with one level of hash directories each. */
const MAX_OPEN = 256;

/** The directories that messages and logs stand in, opened once and kept open. */
export class QueueFolders {
  readonly #layout: QueueLayout;
  /** By queue or log, then by hash directory: a path put together for every message would cost more than its look-up. */
  readonly #open = new Map<QueueName | LogName, Map<string, DirectoryHandle>>();
  #count = 0;

  constructor(layout: QueueLayout) {
    this.#layout = layout;
  }

  /** The directory of a message or log; undefined if it is not there. Hash directories that are links are none. */
  at(name: QueueName | LogName, id: string): DirectoryHandle | undefined {
    return this.#directory(name, this.#layout.hash(name, id));
  }

  /**
   * Moves a message from the directory where it stands to another queue, whose hash directory is made if need be. Throws
   * `QueueFileError` if the system refuses.
   */
  move(source: DirectoryHandle, from: QueueName, to: QueueName, id: string): MoveResult {
    const hash = this.#layout.hash(to, id);
    try {
      const target = this.#directory(to, hash) ?? this.#make(to, hash);
      const result = source.move(id, target, id);
      if (result !== "missing" || source.modeOf(id) === undefined) return result;
      // The message is there, so it is the target that somebody removed.
      this.#forget(to, hash);
      return source.move(id, this.#make(to, hash), id);
    } catch (error) {
      throw fileError(error, `rename ${from}/${id} as ${to}/${id}`);
    }
  }

  close(): void {
    for (const handles of this.#open.values()) for (const handle of handles.values()) handle.close();
    this.#open.clear();
    this.#count = 0;
  }

  /** Without a slash at the end, which would follow a link. */
  #path(name: QueueName | LogName, hash: string): string {
    return (this.#layout.prefix(name) + hash).slice(0, -1);
  }

  #directory(name: QueueName | LogName, hash: string): DirectoryHandle | undefined {
    const known = this.#open.get(name)?.get(hash);
    if (known !== undefined) return known;
    if (this.#count >= MAX_OPEN) this.close();
    const handle = openDirectory(this.#path(name, hash));
    if (handle === undefined) return undefined;
    let handles = this.#open.get(name);
    if (handles === undefined) this.#open.set(name, handles = new Map());
    handles.set(hash, handle);
    this.#count += 1;
    return handle;
  }

  #make(name: QueueName | LogName, hash: string): DirectoryHandle {
    const path = this.#path(name, hash);
    Deno.mkdirSync(path, { recursive: true, mode: 0o700 });
    const handle = this.#directory(name, hash);
    if (handle === undefined) throw new Error(`${path} can't be opened as a directory`);
    return handle;
  }

  #forget(name: QueueName | LogName, hash: string): void {
    const handle = this.#open.get(name)?.get(hash);
    if (handle === undefined) return;
    handle.close();
    this.#open.get(name)?.delete(hash);
    this.#count -= 1;
  }
}
