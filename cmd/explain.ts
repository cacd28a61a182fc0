import { Command, CommanderError } from "commander";
import { ConfigError, loadConfig } from "../core/config/mod.ts";
import { createResolver } from "../core/dns/mod.ts";
import { TableError } from "../core/table/mod.ts";
import { explainRecipient, formatExplanation } from "../daemon/explain/mod.ts";
import { print } from "./queue_tool.ts";

export const help = `
Usage: postel explain rcpt ADDRESS [options]

Walks one recipient through the configuration and prints each step with the parameter and table line that
decided it. No mail is sent and nothing is changed.

  --from SENDER       envelope sender (default: the null sender)
  --client IP         client address (default: 192.0.2.1, a stranger)
  --client-name NAME  the client's verified host name (default: unknown)
  --helo NAME         what the client says in EHLO
  --service NAME      the smtpd of master.cf that takes the mail (default: the first one)
  --no-dns            decide without DNS
  -c DIR              configuration directory
  --json              the same for programs

Exit code: 0 accepted, 1 refused, 64 wrong usage, 78 unusable configuration.
`;

/** An address that belongs to nobody (RFC 5737): a client of no network that main.cf may list. */
const STRANGER = "192.0.2.1";
const EX_USAGE = 64;
const EX_CONFIG = 78;

interface Options {
  readonly from: string;
  readonly client: string;
  readonly clientName: string;
  readonly helo?: string;
  readonly service?: string;
  readonly dns: boolean;
  readonly config?: string;
  readonly json?: boolean;
}

/** `postel explain`. */
export async function run(args: string[]): Promise<number> {
  let code = 0;
  const program = new Command("postel explain").exitOverride();
  program.command("rcpt")
    .argument("<address>")
    .description("what would become of a message to this address")
    .option("--from <sender>", "envelope sender", "")
    .option("--client <ip>", "client address", STRANGER)
    .option("--client-name <name>", "verified host name of the client", "unknown")
    .option("--helo <name>", "what the client says in EHLO")
    .option("--service <name>", "smtpd service of master.cf")
    .option("--no-dns", "decide without DNS")
    .option("-c, --config <dir>", "configuration directory")
    .option("--json", "print JSON")
    .action(async (address: string, options: Options) => {
      code = await explain(address, options);
    });
  try {
    await program.parseAsync(args, { from: "user" });
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : EX_USAGE;
    if (error instanceof RangeError) {
      console.error(`postel explain: ${error.message}`);
      return EX_USAGE;
    }
    if (!(error instanceof ConfigError || error instanceof TableError)) throw error;
    console.error(`postel explain: fatal: ${error.message}`);
    return EX_CONFIG;
  }
  return code;
}

async function explain(address: string, options: Options): Promise<number> {
  const config = loadConfig(options.config === undefined ? {} : { directory: options.config });
  const explanation = await explainRecipient(config, {
    recipient: address.replace(/^<(.*)>$/, "$1"),
    sender: options.from.replace(/^<(.*)>$/, "$1"),
    clientAddress: options.client,
    clientName: options.clientName,
    helo: options.helo,
    ...(options.service === undefined ? {} : { service: options.service }),
    ...(options.dns ? { resolver: createResolver() } : {}),
  });
  print(options.json ? JSON.stringify(explanation, undefined, 2) + "\n" : formatExplanation(explanation));
  return explanation.accepted ? 0 : 1;
}
