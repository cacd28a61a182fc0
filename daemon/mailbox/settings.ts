import { type Config, ConfigError } from "../../core/config/types.ts";

export interface MailboxSettings {
  /** `mailbox_delivery_lock`: any of `fcntl`, `flock`, `dotlock`. */
  readonly locks: ReadonlySet<string>;
  /** `deliver_lock_attempts` and `deliver_lock_delay` (seconds). */
  readonly lockAttempts: number;
  readonly lockDelay: number;
  /** `stale_lock_time` (seconds): a dotlock older than this is removed. */
  readonly staleLockTime: number;
  /** `mailbox_size_limit` in bytes, 0 for none. */
  readonly sizeLimit: number;
  /** `strict_mailbox_ownership`: the file must belong to the recipient. */
  readonly strictOwnership: boolean;
}

const LOCKS = ["fcntl", "flock", "dotlock"];

/**
 * Reads the parameters of mailbox writing; `virtual` has its own limit and lock parameters. Throws `ConfigError` for
 * unknown locks and for a limit that messages of allowed size exceed.
 */
export function mailboxSettings(config: Config, agent: "local" | "virtual"): MailboxSettings {
  const limit = agent === "virtual" ? "virtual_mailbox_limit" : "mailbox_size_limit";
  const lock = agent === "virtual" ? "virtual_mailbox_lock" : "mailbox_delivery_lock";
  const locks = new Set(config.list(lock));
  for (const name of locks) {
    if (!LOCKS.includes(name)) {
      throw new ConfigError(
        `${lock}: unknown locking method "${name}": use ${LOCKS.join(", ")}`,
        config.origin(lock),
      );
    }
  }
  const sizeLimit = config.int(limit);
  const messageLimit = config.int("message_size_limit");
  if (sizeLimit > 0 && messageLimit === 0) {
    throw new ConfigError(
      `configuration error: ${limit} is limited but message_size_limit is unlimited`,
      config.origin(limit),
    );
  }
  if (sizeLimit > 0 && sizeLimit < messageLimit) {
    throw new ConfigError(
      `configuration error: ${limit} is smaller than message_size_limit`,
      config.origin(limit),
    );
  }
  return {
    locks,
    lockAttempts: config.int("deliver_lock_attempts"),
    lockDelay: config.seconds("deliver_lock_delay"),
    staleLockTime: config.seconds("stale_lock_time"),
    sizeLimit,
    strictOwnership: config.bool("strict_mailbox_ownership"),
  };
}
