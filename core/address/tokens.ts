/**
 * Lexical tokens of RFC 5322 addresses, read leniently: nothing that is not understood is thrown away, so that a
 * header can be written again from its tokens.
 */

/** `op` is one of the specials, with the character in `text`. */
export type TokenKind = "atom" | "quoted" | "comment" | "literal" | "op";

export interface Token {
  readonly kind: TokenKind;
  /**
   * Without the quotes or brackets and with `\x` resolved for `quoted`, `literal` and `atom`; a comment keeps its
   * parentheses and backslashes.
   */
  readonly text: string;
  /** No blank is ever written behind it. */
  readonly glued?: boolean;
}

/** What ends an atom besides white space. `%`, `!` and `|` count because routing looks at them. */
const OPERATORS = '|%!()<>@,;:\\".[]';

const isOperator: readonly boolean[] = Array.from(
  { length: 128 },
  (_, code) => OPERATORS.includes(String.fromCharCode(code)),
);

function isSpace(code: number): boolean {
  return code === 0x20 || code === 0x09 || code === 0x0d || code === 0x0a;
}

// deno-lint-ignore no-control-regex -- control characters are what is looked for
const NEEDS_QUOTES = /[\x00-\x20\x7f|%!()<>@,;:\\".[\]]/;

/** Position in the text being scanned. */
interface Cursor {
  readonly text: string;
  at: number;
}

/** Collects until `stops(code)`, resolving backslashes and turning every white space character into a blank. */
function collect(cursor: Cursor, stops: (code: number) => boolean): string {
  const { text } = cursor;
  const start = cursor.at;
  let at = start;
  while (at < text.length) {
    const code = text.charCodeAt(at);
    if (code === 0x5c || stops(code) || (isSpace(code) && code !== 0x20)) break;
    at++;
  }
  let result = text.slice(start, at);
  while (at < text.length) {
    let code = text.charCodeAt(at);
    if (code === 0x5c) {
      at++;
      if (at >= text.length) break;
      code = text.charCodeAt(at);
    } else if (stops(code)) {
      break;
    }
    result += isSpace(code) ? " " : text[at];
    at++;
  }
  cursor.at = at;
  return result;
}

function comment(cursor: Cursor): string {
  const { text } = cursor;
  let level = 1;
  let result = "(";
  while (cursor.at < text.length) {
    const character = text[cursor.at++]!;
    result += character;
    if (character === "(") level++;
    else if (character === ")" && --level === 0) break;
    else if (character === "\\" && cursor.at < text.length) result += text[cursor.at++];
  }
  return result;
}

const endsAtom = (code: number) => isSpace(code) || (code < 128 && isOperator[code] === true);
const endsQuoted = (code: number) => code === 0x22;
const endsLiteral = (code: number) => code === 0x5d;

/**
 * Splits text into tokens; white space between tokens is dropped. At most `limit` tokens are read
 * (`header_address_token_limit`); the rest of the text is ignored.
 */
export function scanTokens(text: string, limit = Infinity): Token[] {
  const cursor: Cursor = { text, at: 0 };
  const tokens: Token[] = [];
  while (cursor.at < text.length && tokens.length < limit) {
    const code = text.charCodeAt(cursor.at);
    if (isSpace(code)) {
      cursor.at++;
    } else if (code === 0x28) {
      cursor.at++;
      tokens.push({ kind: "comment", text: comment(cursor) });
    } else if (code === 0x5b) {
      cursor.at++;
      const content = collect(cursor, endsLiteral);
      cursor.at++;
      tokens.push({ kind: "literal", text: content });
    } else if (code === 0x22) {
      cursor.at++;
      const content = collect(cursor, endsQuoted);
      cursor.at++;
      tokens.push({ kind: "quoted", text: content });
    } else if (code !== 0x5c && code < 128 && isOperator[code]) {
      cursor.at++;
      tokens.push({ kind: "op", text: text[cursor.at - 1]! });
    } else {
      const content = collect(cursor, endsAtom);
      // A backslash may have put a special character into the atom: it must be quoted when written again.
      tokens.push({ kind: NEEDS_QUOTES.test(content) ? "quoted" : "atom", text: content });
    }
  }
  return tokens;
}

/** Is a blank needed between two tokens of an address? */
function isWord(token: Token): boolean {
  return token.kind !== "op";
}

/** Tokens as one address in internal form: no quotes, domain literals in brackets. */
export function tokensToInternal(tokens: readonly Token[]): string {
  if (tokens.length === 1 && tokens[0]!.kind !== "literal") return tokens[0]!.text;
  let text = "";
  for (let i = 0; i < tokens.length; i++) {
    const token = tokens[i]!;
    if (token.kind === "literal") text += `[${token.text}]`;
    else if (token.kind === "op" && token.text === ",") {
      text += i + 1 < tokens.length && !token.glued ? ", " : ",";
      continue;
    } else text += token.text;
    const next = tokens[i + 1];
    if (next !== undefined && needsBlank(token, next)) text += " ";
  }
  return text;
}

/** Is a blank written between these two tokens of a header? */
export function needsBlank(token: Token, next: Token): boolean {
  if (token.glued) return false;
  if (next.kind === "op" && next.text === "<") return true;
  return isWord(token) && isWord(next);
}
