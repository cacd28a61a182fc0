import { type Config, ConfigError } from "../../core/config/types.ts";
import { CleanupFlag } from "./types.ts";

/** What each word of `receive_override_options` takes away. */
const TAKES_AWAY: Readonly<Record<string, number>> = {
  no_unknown_recipient_checks: 0,
  no_address_mappings: CleanupFlag.Bcc | CleanupFlag.Map,
  no_header_body_checks: CleanupFlag.Filter,
  no_milters: CleanupFlag.Milter,
};

/** `flags` without what `receive_override_options` disables. Throws `ConfigError` for an unknown word. */
export function receiveOverride(config: Config, flags: number): number {
  for (const word of config.list("receive_override_options")) {
    const bits = TAKES_AWAY[word.toLowerCase()];
    if (bits === undefined) {
      const known = Object.keys(TAKES_AWAY).join(", ");
      throw new ConfigError(
        `unknown receive_override_options value "${word}": specify some of ${known}`,
        config.origin("receive_override_options"),
      );
    }
    flags &= ~bits;
  }
  return flags;
}
