import { dirname } from "node:path";
import { isUninstalled, LAUNCHER_SIZE } from "./launcher.ts";
import { writeManifest } from "./manifest.ts";
import type { InstallPlan } from "./plan.ts";
import { makeDirectories } from "./steps.ts";
import type { Entry, InstallOptions } from "./types.ts";

/**
 * Does the steps of a plan. The manifest is written after each one, so that an installation that fails half way can be
 * taken back too. Throws what the failing step threw.
 */
export function applyPlan(plan: InstallPlan, options: InstallOptions, done: (text: string) => void): void {
  const { manifest } = options.layout;
  const entries: Entry[] = [...plan.earlier, ...makeDirectories(dirname(manifest))];
  for (const step of plan.steps) {
    entries.push(...step.act());
    writeManifest(manifest, entries);
    done(step.text);
  }
  removeCache(options);
}

/** Does another process run from this directory? Not knowing counts as yes. */
function inUse(directory: string): boolean {
  try {
    return [...Deno.readDirSync("/proc")].some(({ name }) => {
      if (!/^\d+$/.test(name) || Number(name) === Deno.pid) return false;
      try {
        return Deno.readLinkSync(`/proc/${name}/exe`).startsWith(`${directory}/`);
      } catch {
        return false;
      }
    });
  } catch {
    return true;
  }
}

/** Removes the copy that the program unpacked to run this installation: the installed one has its own. */
function removeCache({ program, packed }: InstallOptions): void {
  if (packed === undefined || inUse(packed.directory)) return;
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
