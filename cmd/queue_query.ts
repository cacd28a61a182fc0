/** What the commands of `postel queue` share: the filters as given, and the messages that they pick. */
import {
  addressPattern,
  domainPattern,
  isQueueId,
  LISTED_QUEUES,
  type ListedMessage,
  parseAge,
  parseSizeBound,
  type QueueName,
  type Selection,
  selects,
} from "../core/queue/mod.ts";
import { listedMessages } from "./queue_messages.ts";
import { Progress } from "./queue_progress.ts";
import type { Tool } from "./queue_tool.ts";

/** The options as commander names them; every command has some of them. */
export interface QueryOptions {
  readonly config?: string;
  readonly from?: readonly string[];
  readonly to?: readonly string[];
  readonly domain?: readonly string[];
  readonly older?: string;
  readonly younger?: string;
  readonly size?: string;
  readonly reason?: string;
  readonly queue?: string;
  readonly limit?: string;
  readonly format?: "table" | "json" | "csv";
  readonly json?: boolean;
  readonly csv?: boolean;
  readonly sort?: "age" | "size" | "from" | "to" | "queue";
  readonly reverse?: boolean;
  readonly by?: string;
  readonly lines?: string;
  readonly senders?: boolean;
  readonly first?: string;
  readonly columns?: string;
  readonly linear?: boolean;
  readonly dryRun?: boolean;
  readonly yes?: boolean;
  readonly all?: boolean;
  readonly release?: boolean;
  readonly interval?: string;
}

/** A filter or option that can't be used; the message says which. */
export class UsageProblem extends Error {
  override readonly name = "UsageProblem";
}

/** Which messages are wanted. */
export interface Query {
  readonly selection: Selection;
  readonly limit: number;
  /** Neither an id nor a filter was given. */
  readonly everything: boolean;
}

/** A whole number of an option. Throws `UsageProblem`. */
export function wholeNumber(option: string, text: string, least: number): number {
  const value = /^\d{1,9}$/.test(text) ? Number(text) : -1;
  if (value < least) throw new UsageProblem(`${option} ${text}: use a whole number from ${least} on`);
  return value;
}

/** Reads an option's value with a parser that throws `RangeError` or `SyntaxError`. */
export function optionValue<T>(option: string, text: string, parse: (text: string) => T): T {
  try {
    return parse(text);
  } catch (error) {
    if (!(error instanceof RangeError || error instanceof SyntaxError)) throw error;
    throw new UsageProblem(`${option}: ${error.message}`);
  }
}

/** Takes `value` in unless it is undefined: an absent filter has no property. */
function given<K extends string, T>(name: K, value: T | undefined): { [P in K]?: T } {
  return value === undefined ? {} : { [name]: value } as { [P in K]?: T };
}

function queueNames(text: string): QueueName[] {
  return text.split(/[\s,]+/).filter((name) => name !== "").map((name) => {
    const known = LISTED_QUEUES.find((queue) => queue === name);
    if (known === undefined) {
      throw new UsageProblem(`--queue ${name}: the queues are ${LISTED_QUEUES.join(", ")}`);
    }
    return known;
  });
}

/** Ids from the command line, those of standard input included. */
async function readIds(operands: readonly string[]): Promise<string[]> {
  const ids: string[] = [];
  for (const operand of operands) {
    if (operand !== "-") ids.push(operand);
    else ids.push(...(await new Response(Deno.stdin.readable).text()).split(/\s+/).filter((id) => id !== ""));
  }
  for (const id of ids) {
    if (!isQueueId(id)) throw new UsageProblem(`"${id.slice(0, 60)}" is no queue id`);
  }
  return ids;
}

/** The query that operands and options describe. Throws `UsageProblem`. */
export async function readQuery(
  tool: Tool,
  operands: readonly string[],
  options: QueryOptions,
): Promise<Query> {
  const empty = tool.config.string("empty_address_recipient");
  const patterns = (texts: readonly string[] | undefined) =>
    texts?.map((text) => addressPattern(text, empty));
  const to = [...patterns(options.to) ?? []];
  const domains = options.domain?.map(domainPattern);
  const ids = await readIds(operands);
  const selection: Selection = {
    ...given("ids", operands.length === 0 ? undefined : new Set(ids)),
    ...given("queues", options.queue === undefined ? undefined : queueNames(options.queue)),
    ...given("from", patterns(options.from)),
    ...given("to", to.length + (domains?.length ?? 0) === 0 ? undefined : [...to, ...domains ?? []]),
    ...given("olderThan", options.older && optionValue("--older", options.older, parseAge)),
    ...given("youngerThan", options.younger && optionValue("--younger", options.younger, parseAge)),
    ...given("size", options.size && optionValue("--size", options.size, parseSizeBound)),
    ...given(
      "reason",
      options.reason && optionValue("--reason", options.reason, (text) => new RegExp(text, "i")),
    ),
  } as Selection;
  return {
    selection,
    limit: options.limit === undefined ? Infinity : wholeNumber("--limit", options.limit, 1),
    everything: Object.keys(selection).length === 0 && options.limit === undefined,
  };
}

/** The messages that a query picks, in batches as the listing brings them. */
export async function* pickedMessages(tool: Tool, query: Query): AsyncGenerator<readonly ListedMessage[]> {
  const now = Date.now() / 1000;
  const progress = new Progress("looked at");
  let left = query.limit;
  // Ids are unique: with the last of them found there is nothing more to look for.
  let missing = query.selection.ids?.size ?? Infinity;
  let seen = 0;
  try {
    for await (const batch of listedMessages(tool)) {
      const picked: ListedMessage[] = [];
      for (const message of batch) {
        if (query.selection.ids?.has(message.id)) missing -= 1;
        if (left > picked.length && selects(query.selection, message, now)) picked.push(message);
      }
      seen += batch.length;
      left -= picked.length;
      progress.show(seen);
      if (picked.length > 0) {
        progress.clear();
        yield picked;
      }
      if (left === 0 || missing === 0) return;
    }
  } finally {
    progress.clear();
  }
}
