import { JsonPrinter, type ListingPrinter, MailqPrinter } from "../core/queue/mod.ts";
import { listQueue } from "./queue_messages.ts";
import { printBytes, type Tool } from "./queue_tool.ts";

/** Text is printed in pieces of about this size; the first message at once. */
const PIECE = 65536;

/** Prints what was gathered. False when nobody reads any more. */
function flush({ output }: ListingPrinter): boolean {
  const ready = printBytes(output.view());
  output.clear(PIECE * 4);
  return ready;
}

/** `postqueue -p` and `-j`. Exit code 0; also when the reader of the output goes away early. */
export async function showQueue(tool: Tool, json: boolean): Promise<number> {
  const printer = json ? new JsonPrinter() : new MailqPrinter(tool.config.bool("enable_long_queue_ids"));
  let started = false;
  for await (const _ of listQueue(tool, printer)) {
    if (printer.output.length <= (started ? PIECE : 0)) continue;
    started = true;
    if (!flush(printer)) return 0;
  }
  printer.finish();
  flush(printer);
  return 0;
}
