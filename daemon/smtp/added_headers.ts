/** The headers that `flags=DORX` of a master.cf entry puts in front of a message, and the loop that one of them shows. */
import { toExternal } from "../../core/address/mod.ts";
import { decodeText } from "../../core/bytes/mod.ts";
import { type Queue, type Recipient, RecordType } from "../../core/queue/types.ts";
import type { DeliveryRequest } from "../delivery/types.ts";
import type { Attempt } from "./attempt.ts";
import { localDetail } from "./dsn.ts";

type Prefix = (request: DeliveryRequest, accepted: readonly Recipient[]) => string[];

/** What adds the header lines that `flags` asks for; undefined if it asks for none. */
export function headerPrefix(flags: string): Prefix | undefined {
  if (!/[DOR]/.test(flags)) return undefined;
  return (request, accepted) => {
    const first = accepted[0];
    const lines: string[] = [];
    if (flags.includes("R")) {
      lines.push(`Return-Path: <${request.sender === "" ? "" : toExternal(request.sender)}>`);
    }
    if (first === undefined) return lines;
    if (flags.includes("O") && first.original !== "") {
      lines.push(`X-Original-To: ${toExternal(first.original)}`);
    }
    if (flags.includes("D")) lines.push(`Delivered-To: ${toExternal(first.address)}`);
    return lines;
  };
}

/** Bounces recipients whose address stands in a Delivered-To: header already. Throws `QueueFileError`. */
export async function bounceLoops(queue: Pick<Queue, "openContent">, attempt: Attempt): Promise<void> {
  const { request } = attempt;
  const seen = new Set<string>();
  const reader = queue.openContent(request.queueName, request.queueId, request.contentOffset);
  try {
    let continued = false;
    while (reader.next() && (reader.end > reader.start || continued)) {
      const line = decodeText(reader.bytes.subarray(reader.start, reader.end));
      const match = continued ? null : /^delivered-to:\s*(.*?)\s*$/i.exec(line);
      if (match !== null) seen.add(match[1]!.toLowerCase());
      continued = reader.type === RecordType.Continued;
    }
  } finally {
    reader.close();
  }
  for (const recipient of attempt.left) {
    const address = toExternal(recipient.address);
    if (!seen.has(address.toLowerCase())) continue;
    const detail = localDetail("5.4.6", `mail forwarding loop for ${address}`);
    await attempt.failRecipient(recipient, "none", detail);
  }
  attempt.endSession();
}
