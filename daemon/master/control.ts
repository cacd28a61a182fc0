/**
 * How the master and its processes talk. Orders go to a process's standard input, one JSON object a line; the end of
 * that stream means that the master is gone. Reports come back on its standard output, marked so that log lines can
 * share the stream.
 */

/** What the master tells a process. */
export type Order =
  | { readonly order: "reload" }
  /** Finish what is under way within `seconds` and end. */
  | { readonly order: "stop"; readonly seconds: number }
  /** Take no new work, finish what is under way however long it takes, and end: a successor is running. */
  | { readonly order: "drain" };

/** What a process tells the master. */
export type Report =
  | { readonly report: "ready" }
  /** It can't start or can't take over a new configuration. */
  | { readonly report: "failed"; readonly text: string }
  /** It needs root again (a new port, a table that only root reads): start a successor. */
  | { readonly report: "replace"; readonly text: string };

/** First character of a report line; log lines never have control characters. */
const MARK = "\x01";
const encoder = new TextEncoder();

/** One line for the pipe. */
export function encodeOrder(order: Order): Uint8Array {
  return encoder.encode(JSON.stringify(order) + "\n");
}

/** Writes a report to standard output. */
export function sendReport(report: Report): void {
  try {
    Deno.stdout.writeSync(encoder.encode(MARK + JSON.stringify(report) + "\n"));
  } catch {
    // The master is gone; the end of standard input says so too.
  }
}

/** Splits a stream into lines. */
export async function* linesOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  let rest = "";
  const decoder = new TextDecoder();
  for await (const chunk of stream) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    yield* lines;
  }
  if (rest !== "") yield rest;
}

/** The report on a line of a process's output, or undefined for anything else (a log line). */
export function parseReport(line: string): Report | undefined {
  return line.startsWith(MARK) ? JSON.parse(line.slice(MARK.length)) as Report : undefined;
}

/** Orders as they come in on standard input; ends when the master is gone. */
export async function* incomingOrders(
  input: ReadableStream<Uint8Array> = Deno.stdin.readable,
): AsyncGenerator<Order> {
  for await (const line of linesOf(input)) {
    if (line !== "") yield JSON.parse(line) as Order;
  }
}
