import { isPlain, parseAddressList, tokensToInternal } from "../../core/address/mod.ts";
import type { Word } from "../../core/smtp/mod.ts";
import { printable } from "./printable.ts";
import type { Session } from "./session.ts";

/**
 * The address in a MAIL or RCPT path, in internal form; undefined if it is none. Lenient as the field is: brackets may
 * be missing, comments and a source route (RFC 5321 appendix F.2) are dropped. `strict_rfc821_envelopes` wants brackets.
 */
function pathAddress(text: string, kind: Word["kind"], strict: boolean): string | undefined {
  if (strict && (kind !== "path" || !text.endsWith(">"))) return undefined;
  const bare = text.slice(1, -1);
  if (isPlain(bare) && text === `<${bare}>`) return bare;
  let address: string | undefined;
  for (const node of parseAddressList(text.replace(/^<+/, "<").replace(/>+$/, ">"))) {
    if (node.kind !== "address") continue;
    if (address !== undefined) return undefined;
    let tokens = node.tokens.filter((token) => token.kind !== "comment");
    if (tokens[0]?.kind === "op" && tokens[0].text === "@") {
      const colon = tokens.findIndex((token) => token.kind === "op" && token.text === ":");
      if (colon >= 0) tokens = tokens.slice(colon + 1);
    }
    // A group of one (RFC 5322 section 3.4): `name:address;`.
    if (tokens.at(-1)?.kind === "op" && tokens.at(-1)!.text === ";") {
      const colon = tokens.findIndex((token) => token.kind === "op" && token.text === ":");
      if (colon >= 0) tokens = tokens.slice(colon + 1, -1);
    }
    for (let i = 0; i < tokens.length; i++) {
      const token = tokens[i]!;
      const next = tokens[i + 1];
      if (token.kind === "op" && (token.text === "," || token.text === ";")) return undefined;
      if (token.kind !== "op" && next !== undefined && next.kind !== "op") return undefined;
    }
    address = tokensToInternal(tokens);
  }
  return address ?? "";
}

/** A domain that only a client which said SMTPUTF8 may send (RFC 6531 section 3.3). */
// deno-lint-ignore no-control-regex -- the ASCII range
const NON_ASCII_DOMAIN = /@[^@]*[^\x00-\x7f][^@]*$/;

/**
 * Reads the address of a command and asks the resolver whether mail could ever go there. Undefined with a line in the
 * log if not; the caller replies.
 */
export async function acceptableAddress(
  session: Session,
  command: string,
  word: { readonly text: string; readonly kind: Word["kind"] },
  rules: { readonly allowEmpty: boolean; readonly smtputf8: boolean },
): Promise<string | undefined> {
  const address = pathAddress(word.text, word.kind, session.settings.strictEnvelopes);
  if (
    address !== undefined &&
    (address === "" ? rules.allowEmpty : await isRoutable(session, address, rules.smtputf8))
  ) {
    return address;
  }
  session.warn(
    `Illegal address syntax from ${session.client.label} in ${command} command: ${printable(word.text)}`,
  );
  return undefined;
}

async function isRoutable(session: Session, address: string, smtputf8: boolean): Promise<boolean> {
  const answer = session.resolve(address);
  const { recipient, error } = answer instanceof Promise ? await answer : answer;
  if (error?.kind === "syntax") return false;
  if (smtputf8 || !NON_ASCII_DOMAIN.test(recipient)) return true;
  // As Postfix, which looks at the name without its case: `straße.example` counts as `strasse.example`.
  return !NON_ASCII_DOMAIN.test(session.service.deps.addressing.rules.foldCase(recipient));
}
