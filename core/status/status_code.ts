/** A text with the status code in front of it taken off. */
export interface StatusText {
  /** Class, subject and detail: `5.1.1`. */
  readonly status: string;
  /** What stands behind the code and its blanks; may be empty. */
  readonly text: string;
}

const WHOLE = /^[245]\.\d{1,3}\.\d{1,3}$/;
/** Blanks are those of ASCII alone: others are part of the text. */
const LEADING = /^[245]\.\d{1,3}\.\d{1,3}(?![^ \t\n\v\f\r])/;
const CODE_AND_BLANKS = /^[ \t\n\v\f\r]*(?:([245]\.\d{1,3}\.\d{1,3})(?![^ \t\n\v\f\r])[ \t\n\v\f\r]*)?/;

/** Is this a status code (RFC 3463 section 2), and nothing else? */
export function isStatus(text: string): boolean {
  return WHOLE.test(text);
}

/** The status code that a text begins with, before a blank or the end; undefined if there is none. */
export function leadingStatus(text: string): string | undefined {
  return LEADING.exec(text)?.[0];
}

/**
 * Takes the status code off a text such as `5.1.1 no such user`, with the blanks before and behind it. The class of the
 * code is not looked at: whether it fits is for the caller to see.
 * @param standard the code of a text without one
 */
export function splitStatus(text: string, standard: string): StatusText {
  const [taken, code] = CODE_AND_BLANKS.exec(text)!;
  return { status: code ?? standard, text: text.slice(taken.length) };
}
