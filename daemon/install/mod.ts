/**
 * Puts the program into a system and takes it out again. `postel install` asks `planInstall` for the steps, shows them
 * or does them with `applyPlan`; what each step put in place goes into a manifest, from which `planUninstall` works.
 * Nothing of somebody else is ever overwritten; a configuration is written only where there is none.
 */
export { applyPlan } from "./apply.ts";
export { layoutFor } from "./layout.ts";
export { type InstallPlan, planInstall } from "./plan.ts";
export { planUninstall, type Removal, runningPrograms, uninstall } from "./uninstall.ts";
export type { CommandText, Entry, InstallOptions, Layout } from "./types.ts";
