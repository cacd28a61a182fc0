import type { Config } from "../../core/config/types.ts";
import { CleanupFlag, receiveOverride } from "../cleanup/mod.ts";

/** What the handling of local submissions needs from main.cf. */
export interface PickupSettings {
  readonly myhostname: string;
  readonly mailName: string;
  readonly mailOwner: string;
  readonly recordLimit: number;
  readonly contentFilter: string;
  /** What cleanup is asked to do with new mail, and with mail that `postsuper -r` put back. */
  readonly newMailFlags: number;
  readonly requeuedFlags: number;
}

/** Throws `ConfigError`. */
export function pickupSettings(config: Config): PickupSettings {
  const { Bounce, Filter, Bcc, Map, Milter, AutoUtf8 } = CleanupFlag;
  const allowed = receiveOverride(config, Bounce | Filter | Bcc | Map | Milter);
  const classes = config.list("smtputf8_autodetect_classes").map((name) => name.toLowerCase());
  const detects = config.bool("smtputf8_enable") && (classes.includes("sendmail") || classes.includes("all"));
  return {
    myhostname: config.string("myhostname"),
    mailName: config.string("mail_name"),
    mailOwner: config.string("mail_owner"),
    recordLimit: config.int("line_length_limit"),
    contentFilter: config.string("content_filter"),
    newMailFlags: allowed | (detects ? AutoUtf8 : 0),
    requeuedFlags: allowed & ~Milter,
  };
}
