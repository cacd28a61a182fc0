import { isExt4WithoutJournal, spreadSubdirectories } from "../system/mod.ts";
import { readDirectory } from "./queue_files.ts";

/** Below the queue directory: where files of `incoming` are made when they had better be far apart on the disk. */
export const NEW_FILES = "postel/new";

/** So many subdirectories, each of which the file system puts into another place. */
const PLACES = 64;

/** Owner of the directories; undefined to leave them with whoever makes them. */
type Owner = { readonly uid: number; readonly gid: number } | undefined;

/**
 * Makes the places for new files, on file systems where it pays to have several: an inode belongs to the part of the
 * disk that its first directory is in, so that files made in many directories do not all compete for one part.
 */
export function prepareNewFiles(queueDirectory: string, owner: Owner): void {
  if (!isExt4WithoutJournal(queueDirectory)) return;
  // A file can be renamed into its queue only within a file system.
  const devices = ["incoming", "postel"].map((name) => Deno.statSync(`${queueDirectory}/${name}`).dev);
  if (devices[0] !== devices[1]) return;
  const top = `${queueDirectory}/${NEW_FILES}`;
  if (readDirectory(top).length === PLACES) return;
  make(top, owner);
  if (!spreadSubdirectories(top)) return;
  for (let place = 0; place < PLACES; place++) make(`${top}/${place}`, owner);
}

/** Removes what a crash left in those places: it never became a message. Only while no process makes messages. */
export function removeUnfinishedFiles(queueDirectory: string): void {
  const top = `${queueDirectory}/${NEW_FILES}`;
  for (const place of readDirectory(top)) {
    for (const { name } of readDirectory(`${top}/${place.name}`)) {
      Deno.removeSync(`${top}/${place.name}/${name}`);
    }
  }
}

function make(directory: string, owner: Owner): void {
  Deno.mkdirSync(directory, { recursive: true, mode: 0o700 });
  if (owner !== undefined) Deno.chownSync(directory, owner.uid, owner.gid);
}

/** The places of new files in turn: the beginning of a temporary path, with a slash at its end. */
export class NewFilePlaces {
  #places: string[] | undefined;
  #turn = 0;

  constructor(private readonly queueDirectory: string) {}

  /** The next place; undefined if there are none. */
  next(): string | undefined {
    const places = this.#places ??= this.#find();
    if (places.length === 0) return undefined;
    this.#turn = (this.#turn + 1) % places.length;
    return places[this.#turn];
  }

  /** Forgets the places, because one of them is not there any more. */
  forget(): void {
    this.#places = [];
  }

  #find(): string[] {
    const top = `${this.queueDirectory}/${NEW_FILES}`;
    try {
      return readDirectory(top).filter((entry) => entry.isDirectory).map(({ name }) => `${top}/${name}/`);
    } catch {
      // Not to be read by this process: the queue's own directory will do.
      return [];
    }
  }
}
