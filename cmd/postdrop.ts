import { readSync } from "node:fs";
import process from "node:process";
import { messageOf } from "../core/errors/mod.ts";
import { announcement } from "../core/ipc/mod.ts";
import { RecordCursor, RecordType } from "../core/queue/mod.ts";
import { type Post, postReply } from "../daemon/pickup/mod.ts";
import { getopt, UsageError } from "./getopt.ts";
import { FatalError, printBytes, runTool, type Tool, usageError } from "./queue_tool.ts";
import { requireSubmitRight, withPost } from "./submission.ts";

export const help = `
Usage: postdrop -r [-v] [-c config_dir]

  -r            speak the protocol of sendmail(1): records on standard input, answers on standard output
  -c config_dir the configuration directory
  -v            accepted
`;

const FAILURE = 1;
const CHUNK = 65536;

/** `postdrop`. Exit code 0 when the client has its answer (or went away), 1 for input that is refused. */
export async function run(args: string[], name: string): Promise<number> {
  let directory: string | undefined;
  try {
    const { options, operands } = getopt(args, "c:rv");
    if (operands.length > 0) throw new UsageError("");
    directory = options.findLast(({ letter }) => letter === "c")?.value;
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    const problem = error.message === "" ? undefined : error.message;
    return usageError(name, problem, `${name} [-c config_dir] [-v]`, FAILURE);
  }
  return await runTool(name, FAILURE, directory, accept);
}

async function accept(tool: Tool): Promise<number> {
  const uid = process.getuid?.() ?? 0;
  await requireSubmitRight(tool, uid);
  return await withPost(tool, { uid, failure: FAILURE, who: "" }, async (post) => {
    printBytes(announcement("postdrop", [["queue_id", post.queueId]]));
    const input = await copyInput(post, tool.config.int("line_length_limit"));
    if (input === "cut") {
      throw new FatalError(`uid=${uid}: malformed input: it ends in the middle of a record`);
    }
    if (input === "canceled") return 0;
    const result = await post.finish();
    printBytes(postReply(result));
    return result.status % 256;
  });
}

/** Hands standard input on record by record up to `E`; if it ends before, between records or in the middle of one. */
async function copyInput(post: Post, recordLimit: number): Promise<"complete" | "canceled" | "cut"> {
  let buffer = new Uint8Array(CHUNK);
  let filled = 0;
  for (;;) {
    if (filled === buffer.length) {
      const grown = new Uint8Array(buffer.length * 2);
      grown.set(buffer);
      buffer = grown;
    }
    const count = readSync(0, buffer, filled, buffer.length - filled, null);
    if (count === 0) return filled > 0 ? "cut" : "canceled";
    filled += count;
    const { used, ended } = wholeRecords(buffer.subarray(0, filled), recordLimit);
    await post.write(buffer.subarray(0, used));
    if (ended) return "complete";
    buffer.copyWithin(0, used, filled);
    filled -= used;
  }
}

function wholeRecords(bytes: Uint8Array, recordLimit: number): { used: number; ended: boolean } {
  const cursor = new RecordCursor(bytes, 0, recordLimit);
  try {
    while (cursor.next()) if (cursor.type === RecordType.End) return { used: cursor.end, ended: true };
  } catch (error) {
    throw new FatalError(`malformed input: ${messageOf(error)}`);
  }
  return { used: cursor.end, ended: false };
}
