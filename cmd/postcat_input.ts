import { readSync } from "node:fs";
import type { Config } from "../core/config/mod.ts";
import { reasonOf } from "../core/errors/mod.ts";
import {
  type ByteSource,
  fileSource,
  isQueueId,
  memorySource,
  openQueue,
  type QueueName,
} from "../core/queue/mod.ts";
import { FatalError } from "./queue_tool.ts";

/** A queue file to show. */
export interface PostcatInput {
  /** What the output calls it. */
  readonly name: string;
  readonly source: ByteSource;
  /** Set for files that were found in a queue. */
  readonly queue?: { readonly name: QueueName; readonly id: string };
}

const QUEUES: readonly QueueName[] = ["maildrop", "incoming", "active", "deferred", "hold", "corrupt"];

function readStandardInput(): Uint8Array {
  const pieces: Uint8Array[] = [];
  let length = 0;
  for (;;) {
    const piece = new Uint8Array(65536);
    const count = readSync(0, piece);
    if (count === 0) break;
    pieces.push(piece.subarray(0, count));
    length += count;
  }
  const all = new Uint8Array(length);
  let at = 0;
  for (const piece of pieces) {
    all.set(piece, at);
    at += piece.length;
  }
  return all;
}

/** A file by its name, or standard input; undefined for a directory, which has no records. Throws `FatalError`. */
export function openInput(name: string | undefined): PostcatInput | undefined {
  if (name === undefined) return { name: "stdin", source: memorySource(readStandardInput()) };
  try {
    const file = Deno.openSync(name);
    if (file.statSync().isDirectory) {
      file.close();
      return undefined;
    }
    return { name, source: fileSource(file) };
  } catch (error) {
    throw new FatalError(`open ${name}: ${reasonOf(error)}`);
  }
}

/** A file by its queue id. Throws `FatalError` if no queue has it. */
export function findQueueFile(config: Config, id: string): PostcatInput {
  if (!isQueueId(id)) throw new FatalError(`bad mail queue ID: ${id}`);
  const queue = openQueue(config);
  const prefix = `${config.string("queue_directory")}/`;
  let reason = "No such file or directory";
  for (const name of QUEUES) {
    const path = queue.path(name, id);
    try {
      const source = fileSource(Deno.openSync(path));
      return { name: path.slice(prefix.length), source, queue: { name, id } };
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) reason = reasonOf(error);
    }
  }
  throw new FatalError(`open queue file ${id}: ${reason}`);
}
