import type { Fields } from "../../core/log/mod.ts";
import type { Config } from "../../core/config/types.ts";
import type { Recipient } from "../../core/queue/types.ts";
import { toExternal } from "../../core/address/mod.ts";
import { formatDelays, splitDelays } from "./delays.ts";
import type { DeliveryTimes } from "./types.ts";

/** How log lines show addresses and delays. */
export interface LineStyle {
  /** `info_log_address_format`: quoted where RFC 5321 wants it (`external`), or as they are. */
  readonly addresses: "external" | "internal";
  /** `delay_logging_resolution_limit`: digits behind the point. */
  readonly resolution: number;
}

/** Reads the two parameters that decide how delivery lines look. */
export function lineStyle(config: Config): LineStyle {
  return {
    addresses: config.string("info_log_address_format") === "internal" ? "internal" : "external",
    resolution: config.int("delay_logging_resolution_limit"),
  };
}

/** An address between `<` and `>` of a log line; empty stays empty. */
export function logAddress(address: string, style: LineStyle): string {
  return style.addresses === "internal" || address === "" ? address : toExternal(address);
}

/** `sent`, `deferred` ... as log analysers know them. */
export type DeliveryStatus =
  | "sent"
  | "deferred"
  | "bounced"
  | "SOFTBOUNCE"
  | "deliverable"
  | "undeliverable"
  /** With `address_verify_negative_cache = no`. */
  | "undeliverable-but-not-cached";

/** What a delivery line says beside the message and the recipient. */
export interface LineDetail {
  readonly relay: string;
  readonly dsn: string;
  readonly status: DeliveryStatus;
  readonly reason: string;
}

/** The line about one recipient, and the same as fields for structured logs. */
export interface DeliveryLine {
  readonly text: string;
  readonly fields: Fields;
}

/**
 * `ID: to=<...>, orig_to=<...>, relay=..., conn_use=..., delay=..., delays=a/b/c/d, dsn=..., status=... (reason)`
 * @param now seconds, for a delivery without a `delivered` time
 */
export function deliveryLine(
  queueId: string,
  recipient: Recipient,
  times: DeliveryTimes,
  detail: LineDetail,
  style: LineStyle,
  now: number,
): DeliveryLine {
  const to = logAddress(recipient.address, style);
  const differs = recipient.original !== "" && recipient.original !== recipient.address &&
    recipient.original.toLowerCase() !== recipient.address.toLowerCase();
  const originalTo = differs ? logAddress(recipient.original, style) : undefined;
  const delays = splitDelays(times, now);
  const text = `${queueId}: to=<${to}>${
    originalTo === undefined ? "" : `, orig_to=<${originalTo}>`
  }, relay=${detail.relay}${times.reuse > 1 ? `, conn_use=${times.reuse}` : ""}, ${
    formatDelays(delays, style.resolution)
  }, dsn=${detail.dsn}, status=${detail.status} (${detail.reason})`;
  return {
    text,
    fields: {
      queue_id: queueId,
      to,
      orig_to: originalTo,
      relay: detail.relay,
      conn_use: times.reuse > 1 ? times.reuse : undefined,
      delay: microseconds(delays.total),
      delay_before_queue: microseconds(delays.parts[0]),
      delay_in_queue: microseconds(delays.parts[1]),
      delay_connect: microseconds(delays.parts[2]),
      delay_transmit: microseconds(delays.parts[3]),
      dsn: detail.dsn,
      status: detail.status,
      reason: detail.reason,
    },
  };
}

/** Seconds with as many digits as were measured. */
function microseconds(seconds: number): number {
  return Math.round(seconds * 1e6) / 1e6;
}
