import type { TemplateName } from "../../core/dsn/mod.ts";
import { Notify } from "../../core/queue/mod.ts";
import { type BounceTarget, DeliveryFlag } from "../delivery/types.ts";
import type { BounceSettings } from "./settings.ts";

/** `ret_flags`: RET=HDRS. */
const RETURN_HEADERS = 2;

/** One notice to be sent. */
export interface NoticePlan {
  readonly from: string;
  readonly to: string;
  readonly template: TemplateName;
  /** A postmaster's copy has no text. */
  readonly copy: boolean;
  readonly headersOnly: boolean;
  /** Only recipients who asked for this kind of report (`Notify` bit); undefined: all. */
  readonly asked?: number;
  /** `sender non-delivery notification` */
  readonly logAs: string;
}

/** The kinds of flush, as far as their rules differ. */
export type NoticeKind = "failure" | "delay" | "trace";

/** The postmaster's share in mail that came from the null sender: there is nobody else to tell. */
export function toPostmaster(settings: BounceSettings, kind: NoticeKind): NoticePlan | undefined {
  const from = settings.doubleBounceSender;
  if (kind === "trace") {
    if (!settings.notify.has("2bounce")) return undefined;
    return {
      from,
      to: settings.twiceBouncedRecipient,
      template: "success",
      copy: false,
      headersOnly: true,
      logAs: "sender delivery status notification",
    };
  }
  if (kind === "delay") {
    if (!settings.notify.has("delay")) return undefined;
    return {
      from,
      to: settings.delayNoticeRecipient,
      template: "delay",
      copy: true,
      headersOnly: false,
      logAs: "postmaster delay notification",
    };
  }
  if (!settings.notify.has("2bounce") && !settings.notify.has("bounce")) return undefined;
  return {
    from,
    to: settings.twiceBouncedRecipient,
    template: "failure",
    copy: true,
    headersOnly: false,
    logAs: "postmaster non-delivery notification",
  };
}

/** What the sender is told; `to` is the address for it. */
export function toSender(kind: NoticeKind, target: BounceTarget, to: string): NoticePlan {
  const from = "";
  if (kind === "trace") {
    const wanted = (target.flags & (DeliveryFlag.ProbeUser | DeliveryFlag.ReportUser)) !== 0;
    return {
      from,
      to,
      template: wanted ? "verify" : "success",
      copy: false,
      headersOnly: true,
      logAs: "sender delivery status notification",
    };
  }
  return kind === "delay"
    ? {
      from,
      to,
      template: "delay",
      copy: false,
      headersOnly: true,
      asked: Notify.Delay,
      logAs: "sender delay notification",
    }
    : {
      from,
      to,
      template: "failure",
      copy: false,
      headersOnly: target.returnFlags === RETURN_HEADERS,
      asked: Notify.Failure,
      logAs: "sender non-delivery notification",
    };
}

/** The postmaster's copy of what a sender was told; undefined if `notify_classes` does not ask for it. */
export function copyFor(settings: BounceSettings, kind: NoticeKind): NoticePlan | undefined {
  if (kind === "trace" || !settings.notify.has(kind === "failure" ? "bounce" : "delay")) return undefined;
  return {
    from: settings.doubleBounceSender,
    to: kind === "failure" ? settings.bounceNoticeRecipient : settings.delayNoticeRecipient,
    template: kind,
    copy: true,
    headersOnly: true,
    logAs: `postmaster ${kind === "failure" ? "non-delivery" : "delay"} notification`,
  };
}
