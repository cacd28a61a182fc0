/**
 * local(8): delivers to the users of this system, into mbox files or Maildirs, each with its owner's rights.
 *
 * An unknown user is a permanent failure (5.1.1), a mailbox in trouble a temporary one; every recipient's fate is
 * logged and recorded.
 */
export { createLocal, type LocalDeps } from "./local.ts";
