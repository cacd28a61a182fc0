/**
 * Mailboxes on disk: mbox files and Maildirs, written with the recipient's rights, and the header lines and loop
 * detection that final deliveries share. Used by local, virtual and pipe.
 */
export { deliveredAddresses, wasDeliveredTo } from "./delivered_to.ts";
export { errorName, failed, MailboxError, systemReason } from "./errors.ts";
export { deliveredTo, fromLine, type OriginalTo, originalToLines, returnPath } from "./headers.ts";
export { type DotLock, takeDotLock, takeFileLocks } from "./locks.ts";
export { deliverToMaildir, type MaildirDelivery } from "./maildir.ts";
export { appendToMbox, type MboxDelivery } from "./mbox.ts";
export { messageText, type TextForm } from "./message_text.ts";
export { type OpenedFile } from "./open_file.ts";
export { openOwnMaps } from "./own_maps.ts";
export { SharedContent } from "./shared_content.ts";
export { type MailboxSettings, mailboxSettings } from "./settings.ts";
