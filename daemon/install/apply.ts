import { dirname } from "node:path";
import { inUse } from "./in_use.ts";
import { isUninstalled, LAUNCHER_SIZE } from "./launcher.ts";
import { writeManifest } from "./manifest.ts";
import type { InstallPlan } from "./plan.ts";
import { makeDirectories, present } from "./steps.ts";
import type { Entry, InstallOptions } from "./types.ts";

/**
 * Does the steps of a plan. The manifest is written after each one, so that an installation that fails half way can be
 * taken back too. Throws what the failing step threw.
 */
export function applyPlan(plan: InstallPlan, options: InstallOptions, done: (text: string) => void): void {
  const { manifest } = options.layout;
  let entries: Entry[] = [...plan.earlier, ...makeDirectories(dirname(manifest))];
  for (const step of plan.steps) {
    entries.push(...step.act());
    writeManifest(manifest, entries);
    done(step.text);
  }
  entries = removeOldVersions(entries, options);
  writeManifest(manifest, entries);
  removeCache(options);
}

/** Removes unpacked versions of earlier installations that nothing runs from. Returns what is left. */
function removeOldVersions(entries: readonly Entry[], { layout, packed }: InstallOptions): Entry[] {
  const current = `${layout.versions}/${packed?.version ?? ""}`;
  return entries.filter((entry) => {
    if (entry.kind !== "tree" || entry.path === current || inUse(`${entry.path}/postel`)) return true;
    if (present(entry.path) !== undefined) Deno.removeSync(entry.path, { recursive: true });
    return false;
  });
}

/** Removes the copy that the program unpacked to run this installation: the installed one has its own. */
function removeCache({ program, packed }: InstallOptions): void {
  if (packed === undefined || inUse(`${packed.directory}/postel`)) return;
  const head = new Uint8Array(LAUNCHER_SIZE);
  const file = Deno.openSync(program, { read: true });
  try {
    file.readSync(head);
  } finally {
    file.close();
  }
  if (!isUninstalled(head)) return;
  Deno.removeSync(packed.directory, { recursive: true });
  try {
    Deno.removeSync(dirname(packed.directory));
  } catch {
    // Other versions are in it.
  }
}
