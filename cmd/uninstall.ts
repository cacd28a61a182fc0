import { Command, CommanderError } from "commander";
import { messageOf } from "../core/errors/mod.ts";
import { programFile } from "../core/system/mod.ts";
import { layoutFor, planUninstall, type Removal, runningPrograms, uninstall } from "../daemon/install/mod.ts";
import { absolutePath, PathError } from "./install_paths.ts";

export const help = `
Usage: postel uninstall [--prefix DIR] [--dry-run]

Takes back what "postel install" with the same prefix put in place. Mail is never removed, nor a file that was
changed since, nor a directory that is not empty; what stays is named.

  --prefix DIR   where the programs are (default: where this program is installed, else /usr/local)
  --dry-run      show what would be done, and do nothing
`;

function subject({ entry }: Removal): string {
  return "path" in entry ? entry.path : `the ${entry.kind} ${entry.name}`;
}

/** The prefix below which this very program stands as `sbin/postel`. */
function ownPrefix(): string {
  const file = programFile() ?? "";
  return file.endsWith("/sbin/postel") ? file.slice(0, -"/sbin/postel".length) : "/usr/local";
}

/** `postel uninstall`. Exit code 0, 1 if there is nothing to uninstall or it fails, 64 for wrong usage. */
export function run(args: string[]): Promise<number> {
  const command = new Command("uninstall")
    .exitOverride()
    .description("take back what install put in place")
    .option("--prefix <dir>", "where the programs are", ownPrefix())
    .option("--dry-run", "show what would be done");
  try {
    command.parse(args, { from: "user" });
    const words = command.opts<{ prefix: string; dryRun?: boolean }>();
    const { manifest } = layoutFor(absolutePath("--prefix", words.prefix), "");
    const plan = planUninstall(manifest);
    if (plan.length === 0) {
      console.error(`postel uninstall: nothing is installed with this prefix: there is no ${manifest}`);
      return Promise.resolve(1);
    }
    const running = runningPrograms(plan);
    if (running.length > 0) {
      console.error(`postel uninstall: ${running.join(" and ")} is running: stop the mail system first`);
      return Promise.resolve(1);
    }
    const dryRun = words.dryRun === true;
    if (!dryRun) uninstall(manifest, plan);
    for (const removal of plan) {
      if (removal.action === "keep") console.log(`kept ${subject(removal)}: ${removal.reason}`);
      else if (removal.action === "remove") {
        console.log(`${dryRun ? "would remove" : "removed"} ${subject(removal)}`);
      }
    }
    return Promise.resolve(0);
  } catch (error) {
    if (error instanceof CommanderError) return Promise.resolve(error.exitCode === 0 ? 0 : 64);
    console.error(`postel uninstall: ${messageOf(error)}`);
    return Promise.resolve(error instanceof PathError ? 64 : 1);
  }
}
