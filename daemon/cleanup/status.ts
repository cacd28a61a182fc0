import { CleanupStatus } from "./types.ts";

/** What a status means towards people: SMTP reply code, enhanced status code (RFC 3463), text. */
export interface StatusDetail {
  readonly code: number;
  readonly dsn: string;
  readonly text: string;
}

/** In the order of precedence when several bits are set. */
const DETAILS: readonly (readonly [number, StatusDetail])[] = [
  [CleanupStatus.Defer, { code: 451, dsn: "4.7.1", text: "service unavailable" }],
  [CleanupStatus.Proxy, { code: 451, dsn: "4.3.0", text: "queue file write error" }],
  [CleanupStatus.Bad, { code: 451, dsn: "4.3.0", text: "internal protocol error" }],
  [CleanupStatus.NoRecipients, { code: 550, dsn: "5.1.0", text: "no recipients specified" }],
  [CleanupStatus.Hops, { code: 554, dsn: "5.4.0", text: "too many hops" }],
  [CleanupStatus.Size, { code: 552, dsn: "5.3.4", text: "message file too big" }],
  [CleanupStatus.Content, { code: 550, dsn: "5.7.1", text: "message content rejected" }],
  [CleanupStatus.Write, { code: 451, dsn: "4.3.0", text: "queue file write error" }],
  [CleanupStatus.Deny, { code: 550, dsn: "5.7.1", text: "service denied" }],
  [CleanupStatus.BareNewline, { code: 521, dsn: "5.5.2", text: "bare <LF> received" }],
];

/** The reply that a cleanup status other than 0 calls for; of several bits the most important one counts. */
export function statusDetail(status: number): StatusDetail {
  for (const [bit, detail] of DETAILS) if ((status & bit) !== 0) return detail;
  return { code: 451, dsn: "4.3.0", text: `unknown cleanup status ${status}` };
}
