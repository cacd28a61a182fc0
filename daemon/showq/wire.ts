import type { AttributeWriter } from "../../core/ipc/mod.ts";
import type { ListedRecipient, ListedText, ListingHead, ListingSink } from "../../core/queue/mod.ts";

/** Which form of the listing goes out: Postfix 3.11 added two attributes to every recipient. */
export type ShowqLevel = "3.7" | "3.11";

/** Writes a listing as attributes, message after message. */
export class ListingWriter implements ListingSink {
  constructor(readonly writer: AttributeWriter, readonly level: ShowqLevel) {}

  begin({ queue, id, time, size, forcedExpire, sender }: ListingHead): void {
    this.writer
      .text("queue_name", queue)
      .text("queue_id", id)
      .long("time", time)
      .long("size", size)
      .integer("forced_expire", forcedExpire ? 1 : 0)
      .range("sender", sender.bytes, sender.start, sender.end);
  }

  recipient(
    address: ListedText,
    original: ListedText,
    log: ListedRecipient["log"],
    reason: ListedText,
  ): void {
    const { writer } = this;
    if (this.level === "3.7") {
      // Before 3.11 only the defer log was listed.
      if (log === "bounce") return;
      writer.range("recipient", address.bytes, address.start, address.end);
    } else {
      writer
        .range("original_recipient", original.bytes, original.start, original.end)
        .range("recipient", address.bytes, address.start, address.end)
        .text("log_class", log);
    }
    writer.range("reason", reason.bytes, reason.start, reason.end);
  }

  end(): void {
    this.writer.end();
  }
}
