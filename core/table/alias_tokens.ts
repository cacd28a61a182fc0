/** The tokens of a line of an aliases file, which are those of mail addresses (aliases(5), RFC 5322 section 3.2). */
export interface AliasToken {
  /** A special character stands for itself. */
  readonly kind: "atom" | "quoted" | "literal" | "comment" | "special";
  /** Without quotes and backslashes, except that a comment keeps both its parentheses and its backslashes. */
  readonly text: string;
}

/** Those of mail addresses, and the operators of older ways to write them. */
const SPECIALS = "<>@,;:.|%!)]";
const WHITE = /[ \t\r\n]/;
const ENDS_ATOM = /[ \t\r\n<>@,;:.|%!()"[\]]/;
/** What can't stand in an atom: text with one of these is written in quotes. */
// deno-lint-ignore no-control-regex
const NOT_IN_ATOM = /[\x00-\x20\x7f<>@,;:.|%!()"[\]\\]/;

/** Takes a line apart. Unclosed quotes and comments reach to its end. */
export function aliasTokens(line: string): AliasToken[] {
  const tokens: AliasToken[] = [];
  for (let at = 0; at < line.length;) {
    const character = line[at]!;
    if (WHITE.test(character)) {
      at += 1;
    } else if (character === "(") {
      const end = endOfComment(line, at);
      tokens.push({ kind: "comment", text: line.slice(at, end) });
      at = end;
    } else if (character === '"' || character === "[") {
      const part = enclosed(line, at, character === '"' ? '"' : "]");
      tokens.push({ kind: character === '"' ? "quoted" : "literal", text: part.text });
      at = part.end;
    } else if (SPECIALS.includes(character)) {
      tokens.push({ kind: "special", text: character });
      at += 1;
    } else {
      const atom = readAtom(line, at);
      tokens.push(atom.token);
      at = atom.end;
    }
  }
  return tokens;
}

function endOfComment(line: string, start: number): number {
  let depth = 0;
  for (let at = start; at < line.length; at++) {
    if (line[at] === "\\") at += 1;
    else if (line[at] === "(") depth += 1;
    else if (line[at] === ")" && --depth === 0) return at + 1;
  }
  return line.length;
}

function enclosed(line: string, start: number, close: string): { text: string; end: number } {
  let text = "";
  let at = start + 1;
  for (; at < line.length && line[at] !== close; at++) {
    if (line[at] === "\\") at += 1;
    // All white space is alike.
    text += WHITE.test(line[at] ?? "") ? " " : line[at] ?? "";
  }
  return { text, end: Math.min(at + 1, line.length) };
}

/** An atom; with a character in it that atoms don't have, such as a control character, it is as good as a quoted string. */
function readAtom(line: string, start: number): { token: AliasToken; end: number } {
  let text = "";
  let at = start;
  for (; at < line.length && !ENDS_ATOM.test(line[at]!); at++) {
    if (line[at] === "\\") {
      at += 1;
      if (at === line.length) break;
    }
    text += line[at];
  }
  return { token: { kind: NOT_IN_ATOM.test(text) ? "quoted" : "atom", text }, end: at };
}

/**
 * The tokens as text: one blank between words, before `<` and after a comma, none elsewhere.
 * @param quoted write quoted strings with their quotes (the form of values), or bare (the form of keys)
 */
export function aliasText(tokens: readonly AliasToken[], quoted: boolean): string {
  let text = "";
  let afterWord = false;
  for (const token of tokens) {
    const isWord = token.kind !== "special";
    const wantsBlank = (isWord && afterWord) || token.text === "<" && !isWord;
    if (wantsBlank && text !== "" && !text.endsWith(" ")) text += " ";
    if (token.kind === "quoted" && quoted) text += `"${token.text.replace(/["\\]/g, "\\$&")}"`;
    else if (token.kind === "literal") text += `[${token.text}]`;
    else text += token.text;
    if (!isWord && token.text === ",") text += " ";
    afterWord = isWord;
  }
  return text;
}
