import type { Config } from "../../core/config/mod.ts";
import { type MailSettings, readMailSettings } from "../bounce/mod.ts";

/** Whose matter an error is (`notify_classes`). */
export type Blame = "bounce" | "policy" | "protocol" | "resource" | "software" | "data";

const BLAMES: readonly Blame[] = ["bounce", "policy", "protocol", "resource", "software", "data"];

/** What is told to whom. */
export interface NoticeSettings {
  readonly classes: ReadonlySet<Blame>;
  readonly recipient: string;
  /** Commands and replies that EHLO, RSET or the end of a message ends the transcript behind. */
  readonly flushThreshold: number;
  readonly sender: string;
  readonly hostname: string;
  readonly mail: MailSettings;
}

/** Reads the settings; undefined if nothing that a session can do is to be told. */
export function readNoticeSettings(config: Config): NoticeSettings | undefined {
  const named = config.list("notify_classes").map((word) => word.toLowerCase());
  const classes = new Set(BLAMES.filter((blame) => named.includes(blame)));
  if (classes.size === 0) return undefined;
  const hostname = config.string("myhostname");
  const sender = config.string("double_bounce_sender");
  return {
    classes,
    recipient: config.string("error_notice_recipient"),
    flushThreshold: config.int("smtpd_history_flush_threshold"),
    sender: sender.includes("@") ? sender : `${sender}@${hostname}`,
    hostname,
    mail: readMailSettings(config, "notify"),
  };
}
