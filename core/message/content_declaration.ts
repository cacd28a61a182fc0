/** What Content-Type and Content-Transfer-Encoding declare about an entity (RFC 2045, 5 and 6; RFC 2046). */
import { headerTokens } from "./header_tokens.ts";

/**
 * Content types that make a difference to a reader of MIME structure. "attached-message" is message/rfc822; the other
 * message types are not looked into, and "cut-message", message/partial and message/external-body, must stay 7bit
 * (RFC 2046, 5.2).
 */
export type ContentKind = "leaf" | "attached-message" | "opaque-message" | "cut-message" | "multipart";

export type Encoding = "7bit" | "8bit" | "binary" | "quoted-printable" | "base64";

const ENCODINGS = new Set<string>(["7bit", "8bit", "binary", "quoted-printable", "base64"]);

export interface DeclaredType {
  readonly kind: ContentKind;
  /** Of a multipart: its `boundary` parameters, as a rule one. */
  readonly boundaries: readonly string[];
  /** Of a multipart: what its parts are unless they say something else (RFC 2046, 5.1.5). */
  readonly partKind: ContentKind;
}

/** Reads the value of a Content-Type header; undefined if it says nothing. */
export function declaredType(value: string): DeclaredType | undefined {
  const [type = [], ...parameters] = headerTokens(value);
  if (type.length === 0) return undefined;
  const word = (at: number) => type[at]?.kind === "word" ? type[at].text.toLowerCase() : "";
  const subtype = type[1]?.text === "/" ? word(2) : "";
  switch (word(0)) {
    case "message":
      return { kind: messageKind(subtype), boundaries: [], partKind: "leaf" };
    case "multipart": {
      const boundaries = parameters.flatMap(([name, equals, boundary]) =>
        name?.kind === "word" && name.text.toLowerCase() === "boundary" && equals?.text === "=" &&
          boundary !== undefined
          ? [boundary.text]
          : []
      );
      return { kind: "multipart", boundaries, partKind: subtype === "digest" ? "attached-message" : "leaf" };
    }
    default:
      return { kind: "leaf", boundaries: [], partKind: "leaf" };
  }
}

function messageKind(subtype: string): ContentKind {
  if (subtype === "rfc822") return "attached-message";
  return subtype === "partial" || subtype === "external-body" ? "cut-message" : "opaque-message";
}

/** Reads the value of a Content-Transfer-Encoding header; undefined for an encoding that nobody knows. */
export function declaredEncoding(value: string): Encoding | undefined {
  const token = headerTokens(value)[0]?.[0];
  const name = token?.kind === "word" ? token.text.toLowerCase() : "";
  return ENCODINGS.has(name) ? name as Encoding : undefined;
}

/** The domain (RFC 2045, 6.1) that an encoding's output stays within. */
export function encodingDomain(encoding: Encoding): "7bit" | "8bit" | "binary" {
  return encoding === "8bit" || encoding === "binary" ? encoding : "7bit";
}

/** Does the encoding suit the kind of content (RFC 2045, 6.4)? What has parts of its own is not encoded as a whole. */
export function encodingFits(kind: ContentKind, encoding: Encoding): boolean {
  if (kind === "leaf") return true;
  const domain = encodingDomain(encoding);
  return kind === "cut-message" ? domain === "7bit" : domain === encoding;
}
