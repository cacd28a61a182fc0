/**
 * bounce(8), defer and trace: writes what happened to each recipient into a log beside the queue, and makes delivery
 * status notifications from it. A notice counts as sent when cleanup has it on disk; only then is the log removed.
 *
 * It logs `ID: sender non-delivery notification: NEWID` and its like for delays, reports and postmaster copies.
 */
export { type BounceDeps, BounceFlag, createBounce } from "./bounce.ts";
export { type BouncePaths, createBounceClient } from "./client.ts";
export { joinBounceServices } from "./join.ts";
export { type MailSettings, postMail, readMailSettings } from "./post.ts";
export { serveBounce } from "./server.ts";
export { verpSender } from "./verp.ts";
