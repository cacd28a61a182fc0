import { type NoticeSubject } from "../../core/dsn/mod.ts";
import { type ContentReader, type Queue, QueueFileError } from "../../core/queue/mod.ts";
import type { BounceTarget } from "../delivery/types.ts";

/** The message that notices are about, as far as it can still be read. */
export interface Original {
  readonly subject: NoticeSubject;
  /** Bytes, 0 if unknown. */
  readonly size: number;
  /** Starts the content again, for the next notice. */
  rewind(): void;
  close(): void;
}

/**
 * Opens the queue file. A notice goes out even if the message is gone or can't be read, only without it; `warn` is
 * told.
 * @param daemonAddress stands for the null sender
 */
export function openOriginal(
  queue: Pick<Queue, "readEnvelope" | "openContent">,
  target: BounceTarget,
  daemonAddress: string,
  warn: (text: string) => void,
): Original {
  const { queueName, queueId, envelopeId, sendopts, encoding } = target;
  const known = { queueId, envelopeId, sendopts, encoding };
  let content: ContentReader | undefined;
  try {
    const envelope = queue.readEnvelope(queueName, queueId, { recipientLimit: 1 });
    content = queue.openContent(queueName, queueId, envelope.contentOffset);
    const reader = content;
    return {
      subject: {
        ...known,
        sender: envelope.sender || daemonAddress,
        arrival: envelope.arrival.seconds,
        content,
      },
      size: envelope.messageSize,
      rewind: () => reader.rewind(),
      close: () => reader.close(),
    };
  } catch (error) {
    content?.close();
    if (!(error instanceof QueueFileError)) throw error;
    if (error.kind !== "missing") warn(`${queueId}: cannot return the message: ${error.message}`);
    return {
      subject: { ...known, sender: undefined, arrival: undefined, content: undefined },
      size: 0,
      rewind() {},
      close() {},
    };
  }
}
