import { Command, CommanderError } from "commander";
import { ConfigError, loadConfig } from "../core/config/mod.ts";
import { compatibilityReport, formatReport } from "../daemon/adopt/mod.ts";
import { print } from "./queue_tool.ts";

export const help = `
Usage: postel adopt --check [-c config_dir] [--json]

Reads an existing Postfix configuration and reports what of it works here as it is, what works in another way, what is
accepted without effect and what is not there. Nothing is changed.

Exit code: 0 nothing is missing, 1 something is, 2 the mail system would not start, 64 wrong usage.
`;

const EX_USAGE = 64;
const CODES = { ready: 0, "with losses": 1, blocked: 2 } as const;

interface Options {
  readonly check?: boolean;
  readonly config?: string;
  readonly json?: boolean;
}

/** `postel adopt`. */
export async function run(args: string[]): Promise<number> {
  const program = new Command("postel adopt").exitOverride()
    .option("--check", "report what works; nothing is changed")
    .option("-c, --config <dir>", "configuration directory")
    .option("--json", "print JSON");
  try {
    program.parse(args, { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    return error.exitCode === 0 ? 0 : EX_USAGE;
  }
  const options = program.opts<Options>();
  if (options.check !== true) {
    console.error(
      "postel adopt: there is nothing to convert: use --check, then start with this configuration",
    );
    return EX_USAGE;
  }
  try {
    const config = loadConfig(options.config === undefined ? {} : { directory: options.config });
    const report = await compatibilityReport(config);
    print(options.json ? JSON.stringify(report, undefined, 2) + "\n" : formatReport(report));
    return CODES[report.verdict];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    console.error(`postel adopt: fatal: ${error.message}`);
    return CODES.blocked;
  }
}
