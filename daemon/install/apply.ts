import { dirname } from "node:path";
import { writeManifest } from "./manifest.ts";
import type { InstallPlan } from "./plan.ts";
import { makeDirectories } from "./steps.ts";
import type { Entry } from "./types.ts";

/**
 * Does the steps of a plan. The manifest is written after each one, so that an installation that fails half way can be
 * taken back too. Throws what the failing step threw.
 */
export function applyPlan(plan: InstallPlan, manifest: string, done: (text: string) => void): void {
  const entries: Entry[] = [...plan.earlier, ...makeDirectories(dirname(manifest))];
  for (const step of plan.steps) {
    entries.push(...step.act());
    writeManifest(manifest, entries);
    done(step.text);
  }
}
