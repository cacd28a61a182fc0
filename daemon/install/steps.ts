/** The kinds of steps that an installation is made of. Each makes the directories that it needs on the way. */
import { dirname } from "node:path";
import { sha256 } from "./manifest.ts";
import type { Entry, Step } from "./types.ts";

/** Information on a path itself, links not followed; undefined if nothing is there. */
export function present(path: string): Deno.FileInfo | undefined {
  try {
    return Deno.lstatSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) return undefined;
    throw error;
  }
}

/** Makes a directory and the missing ones above it, mode 0755. Returns those that it made, the upper ones first. */
export function makeDirectories(path: string): Entry[] {
  if (present(path) !== undefined) return [];
  const made = makeDirectories(dirname(path));
  Deno.mkdirSync(path);
  Deno.chmodSync(path, 0o755);
  return [...made, { kind: "directory", path }];
}

/** Writes a file beside its place and renames it there, so that nobody ever sees half of it. */
export function placeFile(path: string, pieces: readonly Uint8Array[], mode: number): void {
  const beside = `${path}.postel-new`;
  const file = Deno.openSync(beside, { write: true, create: true, truncate: true, mode });
  try {
    for (const piece of pieces) {
      for (let at = 0; at < piece.length;) at += file.writeSync(piece.subarray(at));
    }
    file.syncSync();
  } finally {
    file.close();
  }
  Deno.chmodSync(beside, mode);
  Deno.renameSync(beside, path);
}

/** Puts a text file. */
export function fileStep(path: string, text: string, mode = 0o644): Step {
  return {
    text: `write ${path}`,
    act: () => {
      const made = makeDirectories(dirname(path));
      const content = new TextEncoder().encode(text);
      placeFile(path, [content], mode);
      return [...made, { kind: "file", path, sha256: sha256(content) }];
    },
  };
}

/** Puts a symbolic link; one that is there already is replaced. */
export function linkStep(path: string, target: string): Step {
  return {
    text: `link ${path} -> ${target}`,
    act: () => {
      const made = makeDirectories(dirname(path));
      const beside = `${path}.postel-new`;
      if (present(beside) !== undefined) Deno.removeSync(beside);
      Deno.symlinkSync(target, beside);
      Deno.renameSync(beside, path);
      return [...made, { kind: "link", path, target }];
    },
  };
}
