import type { DsnDetail } from "./types.ts";

/** RFC 3463 code in front of a text, with the blanks behind it. */
const CODE = /^\s*([245]\.\d{1,3}\.\d{1,3})(?:\s+|$)/;

/**
 * Takes the status code off a text such as `5.1.1 no such user`. A code of a class that does not fit what is made of it
 * is for the recorder to put right.
 * @param standard the code for a text without one
 */
export function splitReason(text: string, standard: string): DsnDetail {
  const [found, code] = CODE.exec(text) ?? [];
  const reason = found === undefined ? text.trim() : text.slice(found.length).trim();
  return { status: code ?? standard, reason: reason || "?" };
}
