import process from "node:process";
import {
  addDirectory,
  emptyShape,
  type Shape,
  type ShapeCounts,
  type ShapeOptions,
} from "../core/queue/mod.ts";
import { getopt, type ParsedOptions, UsageError } from "./getopt.ts";
import { FatalError, print, runTool } from "./queue_tool.ts";

export const help = `
Usage: qshape [-lps] [-b buckets] [-t minutes] [-m subdomains] [-n domains] [-N messages] [-w width] [-c config_dir]
              [--json] [queue...]

Counts queued recipients by domain and age. Queues: incoming and active, or those named (deferred, hold, maildrop,
or absolute paths).

  -s        by sender instead of by recipient
  -p        parent domains too, with a leading dot; -m N: from N subdomains on (5)
  -b N      number of age ranges (10)
  -t N      minutes of the first range (5); each further one is twice as long, with -l equally long
  -n N      on a terminal and with --json: the first N domains only (20 on a terminal)
  -N N      on a terminal: show what is counted so far after each N messages (1000)
  -w N      columns (80)
  -c DIR    configuration directory
  --json    for programs
`;

const USAGE = `Usage: qshape [ -s ] [ -p ] [ -m <min_subdomains> ] [ -l ]
\t[ -b <bucket_count> ] [ -t <bucket_time> ] [ -w <terminal_width> ]
\t[ -N <batch_msg_count> ] [ -n <batch_top_domains> ]
\t[ -c <config_directory> ] [ --json ] [ <queue_name> ... ]`;

const TERMINAL_DOMAINS = 20;
const TERMINAL_BATCH = 1000;
const CLEAR_SCREEN = "\x1b[H\x1b[2J\x1b[3J";
const SMALLEST_WIDTH = 80;
const SMALLEST_NAME = 18;
/** Exit code of wrong usage and of queues that can't be read. */
const FAILURE = 255;

/** `qshape`. */
export async function run(args: string[]): Promise<number> {
  let parsed: ParsedOptions;
  const json = args.includes("--json");
  try {
    parsed = getopt(args.filter((word) => word !== "--json"), "lhc:psw:b:t:m:n:N:");
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    console.error(`qshape: ${error.message}\n${USAGE}`);
    return FAILURE;
  }
  const given = (wanted: string) => parsed.options.some(({ letter }) => letter === wanted);
  const last = (wanted: string) => parsed.options.findLast(({ letter }) => letter === wanted)?.value;
  if (given("h")) {
    console.error(USAGE);
    return FAILURE;
  }
  const positive = (letter: string, fallback: number) => {
    const value = Number(last(letter) ?? fallback);
    return Number.isFinite(value) && value > 0 ? value : fallback;
  };
  const onTerminal = process.stdout.isTTY && !json;
  const most = onTerminal ? positive("n", TERMINAL_DOMAINS) : json ? positive("n", 0) : 0;
  const table = (shape: Shape) =>
    print(
      (onTerminal ? CLEAR_SCREEN : "") +
        formatTable(
          shape,
          rowsOf(shape, positive("m", 5), most),
          options,
          Math.max(positive("w", SMALLEST_WIDTH), SMALLEST_WIDTH),
        ),
    );
  const options: ShapeOptions = {
    buckets: Math.floor(positive("b", 10)),
    minutes: positive("t", 5),
    linear: given("l"),
    bySender: given("s"),
    parents: given("p"),
    now: Math.floor(Date.now() / 1000),
    ...(onTerminal ? { batch: { messages: Math.ceil(positive("N", TERMINAL_BATCH)), show: table } } : {}),
  };
  return await runTool("qshape", FAILURE, last("c"), ({ config }) => {
    const queue = config.string("queue_directory");
    const names = parsed.operands.length > 0 ? parsed.operands : ["incoming", "active"];
    const shape = emptyShape(options);
    for (const name of names) {
      try {
        addDirectory(shape, name.startsWith("/") ? name : `${queue}/${name}`, options);
      } catch (error) {
        if (!(error instanceof Deno.errors.NotFound || error instanceof Deno.errors.PermissionDenied)) {
          throw error;
        }
        throw new FatalError(
          error instanceof Deno.errors.NotFound
            ? `${name}: there is no such queue directory`
            : `${name}: only root and the mail system's user may read the queue`,
        );
      }
    }
    if (json) print(formatJson(shape, rowsOf(shape, positive("m", 5), most), names, options));
    else table(shape);
    return 0;
  }, { toMailLog: false });
}

type Row = readonly [domain: string, counts: ShapeCounts];

/** The domains with most mail first. */
function rowsOf(shape: Shape, leastSubdomains: number, most: number): Row[] {
  const rows = [...shape.domains].filter(([domain]) =>
    !domain.startsWith(".") || (shape.subdomains.get(domain) ?? 0) >= leastSubdomains
  );
  rows.sort(([one, first], [other, second]) =>
    second[0]! - first[0]! || one.length - other.length || (one < other ? -1 : 1)
  );
  return most > 0 ? rows.slice(0, most) : rows;
}

/** The upper age of each range in minutes; the last one is open. */
function limitsOf({ buckets, minutes, linear }: ShapeOptions): number[] {
  const limits: number[] = [];
  for (let index = 1, limit = minutes; index < buckets; index++) {
    limits.push(limit);
    limit = linear ? limit + minutes : limit * 2;
  }
  return limits;
}

function formatTable(shape: Shape, rows: readonly Row[], options: ShapeOptions, width: number): string {
  const limits = limitsOf(options);
  const open = `${limits.at(-1) ?? 0}+`;
  const heads = ["T", ...limits.map(String), open];
  const widths = heads.map((head, index) => {
    const longest = Math.max(String(shape.total[index] ?? 0).length, head.length);
    return longest > 2 ? longest + 1 : 3;
  });
  const nameWidth = Math.max(width - widths.reduce((sum, each) => sum + each, 0), SMALLEST_NAME);
  const line = (name: string, cells: readonly (string | number)[]) =>
    fitted(name, nameWidth) + cells.map((cell, index) => String(cell).padStart(widths[index]!)).join("") +
    "\n";
  return line("", heads) + line("TOTAL", shape.total) +
    rows.map(([domain, counts]) => line(domain, counts)).join("");
}

/** Names that are too long lose their beginning. */
function fitted(name: string, width: number): string {
  if (name.length <= width) return name.padStart(width);
  return name.startsWith(".") ? `.+${name.slice(2 - width)}` : `+${name.slice(1 - width)}`;
}

function formatJson(
  shape: Shape,
  rows: readonly Row[],
  queues: readonly string[],
  options: ShapeOptions,
): string {
  const limits = limitsOf(options);
  const entry = (counts: ShapeCounts) => ({ total: counts[0], ages: counts.slice(1) });
  return JSON.stringify(
    {
      queues,
      by: options.bySender ? "sender" : "recipient",
      // Upper end of each range in minutes; null: no end.
      age_limits: [...limits, null],
      ...entry(shape.total),
      skipped_files: shape.skipped,
      domains: rows.map(([domain, counts]) => ({ domain, ...entry(counts) })),
    },
    undefined,
    2,
  ) + "\n";
}
