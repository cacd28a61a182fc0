/**
 * pickup(8) and the other door for local mail. Users' programs leave mail in the maildrop directory (through a set-gid
 * postdrop, or as members of its group), or hand it in over a socket; both ways it is checked, stamped with the user's
 * number and fed to cleanup. Malformed mail is thrown away with a warning; mail that the system can't take now stays.
 *
 * It logs `ID: uid=1000 from=<sender>`, with `orig_id=` for mail that postsuper(1) put back.
 */
export { createPickup, type Pickup, type PickupDeps } from "./pickup.ts";
export {
  createSubmission,
  type SubmissionDeps,
  type SubmissionServer,
  type SubmissionServices,
} from "./submission.ts";
export { submitRefusal } from "./submit_rights.ts";
export { openPost, type Post, PostError, type PostOptions, postReply } from "./post.ts";
export { SubmissionError } from "./feed.ts";
