import { errorText } from "../../core/system/mod.ts";

/** Why a mailbox could not be used, as the recipient's fate has it. */
export class MailboxError extends Error {
  override readonly name = "MailboxError";
  /**
   * @param status RFC 3463 code; its class says whether trying again can help
   * @param reason what was done, and why it did not work
   */
  constructor(readonly status: string, readonly reason: string) {
    super(reason);
  }
}

/** The system's name of an error (`ENOSPC`); empty for other errors. */
export function errorName(error: unknown): string {
  const { code } = error as { code?: unknown };
  return typeof code === "string" ? code : "";
}

/** What the system says about an error: `No space left on device`. */
export function systemReason(error: unknown): string {
  const { errno } = error as { errno?: unknown };
  if (typeof errno === "number" && errno !== 0) return errorText(Math.abs(errno));
  const text = error instanceof Error ? error.message : String(error);
  const number = /\(os error (\d+)\)/.exec(text)?.[1];
  return number === undefined ? text : errorText(Number(number));
}

/** Errors that go away by themselves or when somebody mends the system. */
const TRY_AGAIN = new Set(["EAGAIN", "ESTALE"]);
const SYSTEM = new Set(["ENOSPC", "EMFILE", "ENFILE", "ENOMEM", "EIO", "EROFS"]);
const FULL = new Set(["EDQUOT", "EFBIG"]);

/** The status for a failed operation on a mailbox; `standard` where the error does not say more. */
export function mailboxStatus(error: unknown, standard: string): string {
  const name = errorName(error);
  if (TRY_AGAIN.has(name)) return "4.2.0";
  if (SYSTEM.has(name)) return "4.3.0";
  if (FULL.has(name)) return "5.2.2";
  return standard;
}

/** An error as the operation's own: `cannot open file: Permission denied`. */
export function failed(what: string, error: unknown, standard: string): MailboxError {
  return new MailboxError(mailboxStatus(error, standard), `${what}: ${systemReason(error)}`);
}
