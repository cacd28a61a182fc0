import { constants } from "node:os";
import { messageOf } from "../../core/errors/mod.ts";
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

/** Numbers of the system's errors by name, and the other way round. */
const NUMBERS: Readonly<Record<string, number>> = constants.errno;
/** Of several names for a number the first by the alphabet counts: EAGAIN, not EWOULDBLOCK. */
const NAMES: ReadonlyMap<number, string> = new Map(
  Object.entries(NUMBERS).sort(([a], [b]) => a < b ? 1 : -1).map(([name, number]) => [number, name]),
);

/** The number of a system error, however it is told: 0 for other errors. */
function errorNumber(error: unknown): number {
  const { code, errno } = error as { code?: unknown; errno?: unknown };
  if (typeof errno === "number" && errno !== 0) return Math.abs(errno);
  if (typeof code === "number") return code;
  const known = typeof code === "string" ? NUMBERS[code] : undefined;
  if (known !== undefined) return known;
  if (error instanceof Deno.errors.NotFound) return constants.errno.ENOENT;
  if (error instanceof Deno.errors.AlreadyExists) return constants.errno.EEXIST;
  const text = messageOf(error);
  const number = /\(os error (\d+)\)/.exec(text)?.[1];
  if (number !== undefined) return Number(number);
  if (!(error instanceof Deno.errors.PermissionDenied)) return 0;
  return text.endsWith(errorText(constants.errno.EPERM)) ? constants.errno.EPERM : constants.errno.EACCES;
}

/** The system's name of an error (`ENOSPC`); empty for other errors. */
export function errorName(error: unknown): string {
  return NAMES.get(errorNumber(error)) ?? "";
}

/** What the system says about an error: `No space left on device`. */
export function systemReason(error: unknown): string {
  const number = errorNumber(error);
  if (number !== 0) return errorText(number);
  return messageOf(error);
}

/** Errors that go away by themselves or when somebody mends the system. */
const TRY_AGAIN = new Set(["EAGAIN", "ESTALE"]);
const SYSTEM = new Set(["ENOSPC", "EMFILE", "ENFILE", "ENOMEM", "EIO", "EROFS"]);
const FULL = new Set(["EDQUOT", "EFBIG"]);

/** The status for a failed operation on a mailbox; `standard` where the error does not say more. */
function mailboxStatus(error: unknown, standard: string): string {
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
