/**
 * The delivery request protocol of Postfix (docs/ipc.md): the queue manager connects to `private/<transport>`, the
 * agent announces itself, takes one request with its recipients, and answers when it is through with all of them.
 */
import { writeAll } from "../../core/bytes/mod.ts";
import { reasonOf } from "../../core/errors/mod.ts";
import {
  announcement,
  AttributeError,
  AttributeReader,
  AttributeWriter,
  type ByteSink,
  type ByteSource,
  readAnnouncement,
} from "../../core/ipc/mod.ts";
import type { Recipient } from "../../core/queue/types.ts";
import { decodeTimes, encodeTimes } from "./stats_codec.ts";
import { type DeliveryAgent, type DeliveryReply, type DeliveryRequest, MESSAGE_ATTRIBUTES } from "./types.ts";
import {
  queueIdFrom,
  queueNameFrom,
  readDsn,
  readRecipient,
  readSendopts,
  sendoptsName,
  type WireLevel,
  writeDsn,
  writeRecipient,
} from "./wire.ts";

/** More recipients than any queue manager puts into one request. */
const MOST_RECIPIENTS = 1_000_000;

/** A connection to the other side. */
export type Conversation = ByteSource & ByteSink;

/** Writes a request and its recipients. */
export function writeRequest(writer: AttributeWriter, request: DeliveryRequest, level: WireLevel): void {
  writer.integer("flags", request.flags)
    .text("queue_name", request.queueName)
    .text("queue_id", request.queueId)
    .long("offset", request.contentOffset)
    .long("size", request.messageSize)
    .text("nexthop", request.nexthop)
    .text("encoding", request.encoding)
    .integer(sendoptsName(level), request.sendopts)
    .text("sender", request.sender)
    .text("envelope_id", request.envelopeId)
    .integer("ret_flags", request.returnFlags)
    .bytes("time", encodeTimes(request.times));
  for (const name of MESSAGE_ATTRIBUTES) writer.text(name, request.attributes.get(name) ?? "");
  writer.integer("recipient_count", request.recipients.length).end();
  for (const recipient of request.recipients) {
    writeRecipient(writer, recipient);
    writer.end();
  }
}

/** Reads a request. Throws `AttributeError` if it is not one. */
export async function readRequest(reader: AttributeReader): Promise<DeliveryRequest> {
  const flags = await reader.integer("flags");
  const queueName = queueNameFrom(await reader.text("queue_name"));
  const queueId = queueIdFrom(await reader.text("queue_id"));
  const contentOffset = await reader.long("offset");
  const messageSize = await reader.long("size");
  const nexthop = await reader.text("nexthop");
  const encoding = await reader.text("encoding");
  const sendopts = await readSendopts(reader);
  const sender = await reader.text("sender");
  const envelopeId = await reader.text("envelope_id");
  const returnFlags = await reader.integer("ret_flags");
  const times = decodeTimes(await reader.bytes("time"));
  if (times === undefined) throw new AttributeError("syntax", 'Attribute "time" has another length than 88');
  const attributes = new Map<string, string>();
  if (encoding !== "") attributes.set("encoding", encoding);
  for (const name of MESSAGE_ATTRIBUTES) {
    const value = await reader.text(name);
    if (value !== "") attributes.set(name, value);
  }
  const count = await reader.integer("recipient_count");
  await reader.end();
  if (count < 0 || count > MOST_RECIPIENTS) {
    throw new AttributeError("limit", `A request with ${count} recipients`);
  }
  const recipients: Recipient[] = [];
  for (let index = 0; index < count; index++) {
    recipients.push(await readRecipient(reader));
    await reader.end();
  }
  return {
    flags,
    queueName,
    queueId,
    contentOffset,
    contentSize: messageSize,
    messageSize,
    nexthop,
    encoding,
    sendopts,
    sender,
    envelopeId,
    returnFlags,
    times,
    attributes,
    recipients,
  };
}

/**
 * Serves one connection on an agent's socket until the peer closes it. A peer that goes away without a request is
 * normal; one that breaks the protocol is an `AttributeError`. The caller closes the connection.
 * @param beforeReply called before each answer
 */
export async function serveDelivery(
  connection: Conversation,
  agent: DeliveryAgent,
  beforeReply: () => void = () => {},
): Promise<void> {
  const writer = new AttributeWriter();
  await writeAll(connection, announcement("delivery"));
  const reader = new AttributeReader(connection);
  while (!(await reader.atEnd())) {
    const request = await readRequest(reader);
    // Postfix's queue manager leaves this one to the agent.
    request.times.agent = Date.now() / 1000;
    const reply = await agent.deliver(request);
    beforeReply();
    writeDsn(writer, reply.destinationTrouble, "");
    await writer.integer("status", reply.finished ? 0 : -1).end().flush(connection);
  }
}

/** What a queue manager is told when there is no agent to talk to. */
export const UNAVAILABLE = { status: "4.3.0", reason: "mail transport unavailable" } as const;
/** What it is told when the agent broke off. */
export const BROKEN = { status: "4.3.0", reason: "unknown mail transport error" } as const;

/**
 * The agent behind the socket at `path`. Every delivery has a connection of its own, as with Postfix's queue manager.
 * An agent that can't be reached, or that goes away without an answer, leaves the recipients undelivered and reports
 * `transportTrouble`.
 */
export function createRemoteAgent(path: string, level: WireLevel = "3.11"): DeliveryAgent {
  return {
    async deliver(request) {
      let connection: Deno.UnixConn;
      try {
        connection = await Deno.connect({ transport: "unix", path });
      } catch (error) {
        return { finished: false, transportTrouble: { ...UNAVAILABLE, cause: reasonOf(error) } };
      }
      try {
        return await converse(connection, request, level);
      } catch (error) {
        return { finished: false, transportTrouble: { ...BROKEN, cause: reasonOf(error) } };
      } finally {
        connection.close();
      }
    },
  };
}

async function converse(
  connection: Conversation,
  request: DeliveryRequest,
  level: WireLevel,
): Promise<DeliveryReply> {
  const reader = new AttributeReader(connection);
  await readAnnouncement(reader, "delivery");
  const writer = new AttributeWriter();
  writeRequest(writer, request, level);
  await writer.flush(connection);
  const detail = await readDsn(reader);
  const status = await reader.integer("status");
  await reader.end();
  return {
    finished: status === 0,
    ...(detail.reason === "" ? {} : { destinationTrouble: detail }),
  };
}
