/** The directories that mail and the mail system's data are kept in. */
import { dirname } from "node:path";
import type { Config } from "../../core/config/mod.ts";
import { prepareDirectories } from "../master/mod.ts";
import { makeDirectories } from "./steps.ts";
import type { Entry, Step } from "./types.ts";

/** The directories that are there: this one and those in it, one level deep. */
function directoriesAt(path: string): string[] {
  try {
    return [
      path,
      ...[...Deno.readDirSync(path)].filter((entry) => entry.isDirectory).map(({ name }) =>
        `${path}/${name}`
      ),
    ];
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

/** Makes the queue and data directories, with the owners and modes that the mail system needs. */
export function spoolStep(config: Config): Step {
  const roots = [config.string("queue_directory"), config.string("data_directory")];
  return {
    text: `make ${roots.join(" and ")}, owned by ${config.string("mail_owner")}`,
    act: (): Entry[] => {
      const above = roots.flatMap((path) => makeDirectories(dirname(path)));
      const before = new Set(roots.flatMap(directoriesAt));
      prepareDirectories(config);
      const made = roots.flatMap(directoriesAt).filter((path) => !before.has(path));
      return [...above, ...made.map((path): Entry => ({ kind: "directory", path }))];
    },
  };
}
