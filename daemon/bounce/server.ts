import { writeAll } from "../../core/bytes/mod.ts";
import { messageOf } from "../../core/errors/mod.ts";
import {
  announcement,
  AttributeError,
  AttributeReader,
  AttributeWriter,
  type ByteSink,
  type ByteSource,
} from "../../core/ipc/mod.ts";
import type { LogName } from "../../core/queue/mod.ts";
import { type BounceService } from "../delivery/types.ts";
import { isDsnAction, readDsn, readRecipient } from "../delivery/mod.ts";
import { BounceRequest, BounceStatus, readQueueId, readTarget } from "./protocol.ts";

/**
 * Serves one connection to `private/bounce`, `private/defer` or `private/trace`: announces itself, takes one request,
 * answers. The caller closes. Problems with the request or the service are answered with a failure and told to `warn`.
 * @param name the log that the socket stands for
 */
export async function serveBounce(
  connection: ByteSource & ByteSink,
  service: BounceService,
  name: LogName,
  warn: (text: string) => void,
): Promise<void> {
  const writer = new AttributeWriter();
  await writeAll(connection, announcement("bounce"));
  const reader = new AttributeReader(connection);
  if (await reader.atEnd()) return;
  let status: number = BounceStatus.Ok;
  try {
    await perform(reader, service, name);
  } catch (error) {
    status = BounceStatus.Failed;
    warn(`${name} service: ${messageOf(error)}`);
    // A client that went away in the middle of its request reads no answer.
    if (error instanceof AttributeError && error.kind === "eof") return;
  }
  await writer.integer("status", status).end().flush(connection);
}

async function perform(reader: AttributeReader, service: BounceService, name: LogName): Promise<void> {
  const request = await reader.integer("nrequest");
  switch (request) {
    case BounceRequest.Append: {
      const flags = await reader.integer("flags");
      const queueId = await readQueueId(reader);
      const recipient = await readRecipient(reader);
      const { action, ...detail } = await readDsn(reader);
      await reader.end();
      if (action === undefined || !isDsnAction(action)) {
        throw new AttributeError("syntax", "An entry without action");
      }
      return await service.append(name, queueId, flags, recipient, action, detail);
    }
    case BounceRequest.Flush:
    case BounceRequest.Trace: {
      const target = await readTarget(reader);
      await reader.end();
      return await service.flush(request === BounceRequest.Trace ? "trace" : name, target);
    }
    case BounceRequest.FlushVerp: {
      const target = await readTarget(reader);
      const verpDelimiters = await reader.text("verp_delimiters");
      await reader.end();
      if (verpDelimiters.length !== 2) {
        throw new AttributeError("syntax", `VERP delimiters must be two characters, not "${verpDelimiters}"`);
      }
      return await service.flush(name, { ...target, verpDelimiters });
    }
    case BounceRequest.Warn: {
      const target = await readTarget(reader);
      await reader.end();
      return await service.warn(target);
    }
    case BounceRequest.One: {
      const target = await readTarget(reader);
      const recipient = await readRecipient(reader);
      const { action: _action, ...detail } = await readDsn(reader);
      await reader.end();
      return await service.one(target, recipient, detail);
    }
    default:
      throw new AttributeError("syntax", `Unknown request ${request}`);
  }
}
