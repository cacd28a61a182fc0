/** Mailboxes on disk: mbox files and Maildirs, written with the recipient's rights. Used by local and virtual. */
export { type CopyForm, copyMessage } from "./copy.ts";
export {
  deliverToMailbox,
  deliveryHeaders,
  type MailboxDelivery,
  mboxSettings,
  outcomeOf,
} from "./deliver.ts";
export { deliverToMaildir } from "./maildir.ts";
export { appendToMbox, MailboxError, type MboxSettings } from "./mbox.ts";
