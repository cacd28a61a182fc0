import { AttributeError, type AttributeReader, type AttributeWriter } from "../../core/ipc/mod.ts";
import { isQueueId, type QueueName } from "../../core/queue/mod.ts";
import { readSendopts, sendoptsName, type WireLevel } from "../delivery/mod.ts";
import type { BounceTarget } from "../delivery/types.ts";

/** `nrequest` of the bounce protocol. */
export const BounceRequest = {
  Append: 0,
  Flush: 1,
  Warn: 2,
  FlushVerp: 3,
  One: 4,
  Trace: 5,
} as const;

/** `status` of the answer. */
export const BounceStatus = { Ok: 0, Failed: -1 } as const;

const QUEUES: ReadonlySet<string> = new Set<QueueName>([
  "maildrop",
  "incoming",
  "active",
  "deferred",
  "hold",
  "corrupt",
]);

/** The attributes that say which message is meant, without the end of the list. */
export function writeTarget(writer: AttributeWriter, target: BounceTarget, level: WireLevel): void {
  writer.integer("flags", target.flags)
    .text("queue_name", target.queueName)
    .text("queue_id", target.queueId)
    .text("encoding", target.encoding)
    .integer(sendoptsName(level), target.sendopts)
    .text("sender", target.sender)
    .text("envelope_id", target.envelopeId)
    .integer("ret_flags", target.returnFlags);
}

/** A queue id that may become part of a path. */
export async function readQueueId(reader: AttributeReader): Promise<string> {
  const id = await reader.text("queue_id");
  if (!isQueueId(id)) throw new AttributeError("syntax", `Not a queue id: "${id.slice(0, 100)}"`);
  return id;
}

/** Reads them. Throws `AttributeError` for a queue or id that can't be. */
export async function readTarget(reader: AttributeReader): Promise<BounceTarget> {
  const flags = await reader.integer("flags");
  const queueName = await reader.text("queue_name");
  if (!QUEUES.has(queueName)) {
    throw new AttributeError("syntax", `No queue is called "${queueName.slice(0, 100)}"`);
  }
  return {
    flags,
    queueName: queueName as QueueName,
    queueId: await readQueueId(reader),
    encoding: await reader.text("encoding"),
    sendopts: await readSendopts(reader),
    sender: await reader.text("sender"),
    envelopeId: await reader.text("envelope_id"),
    returnFlags: await reader.integer("ret_flags"),
  };
}
