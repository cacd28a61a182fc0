import type { AttributeReader, AttributeWriter } from "../../core/ipc/mod.ts";
import { queueIdFrom, queueNameFrom, readSendopts, sendoptsName, type WireLevel } from "../delivery/mod.ts";
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

/** Reads a message's queue id. Throws `AttributeError` for what can't be one. */
export async function readQueueId(reader: AttributeReader): Promise<string> {
  return queueIdFrom(await reader.text("queue_id"));
}

/** Reads them. Throws `AttributeError` for a queue or id that can't be. */
export async function readTarget(reader: AttributeReader): Promise<BounceTarget> {
  return {
    flags: await reader.integer("flags"),
    queueName: queueNameFrom(await reader.text("queue_name")),
    queueId: await readQueueId(reader),
    encoding: await reader.text("encoding"),
    sendopts: await readSendopts(reader),
    sender: await reader.text("sender"),
    envelopeId: await reader.text("envelope_id"),
    returnFlags: await reader.integer("ret_flags"),
  };
}
