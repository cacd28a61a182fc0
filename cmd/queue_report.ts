/** The commands of `postel queue` that tell: list, top, age. */
import { AgeTable, type Group, type Grouping, type ListedMessage, Tally } from "../core/queue/mod.ts";
import { type Column, formatOf, outputWidth, RowWriter, shortAge, shortSize } from "./queue_format.ts";
import { pickedMessages, type QueryOptions, readQuery, wholeNumber } from "./queue_query.ts";
import { print, type Tool } from "./queue_tool.ts";

/** Columns of `list`. @param now seconds */
export function messageColumns(now: number, longIds: boolean): readonly Column<ListedMessage>[] {
  return [
    { title: "ID", name: "id", value: ({ id }) => id, width: longIds ? 16 : 12 },
    {
      title: "QUEUE",
      name: "queue",
      value: ({ queue }) => queue,
      shown: ({ queue, forcedExpire }) => forcedExpire ? `${queue}#` : queue,
      width: 9,
    },
    {
      title: "AGE",
      name: "arrival_time",
      value: ({ time }) => time,
      shown: ({ time }) => shortAge(now - time),
      right: true,
      width: 6,
    },
    {
      title: "SIZE",
      name: "size",
      value: ({ size }) => size,
      shown: ({ size }) => shortSize(size),
      right: true,
      width: 5,
    },
    { title: "FROM", name: "sender", value: ({ sender }) => sender, width: 28 },
    {
      title: "TO",
      name: "recipients",
      value: ({ recipients }) => recipients.map(({ address }) => address),
      shown: ({ recipients }) => {
        const first = recipients[0]?.address ?? "";
        return recipients.length > 1 ? `${first} +${recipients.length - 1}` : first;
      },
      width: 30,
    },
    { title: "REASON", name: "reason", value: reasonOf },
  ];
}

/** The first reason that a message has. */
function reasonOf({ recipients }: ListedMessage): string {
  return recipients.find(({ reason }) => reason !== "")?.reason ?? "";
}

type Order = (a: ListedMessage, b: ListedMessage) => number;

function byText(text: (message: ListedMessage) => string): Order {
  return (a, b) => text(a) < text(b) ? -1 : text(a) > text(b) ? 1 : a.time - b.time;
}

const ORDERS: Readonly<Record<NonNullable<QueryOptions["sort"]>, Order>> = {
  age: (a, b) => a.time - b.time,
  size: (a, b) => b.size - a.size,
  from: byText(({ sender }) => sender),
  to: byText(({ recipients }) => recipients[0]?.address ?? ""),
  queue: byText(({ queue }) => queue),
};

/** All messages of a query in order, limited only then: the first of a sorted list are the largest, the oldest ... */
async function sorted(tool: Tool, ids: readonly string[], options: QueryOptions): Promise<ListedMessage[]> {
  const query = await readQuery(tool, ids, options);
  const messages: ListedMessage[] = [];
  for await (const batch of pickedMessages(tool, { ...query, limit: Infinity })) messages.push(...batch);
  messages.sort(ORDERS[options.sort ?? "age"]);
  if (options.reverse === true) messages.reverse();
  return messages.slice(0, query.limit);
}

/** `postel queue list`. */
export async function runList(tool: Tool, ids: readonly string[], options: QueryOptions): Promise<number> {
  const format = formatOf(options);
  const columns = messageColumns(Date.now() / 1000, tool.config.bool("enable_long_queue_ids"));
  const writer = new RowWriter(columns, format);
  let count = 0;
  let bytes = 0;
  const add = (messages: readonly ListedMessage[]): boolean => {
    count += messages.length;
    for (const { size } of messages) bytes += size;
    return writer.write(messages);
  };
  if (options.sort !== undefined || options.reverse === true) {
    add(await sorted(tool, ids, options));
  } else {
    const query = await readQuery(tool, ids, options);
    for await (const batch of pickedMessages(tool, query)) if (!add(batch)) return 0;
  }
  if (format === "table") {
    print(count === 0 ? "No messages\n" : `${count} message${count === 1 ? "" : "s"}, ${shortSize(bytes)}\n`);
  }
  return 0;
}

/** `postel queue top`. */
export async function runTop(tool: Tool, ids: readonly string[], options: QueryOptions): Promise<number> {
  const lines = wholeNumber("--lines", options.lines ?? "20", 1);
  const query = await readQuery(tool, ids, options);
  const tally = new Tally(options.by as Grouping);
  for await (const batch of pickedMessages(tool, query)) for (const message of batch) tally.add(message);
  const now = Date.now() / 1000;
  const columns: Column<Group>[] = [
    { title: "MESSAGES", name: "messages", value: ({ messages }) => messages, right: true },
    { title: "RCPTS", name: "recipients", value: ({ recipients }) => recipients, right: true },
    {
      title: "SIZE",
      name: "bytes",
      value: ({ bytes }) => bytes,
      shown: ({ bytes }) => shortSize(bytes),
      right: true,
    },
    {
      title: "OLDEST",
      name: "oldest",
      value: ({ oldest }) => oldest,
      shown: ({ oldest }) => shortAge(now - oldest),
      right: true,
    },
    { title: tally.by.toUpperCase(), name: "key", value: ({ key }) => key },
  ];
  new RowWriter(columns, formatOf(options)).write(tally.top(lines));
  return 0;
}

/** `postel queue age`: the distribution that qshape(1) shows. */
export async function runAges(tool: Tool, ids: readonly string[], options: QueryOptions): Promise<number> {
  const scale = {
    first: wholeNumber("--first", options.first ?? "5", 1),
    columns: wholeNumber("--columns", options.columns ?? "10", 2),
    linear: options.linear === true,
  };
  const lines = wholeNumber("--lines", options.lines ?? "20", 1);
  const query = await readQuery(tool, ids, options);
  const table = new AgeTable(scale, options.senders === true, Date.now() / 1000);
  for await (const batch of pickedMessages(tool, query)) for (const message of batch) table.add(message);
  const titles = [...table.limits.map(String), `${table.limits.at(-1)}+`];
  const columns: Column<ReturnType<AgeTable["rows"]>[number]>[] = [
    { title: "DOMAIN", name: "domain", value: ({ key }) => key, shown: ({ key }) => key },
    { title: "T", name: "total", value: ({ total }) => total, right: true },
    ...titles.map((title, column) => ({
      title,
      name: column < table.limits.length ? `below_${title}_minutes` : "older",
      value: ({ counts }: { counts: number[] }) => counts[column]!,
      right: true,
    })),
  ];
  new RowWriter(columns, formatOf(options), Math.max(outputWidth(), 80)).write(table.rows(lines));
  return 0;
}
