/** Takes an installation back: what its manifest lists, as far as it is as it was installed. */
import { basename } from "node:path";
import { NEW_FILES } from "../../core/queue/mod.ts";
import { lookupGroup, lookupUser } from "../../core/system/mod.ts";
import { removeAccount } from "./accounts.ts";
import { inUse } from "./in_use.ts";
import { readManifest, sha256, writeManifest } from "./manifest.ts";
import { present } from "./steps.ts";
import type { Entry } from "./types.ts";

/** What is to be done with an entry. `keep` says why it stays. */
export type Removal =
  | { readonly entry: Entry; readonly action: "remove" | "gone" }
  | { readonly entry: Entry; readonly action: "keep"; readonly reason: string };

/** Looks at what a file, link or tree is now. */
function judge(entry: Entry): Removal {
  if (!("path" in entry)) return { entry, action: "remove" };
  const info = present(entry.path);
  if (info === undefined) return { entry, action: "gone" };
  const keep = (reason: string): Removal => ({ entry, action: "keep", reason });
  switch (entry.kind) {
    case "file":
      if (!info.isFile) return keep("it is no longer a file");
      return sha256(Deno.readFileSync(entry.path)) === entry.sha256
        ? { entry, action: "remove" }
        : keep("it was changed");
    case "link":
      return info.isSymlink && Deno.readLinkSync(entry.path) === entry.target
        ? { entry, action: "remove" }
        : keep("it is another file now");
    case "directory":
    case "tree":
      return info.isDirectory ? { entry, action: "remove" } : keep("it is no longer a directory");
  }
}

/**
 * What a mail system that is stopped leaves behind: sockets, lock files, places for new queue files. Nothing of this is
 * mail or is of use.
 */
function leftBehind(directory: string): string[] {
  const name = basename(directory);
  return [...Deno.readDirSync(directory)].filter((entry) => {
    if (entry.isFile) return entry.name === "master.pid" || entry.name === "master.lock";
    const path = `${directory}/${entry.name}`;
    return entry.isDirectory
      ? path.endsWith(`/${NEW_FILES}`) && holdsNoFiles(path)
      : (name === "private" || name === "public") && Deno.lstatSync(path).isSocket === true;
  }).map((entry) => `${directory}/${entry.name}`);
}

function holdsNoFiles(directory: string): boolean {
  return [...Deno.readDirSync(directory)].every(({ name, isDirectory }) =>
    isDirectory && holdsNoFiles(`${directory}/${name}`)
  );
}

/** Is everything in a directory going to be removed as well? */
function willBeEmpty(path: string, removed: ReadonlySet<string>): boolean {
  const left = leftBehind(path);
  return [...Deno.readDirSync(path)].map(({ name }) => `${path}/${name}`).every((each) =>
    removed.has(each) || left.includes(each)
  );
}

/** What uninstalling will do, in order: last installed, first removed. Changes nothing. */
export function planUninstall(manifest: string): Removal[] {
  const removed = new Set<string>([manifest]);
  const plan: Removal[] = [];
  for (const entry of readManifest(manifest).reverse()) {
    let removal = judge(entry);
    if (entry.kind === "directory" && removal.action === "remove" && !willBeEmpty(entry.path, removed)) {
      removal = { entry, action: "keep", reason: "it is not empty" };
    }
    if ("path" in entry && removal.action === "remove") removed.add(entry.path);
    plan.push(removal);
  }
  const kept = plan.flatMap(({ entry, action }) => "path" in entry && action === "keep" ? [entry.path] : []);
  return plan.map((removal) =>
    ownsOne(removal.entry, kept)
      ? { entry: removal.entry, action: "keep", reason: "directories that belong to it stay" }
      : removal
  );
}

/** Does an account own one of these? Then it must stay as well, or its number is given to somebody else. */
function ownsOne(account: Entry, paths: readonly string[]): boolean {
  if (account.kind !== "user" && account.kind !== "group") return false;
  const uid = account.kind === "user" ? lookupUser(account.name)?.uid : undefined;
  const gid = account.kind === "group" ? lookupGroup(account.name)?.gid : undefined;
  return paths.some((path) => {
    const info = present(path);
    return info !== undefined && (info.uid === uid || info.gid === gid);
  });
}

/** The programs among what would be removed that are running: the mail system must be stopped first. */
export function runningPrograms(plan: readonly Removal[]): string[] {
  return plan.flatMap(({ entry, action }) => {
    if (action !== "remove" || !("path" in entry)) return [];
    const program = entry.kind === "tree" ? `${entry.path}/postel` : entry.path;
    return program.endsWith("/postel") && inUse(program) ? [program] : [];
  });
}

/** Removes what the plan says, and the manifest. If something can't be removed, the manifest stays; throws. */
export function uninstall(manifest: string, plan: readonly Removal[]): void {
  const all = readManifest(manifest);
  Deno.removeSync(manifest);
  try {
    for (const { entry, action } of plan) {
      if (action !== "remove") continue;
      if (entry.kind === "directory") {
        leftBehind(entry.path).forEach((path) => Deno.removeSync(path, { recursive: true }));
      }
      if (!("path" in entry)) removeAccount(entry);
      else Deno.removeSync(entry.path, { recursive: entry.kind === "tree" });
    }
  } catch (error) {
    writeManifest(manifest, all);
    throw error;
  }
}
