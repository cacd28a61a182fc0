/** The commands of `postel queue` that change something. */
import {
  type ListedMessage,
  type MaintenanceReport,
  type MessageAction,
  QueueFileError,
  QueueMaintenance,
  queueSettings,
} from "../core/queue/mod.ts";
import { becomeMailOwner } from "./queue_owner.ts";
import { formatOf, RowWriter } from "./queue_format.ts";
import { Progress } from "./queue_progress.ts";
import { pickedMessages, type QueryOptions, readQuery, UsageProblem } from "./queue_query.ts";
import { messageColumns } from "./queue_report.ts";
import { FatalError, print, type Tool } from "./queue_tool.ts";

/** So many messages are shown before the question. */
const SAMPLE = 10;

const DONE: Readonly<Record<MessageAction, string>> = {
  delete: "Deleted",
  requeue: "Requeued",
  hold: "Placed on hold",
  release: "Released from hold",
  expire: "Marked as expired",
  "expire-and-release": "Marked as expired",
};

/** Queues where an action finds nothing to do. */
function suits(action: MessageAction, { queue, forcedExpire }: ListedMessage): boolean {
  switch (action) {
    case "delete":
      return true;
    case "release":
      return queue === "hold";
    case "hold":
      return queue !== "hold" && queue !== "maildrop";
    case "requeue":
      return queue !== "maildrop";
    case "expire":
      return queue !== "maildrop" && !forcedExpire;
    case "expire-and-release":
      return queue !== "maildrop" && (!forcedExpire || queue === "hold");
  }
}

function count(number: number): string {
  return `${number} message${number === 1 ? "" : "s"}`;
}

function sample(tool: Tool, messages: readonly ListedMessage[], all: boolean, options: QueryOptions): void {
  const shown = all ? messages : messages.slice(0, SAMPLE);
  const columns = messageColumns(Date.now() / 1000, tool.config.bool("enable_long_queue_ids"));
  new RowWriter(columns, formatOf(options)).write(shown);
  if (shown.length < messages.length) print(`... and ${messages.length - shown.length} more\n`);
}

/** Asks; only "y" and "yes" are a yes. */
function confirmed(question: string): boolean {
  return /^y(es)?$/i.test((prompt(`${question} [y/N]`) ?? "").trim());
}

/** `postel queue delete` and the like. Exit code 0, 1 if it was not confirmed or a file operation failed. */
export async function runAction(
  tool: Tool,
  name: string,
  action: MessageAction,
  ids: readonly string[],
  options: QueryOptions,
): Promise<number> {
  const query = await readQuery(tool, ids, options);
  if (query.everything && options.all !== true) {
    throw new UsageProblem(`${name}: give ids or filters, or --all for all messages`);
  }
  const messages: ListedMessage[] = [];
  for await (const batch of pickedMessages(tool, query)) {
    for (const message of batch) if (suits(action, message)) messages.push(message);
  }
  if (messages.length === 0) {
    print("No messages\n");
    return 0;
  }
  if (options.dryRun === true) {
    sample(tool, messages, true, options);
    print(`Would ${name} ${count(messages.length)}\n`);
    return 0;
  }
  if (options.yes !== true && Deno.stdin.isTerminal() && Deno.stdout.isTerminal()) {
    sample(tool, messages, false, options);
    if (!confirmed(`${name} ${count(messages.length)}?`)) {
      print("Nothing was done\n");
      return 1;
    }
  }
  const done = act(tool, action, messages);
  print(`${DONE[action]}: ${count(done)}\n`);
  if (done < messages.length) print(`No longer there: ${count(messages.length - done)}\n`);
  return 0;
}

function act(tool: Tool, action: MessageAction, messages: readonly ListedMessage[]): number {
  becomeMailOwner(tool);
  const report: MaintenanceReport = {
    done: (text) => tool.mailLog.info(text, "queue-maintenance"),
    warning: (text) => tool.log.warning(text),
    detail() {},
  };
  const maintenance = new QueueMaintenance(queueSettings(tool.config), report);
  const progress = new Progress("done with", messages.length);
  const everywhere = ["maildrop", "hold", "incoming", "active", "deferred"];
  let done = 0;
  try {
    for (const [index, { id }] of messages.entries()) {
      if (maintenance.one(action, id, everywhere)) done += 1;
      progress.show(index + 1);
    }
  } catch (error) {
    if (!(error instanceof QueueFileError)) throw error;
    throw new FatalError(`after ${count(done)}: ${error.message}`);
  } finally {
    maintenance.close();
    progress.clear();
  }
  return done;
}
