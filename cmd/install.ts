import { Command, CommanderError } from "commander";
import { messageOf } from "../core/errors/mod.ts";
import { packedForm, programFile } from "../core/system/mod.ts";
import {
  applyPlan,
  type CommandText,
  type InstallOptions,
  layoutFor,
  planInstall,
} from "../daemon/install/mod.ts";
import { completionScript } from "./completion.ts";
import { VERSION } from "./help.ts";
import { absolutePath, PathError } from "./install_paths.ts";
import { commands } from "./registry.ts";

export const help = `
Usage: postel install [--prefix DIR] [--config-directory DIR] [--create-users] [--dry-run]

Puts this program and all its command names in place: the program and links for postfix, postconf, sendmail
and the others, manual pages, completions, a systemd unit (and an OpenRC script where OpenRC is); as root
also a configuration where there is none, and the directories for mail with their owners. A configuration
that is there stays as it is, and nothing that belongs to another program is overwritten.

  --prefix DIR             where programs go (default: /usr/local)
  --config-directory DIR   the configuration (default: /etc/postfix)
  --create-users           make the user and group that main.cf names (postfix, postdrop) if they are missing
  --dry-run                show what would be done, and do nothing
`;

/** Where each shell looks for completions, below the prefix. */
const COMPLETIONS = [
  ["bash", "share/bash-completion/completions/postel"],
  ["zsh", "share/zsh/site-functions/_postel"],
  ["fish", "share/fish/vendor_completions.d/postel.fish"],
] as const;

async function commandTexts(): Promise<CommandText[]> {
  return await Promise.all(commands.map(async ({ name, summary, load }) => ({
    name,
    summary,
    help: (await load()).help ?? "",
  })));
}

async function installOptions(
  program: string,
  words: { prefix: string; configDirectory: string; createUsers?: boolean },
): Promise<InstallOptions> {
  const packed = packedForm();
  return {
    layout: layoutFor(
      absolutePath("--prefix", words.prefix),
      absolutePath("--config-directory", words.configDirectory),
    ),
    commands: await commandTexts(),
    completions: new Map(COMPLETIONS.map(([shell, path]) => [path, completionScript(shell)! + "\n"])),
    createUsers: words.createUsers === true,
    program,
    ...(packed === undefined ? {} : {
      packed: {
        directory: packed.directory,
        version: packed.directory.slice(packed.directory.lastIndexOf("/") + 1),
      },
    }),
  };
}

/** `postel install`. Exit code 0, 1 if something stands in the way or fails, 64 for wrong usage. */
export async function run(args: string[]): Promise<number> {
  const command = new Command("install")
    .exitOverride()
    .description("install this program and its command names")
    .option("--prefix <dir>", "where programs go", "/usr/local")
    .option("--config-directory <dir>", "the configuration", "/etc/postfix")
    .option("--create-users", "make missing user and group")
    .option("--dry-run", "show what would be done");
  const program = programFile();
  if (program === undefined) {
    console.error(
      'postel install: this is not the program file: make it with "deno task compile", then run "dist/postel install"',
    );
    return 1;
  }
  try {
    command.parse(args, { from: "user" });
    const words = command.opts<
      { prefix: string; configDirectory: string; createUsers?: boolean; dryRun?: boolean }
    >();
    const options = await installOptions(program, words);
    const plan = planInstall(options, VERSION);
    for (const note of plan.notes) console.error(`postel install: note: ${note}`);
    if (plan.conflicts.length > 0) {
      for (const path of plan.conflicts) console.error(`postel install: ${path} belongs to another program`);
      console.error(
        "postel install: nothing was installed: remove the other program, or choose another --prefix",
      );
      return 1;
    }
    if (words.dryRun === true) {
      for (const { text } of plan.steps) console.log(`would ${text}`);
      return 0;
    }
    applyPlan(plan, options, (text) => console.log(text));
    console.log(`Installed. To take it back: ${options.layout.program} uninstall`);
    return 0;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 64;
    console.error(`postel install: ${messageOf(error)}`);
    return error instanceof PathError ? 64 : 1;
  }
}
