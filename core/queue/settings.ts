import type { Config } from "../config/types.ts";

/** What a queue needs to know of main.cf. */
export interface QueueSettings {
  /** `queue_directory`, absolute. */
  readonly directory: string;
  /** `hash_queue_names`: queues and logs with hash directories. */
  readonly hashNames: readonly string[];
  /** `hash_queue_depth` */
  readonly hashDepth: number;
  /** `enable_long_queue_ids` */
  readonly longIds: boolean;
  /** `queue_file_attribute_count_limit` */
  readonly attributeLimit: number;
  /** `mail_owner`: whose files root makes in the queue. Without it they stay root's. */
  readonly mailOwner?: string;
  /** `backwards_bounce_logfile_compatibility`: the old first line of a log entry. */
  readonly oldLogLine: boolean;
}

/** Takes the queue settings from main.cf. Throws `ConfigError` for values of the wrong form. */
export function queueSettings(config: Config): QueueSettings {
  return {
    directory: config.string("queue_directory").replace(/\/+$/, ""),
    hashNames: config.list("hash_queue_names"),
    hashDepth: config.int("hash_queue_depth"),
    longIds: config.bool("enable_long_queue_ids"),
    attributeLimit: config.int("queue_file_attribute_count_limit"),
    mailOwner: config.string("mail_owner"),
    oldLogLine: config.bool("backwards_bounce_logfile_compatibility"),
  };
}
