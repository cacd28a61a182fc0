/**
 * verify(8): remembers whether mail can be delivered to addresses, and finds out with probes: messages that go the way
 * of real mail and are never delivered. smtpd asks it (`reject_unverified_sender`, `reject_unverified_recipient`), and
 * whoever handles a probe tells it what came of it.
 *
 * Logs: `cache btree:/var/lib/postfix/verify_cache full cleanup: retained=3 dropped=1 entries`.
 */
export { ProbeSender } from "./sender.ts";
export { createVerifyClient, serveVerify } from "./protocol.ts";
export { probeResults } from "./results.ts";
export { createVerify, type Verify, type VerifyDeps } from "./service.ts";
export { type AddressAnswer, AddressStatus, type AddressVerification } from "./types.ts";
