/** The From: header that is added to messages without one. */
import { toExternal } from "../../core/address/mod.ts";
import { encodeWords } from "../../core/message/mod.ts";

export interface FromHeader {
  /** Internal form; empty for the null sender. */
  readonly sender: string;
  readonly fullName: string | undefined;
  /** `header_from_format = obsolete`: `address (name)`. */
  readonly obsolete: boolean;
  /** `full_name_encoding_charset`, or undefined where 8-bit names may stand as they are (SMTPUTF8). */
  readonly charset: string | undefined;
}

/** Characters that a phrase can't have outside quotes (RFC 5322, 3.2.3). */
const SPECIALS = /[()<>@,;:\\".[\]]/;
// deno-lint-ignore no-control-regex -- the whole range of ASCII is meant
const ASCII = /^[\x00-\x7f]*$/;

/** The value of the header; a newline in it is a fold. */
export function fromHeaderValue(from: FromHeader): string {
  if (from.sender === "") return "MAILER-DAEMON";
  const address = toExternal(from.sender);
  const name = (from.fullName ?? "").replace(/[\r\n]+/g, " ");
  if (name === "") return address;
  const encoded = from.charset === undefined || ASCII.test(name)
    ? undefined
    : encodeWords(name, from.charset);
  if (from.obsolete) return `${address} (${encoded ?? balancedComment(name)})`;
  const phrase = encoded ?? (SPECIALS.test(name) ? `"${name.replace(/["\\]/g, "\\$&")}"` : name);
  return `${phrase} <${address}>`;
}

/** Text as the inside of a comment: parentheses that have no partner are quoted. */
function balancedComment(name: string): string {
  const open: number[] = [];
  const lonely = new Set<number>();
  for (let at = 0; at < name.length; at++) {
    if (name[at] === "(") open.push(at);
    else if (name[at] === ")" && open.pop() === undefined) lonely.add(at);
  }
  for (const at of open) lonely.add(at);
  let text = "";
  for (let at = 0; at < name.length; at++) {
    text += name[at] === "\\" || lonely.has(at) ? "\\" + name[at] : name[at];
  }
  return text;
}
