import { type DirectoryHandle, openDirectory } from "../system/mod.ts";
import { isQueueId } from "./queue_id.ts";
import { kindAt, readDirectory, whyUnreadable } from "./queue_files.ts";

/** Files of one directory, as many as the system handed out at once. */
export interface FoundFiles {
  /** Where they really stand, which need not be where hashing wants them. */
  readonly folder: DirectoryHandle;
  /** That directory below the queue directory, with a slash at its end. */
  readonly place: string;
  /** Their names, which are queue ids. */
  readonly ids: readonly string[];
}

/**
 * Finds all files of a queue or log that are named by a queue id, also those in hash directories that they do not belong
 * into. Links are not followed; what has no business there is skipped, with a warning.
 * @param name the queue or log
 * @param descend into its one-character directories
 */
export function* walkQueue(
  queueDirectory: string,
  name: string,
  descend: boolean,
  warning: (text: string) => void,
): Generator<FoundFiles> {
  const handle = openDirectory(`${queueDirectory}/${name}`);
  if (handle === undefined) {
    // Nothing, if it is not there; says why it can't be read, if it can't.
    readDirectory(`${queueDirectory}/${name}`);
    return;
  }
  yield* walkDirectory(handle, { queueDirectory, place: `${name}/`, descend, warning });
}

interface Walk {
  readonly queueDirectory: string;
  readonly place: string;
  readonly descend: boolean;
  readonly warning: (text: string) => void;
}

function* walkDirectory(folder: DirectoryHandle, walk: Walk): Generator<FoundFiles> {
  const { queueDirectory, place, descend, warning } = walk;
  const deeper: string[] = [];
  try {
    for (const entries of folder.batches()) {
      const ids: string[] = [];
      for (const entry of entries) {
        const { name } = entry;
        const kind = entry.kind === "unknown" ? kindAt(`${queueDirectory}/${place}${name}`) : entry.kind;
        if (kind === "directory") {
          if (descend && name.length === 1) deeper.push(name);
        } else if (kind !== "file") {
          warning(`skipping ${place}${name}: it is not a regular file`);
        } else if (isQueueId(name)) {
          ids.push(name);
        } else {
          warning(`bogus file name: ${place}${name}`);
        }
      }
      if (ids.length > 0) yield { folder, place, ids };
    }
  } finally {
    folder.close();
  }
  for (const name of deeper) {
    const below = subdirectory(walk, name);
    if (below !== undefined) yield* walkDirectory(below, { ...walk, place: `${place}${name}/` });
  }
}

/** Undefined for a directory that may not be read: somebody else's, which is no reason to give up the others. */
function subdirectory({ queueDirectory, place, warning }: Walk, name: string): DirectoryHandle | undefined {
  const path = `${queueDirectory}/${place}${name}`;
  const reason = whyUnreadable(path);
  if (reason === undefined) return openDirectory(path);
  warning(`skipping ${place}${name}: ${reason}`);
  return undefined;
}
