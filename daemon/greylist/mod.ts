/**
 * Greylisting without another daemon (`postel_greylist`): a client that nobody knows has to try again after a while,
 * which real mail systems do. Decides and logs as postgrey does, reads its lists, and keeps what it knows in a file.
 *
 * Logs: `action=greylist, reason=new, client_name=mail.example.org, client_address=192.0.2.1, sender=a@example.org,
 * recipient=b@example.com`, the same with `action=pass`, and `whitelisted: NAME[ADDRESS]` for a client that proved itself.
 */
export { createGreylist, type GreylistDeps, type GreylistService } from "./service.ts";
export { createGreylistClient, serveGreylist } from "./protocol.ts";
export type { Greylist, GreylistAnswer, GreylistQuestion } from "./types.ts";
