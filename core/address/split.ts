/** An address in internal form taken apart at its last `@`; `domain` is undefined if there is none. */
export interface AddressParts {
  readonly local: string;
  readonly domain: string | undefined;
}

/** Splits at the last `@`. */
export function splitLocalDomain(address: string): AddressParts {
  const at = address.lastIndexOf("@");
  return at === -1
    ? { local: address, domain: undefined }
    : { local: address.slice(0, at), domain: address.slice(at + 1) };
}

/** Which local parts are never split. */
export interface ExtensionRules {
  /** `recipient_delimiter`: any of these characters separates user and extension; empty: no extensions. */
  readonly delimiters: string;
  /** `owner_request_special`: `owner-x` and `x-request` are whole names even if `-` is a delimiter. */
  readonly ownerRequestSpecial: boolean;
  /** `double_bounce_sender` is not split either. */
  readonly doubleBounceSender: string;
}

/** A user name and its extension, without the delimiter that stood between them. */
export interface UserExtension {
  readonly user: string;
  readonly extension: string;
  readonly delimiter: string;
}

/**
 * Splits `joe+lists` into user and extension at the first delimiter after the first character; undefined if there is
 * nothing to split. Built-in names (postmaster, MAILER-DAEMON, the double-bounce sender) stay whole.
 */
export function splitExtension(local: string, rules: ExtensionRules): UserExtension | undefined {
  const { delimiters } = rules;
  if (delimiters === "") return undefined;
  let at = -1;
  for (let i = 1; i < local.length; i++) {
    if (delimiters.includes(local[i]!)) {
      at = i;
      break;
    }
  }
  // Leading delimiters belong to the name; so does a trailing one only if nothing precedes it.
  if (at < 1) return undefined;
  const lower = local.toLowerCase();
  if (
    lower === "postmaster" || lower === "mailer-daemon" || lower === rules.doubleBounceSender.toLowerCase()
  ) {
    return undefined;
  }
  if (rules.ownerRequestSpecial && delimiters.includes("-")) {
    if (lower.startsWith("owner-") || lower.endsWith("-request")) return undefined;
  }
  return { user: local.slice(0, at), extension: local.slice(at + 1), delimiter: local[at]! };
}
