/** Enhanced status codes (RFC 3463): `class.subject.detail`. */

const STATUS = /^([245]\.\d{1,3}\.\d{1,3})(?=\s|$)/;

/** Is the whole text a status code? */
export function isStatus(text: string): boolean {
  return STATUS.exec(text)?.[0] === text;
}

/** A status code and the text behind it. */
export interface StatusText {
  readonly status: string;
  readonly text: string;
}

/** Takes `5.1.1 no such user` apart; a text without a code gets `fallback`. */
export function splitStatus(text: string, fallback: string): StatusText {
  const match = STATUS.exec(text);
  if (match === null) return { status: fallback, text };
  return { status: match[1]!, text: text.slice(match[1]!.length).trimStart() };
}

/** The same code in another class: `5.1.1` and 4 give `4.1.1`. */
export function withClass(status: string, statusClass: 2 | 4 | 5): string {
  return isStatus(status) ? `${statusClass}${status.slice(1)}` : `${statusClass}.0.0`;
}

/**
 * The status that an SMTP reply stands for (RFC 2034): the code in its text if its class agrees with the reply code,
 * else `class.0.0`. A reply that is no 2xx, 4xx or 5xx counts as 5.5.0, a protocol error.
 * @param reply `550 5.1.1 text` or `550-...` lines
 */
export function statusOfReply(reply: string): string {
  const match = /^([2-5])\d\d(?:[ -]([245]\.\d{1,3}\.\d{1,3})(?=\s|$))?/.exec(reply);
  if (match === null || match[1] === "3") return "5.5.0";
  return match[2]?.[0] === match[1] ? match[2]! : `${match[1]}.0.0`;
}
