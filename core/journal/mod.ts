/**
 * A table of texts that is kept in memory and, change by change, in an append-only file: the caches of services
 * (address verification, greylist). A crash loses at most the changes of the last moment, never the file: each line
 * carries a checksum, and what does not fit it is passed over when the file is read again.
 *
 * Logs nothing; problems with the file go to the owner.
 */
export { type Journal, type JournalOptions, openJournal } from "./journal.ts";
