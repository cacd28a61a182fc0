import { Command, CommanderError, Option } from "commander";
import { type Grouping, GROUPINGS, type MessageAction } from "../core/queue/mod.ts";
import { runAction } from "./queue_act.ts";
import { type QueryOptions, UsageProblem } from "./queue_query.ts";
import { runAges, runList, runTop } from "./queue_report.ts";
import { runShow } from "./queue_show.ts";
import { runTool, type Tool } from "./queue_tool.ts";

export const help = `
Usage: postel queue COMMAND [filters] [ID...]

  list       messages, one a line                  hold     put on hold
  show       all about messages                    release  release from hold
  top        groups: by domain, sender, reason     requeue  hand in again
  age        ages by domain                        expire   return to the sender
  watch      live view of the queue and the log    delete   remove

Filters (all commands; all that are given must hold):
  --from, --to ADDRESS   joe@example.com, example.com, .example.com (subdomains too), *@*.example, <>
  --domain DOMAIN        a recipient's domain
  --older, --younger AGE 90s, 30m, 2h, 1d12h, 1w
  --size BOUND           +1M: that or more; -10k: that or less
  --reason REGEX         in the reason why a message waits
  --queue NAMES          active, deferred, hold, ...
  --limit N              the first N of them
  ID...                  these messages; - reads ids from standard input

Output: --format table|json|csv, --sort age|size|from|to|queue, --reverse. Actions: --dry-run, --yes, --all.
"postel queue COMMAND --help" tells more.
`;

/** The exit code of wrong usage (sysexits.h EX_USAGE). */
const EX_USAGE = 64;

const ACTIONS: readonly (readonly [string, MessageAction, string])[] = [
  ["hold", "hold", "put messages on hold"],
  ["release", "release", "release messages from hold"],
  ["requeue", "requeue", "hand messages in again, so that they are rewritten and routed anew"],
  ["delete", "delete", "remove messages for good, without telling anybody"],
  ["expire", "expire", "return messages to their senders at the next delivery attempt"],
];

function filters(command: Command): Command {
  const many = (value: string, before: string[] = []) => [...before, value];
  return command
    .option("-c, --config <dir>", "the configuration directory")
    .option("--from <address>", "sender: an address, a domain, a pattern with *, <> (repeatable)", many)
    .option("--to <address>", "recipient, likewise (repeatable)", many)
    .option("--domain <domain>", "recipient's domain; .example.com for subdomains too (repeatable)", many)
    .option("--older <age>", "arrived that long ago or longer: 90s, 30m, 2h, 1d12h, 1w")
    .option("--younger <age>", "arrived less long ago")
    .option("--size <bound>", "+1M: that or more; -10k: that or less")
    .option("--reason <regex>", "found in the reason why a message waits")
    .option("--queue <names>", "queues, separated by commas")
    .option("--limit <n>", "no more messages than that")
    .argument("[id...]", "queue ids; - reads them from standard input");
}

function output(command: Command): Command {
  return command
    .addOption(new Option("--format <form>", "form of the output").choices(["table", "json", "csv"]))
    .option("--json", "the same as --format json")
    .option("--csv", "the same as --format csv");
}

/** What commander hands to an action: the operands, then the options. */
type Handler = (tool: Tool, ids: string[], options: QueryOptions) => Promise<number>;

/** `postel queue`. Exit code 0; 1 if something failed or nothing was confirmed, 64 for wrong usage. */
export async function run(args: string[]): Promise<number> {
  let code = 0;
  const program = new Command("postel queue").exitOverride().description("look at the queue and work on it");
  const handle = (handler: Handler) => async (ids: string[], options: QueryOptions) => {
    code = await runTool("queue", 1, options.config, (tool) => handler(tool, ids, options), {
      toMailLog: true,
      tag: "postsuper",
    });
  };
  output(filters(program.command("list").description("list messages")))
    .addOption(
      new Option("--sort <by>", "order").choices(["age", "size", "from", "to", "queue"]),
    )
    .option("--reverse", "the other way round")
    .action(handle(runList));
  output(filters(program.command("show").description("show all about messages"))).action(handle(runShow));
  output(filters(program.command("top").description("count messages by group, largest groups first")))
    .addOption(
      new Option("--by <group>", "what to group by").choices(GROUPINGS).default("domain" satisfies Grouping),
    )
    .option("-n, --lines <n>", "so many groups", "20")
    .action(handle(runTop));
  output(filters(program.command("age").description("count recipients by domain and age")))
    .option("--senders", "count messages by sender's domain")
    .option("--first <minutes>", "age of the first column", "5")
    .option("--columns <n>", "number of columns", "10")
    .option("--linear", "steps of the same length, instead of doubling")
    .option("-n, --lines <n>", "so many domains", "20")
    .action(handle(runAges));
  for (const [name, action, description] of ACTIONS) {
    const command = filters(program.command(name).description(description))
      .option("--dry-run", "only show what would be done")
      .option("-y, --yes", "do not ask")
      .option("--all", "all messages, where neither an id nor a filter is given");
    if (name === "expire") command.option("--release", "release them from hold as well");
    command.action(handle((tool, ids, options) => {
      const chosen = options.release === true ? "expire-and-release" : action;
      return runAction(tool, name, chosen, ids, options);
    }));
  }
  program.command("watch").description("a live view; q ends it")
    .option("-c, --config <dir>", "the configuration directory")
    .option("--interval <age>", "time between two looks", "2s")
    .action(async (options: QueryOptions) => {
      const { runWatch } = await import("./queue_watch.ts");
      code = await runTool("queue", 1, options.config, (tool) => runWatch(tool, options), {
        toMailLog: false,
      });
    });
  try {
    await program.parseAsync(args, { from: "user" });
  } catch (error) {
    if (error instanceof UsageProblem) {
      console.error(`postel queue: ${error.message}`);
      return EX_USAGE;
    }
    if (!(error instanceof CommanderError)) throw error;
    return error.exitCode === 0 ? 0 : EX_USAGE;
  }
  return code;
}
