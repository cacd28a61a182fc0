import { needsBlank, scanTokens, type Token, tokensToInternal } from "./tokens.ts";
import { toExternal } from "./quote.ts";

/** A single address inside a list: its tokens, without display name, angle brackets and comments. */
export interface AddressNode {
  readonly kind: "address";
  tokens: readonly Token[];
}

/** The colon behind the name of a group. */
interface GroupStart {
  readonly kind: "group";
  readonly text: ":";
}

/** A header's address list as a flat sequence: addresses, and all the tokens around them. */
export type ListNode = Token | AddressNode | GroupStart;

const comma: Token = { kind: "op", text: "," };
const isOp = (token: Token, text: string) => token.kind === "op" && token.text === text;
const isWord = (token: Token | undefined) =>
  token?.kind === "atom" || token?.kind === "quoted" || token?.kind === "literal";

/**
 * Builds the sequence from right to left. `held` are tokens read but not yet placed, `placed` is what stands to
 * the right of them; both in reverse.
 */
class Builder {
  readonly placed: ListNode[] = [];
  #held: Token[] = [];

  hold(token: Token): void {
    this.#held.push(token);
  }
  place(node: ListNode): void {
    this.placed.push(node);
  }
  /** Makes one address of the held tokens; `separate` adds the comma that is missing on its left. */
  group(separate: boolean): void {
    if (this.#held.length === 0) return;
    this.placed.push({ kind: "address", tokens: joined(this.#held.reverse()) });
    this.#held = [];
    if (separate) this.placed.push(comma);
  }
}

/** Words that only blanks separate inside an address (`<a b@c>`) are written without them. */
function joined(tokens: readonly Token[]): readonly Token[] {
  const hasBlanks = tokens.some((token, at) => isWord(token) && isWord(tokens[at + 1]));
  return hasBlanks ? tokens.map((token) => ({ ...token, glued: true })) : tokens;
}

/**
 * Reads an address list (RFC 5322 3.4) leniently: comments move behind the address they stand in, missing commas
 * between addresses are added, what is not understood stays. At most `tokenLimit` tokens are looked at.
 */
export function parseAddressList(text: string, tokenLimit = Infinity): ListNode[] {
  const tokens = scanTokens(text, tokenLimit);
  const list = new Builder();
  let needWord = true;
  let inGroup = false;
  let at = tokens.length - 1;
  while (at >= 0) {
    const token = tokens[at]!;
    at -= 1;
    if (token.kind === "comment") {
      list.place(token);
    } else if (isOp(token, ";")) {
      list.group(true);
      list.place(token);
      inGroup = true;
      needWord = true;
    } else if (isOp(token, ":") && inGroup) {
      list.group(false);
      list.place({ kind: "group", text: ":" });
      while (at >= 0 && !isOp(tokens[at]!, ",")) list.place(tokens[at--]!);
    } else if (isOp(token, ">")) {
      list.group(true);
      list.place(token);
      while (at >= 0 && !isOp(tokens[at]!, "<")) {
        const inner = tokens[at--]!;
        if (inner.kind === "comment") list.place(inner);
        else list.hold(inner);
      }
      list.group(false);
      while (at >= 0 && !(tokens[at]!.kind === "op" && ">;,:".includes(tokens[at]!.text))) {
        list.place(tokens[at--]!);
      }
      // Outside a group the name in front of this colon is an address of its own.
      if (at >= 0 && isOp(tokens[at]!, ":") && !inGroup) list.place(tokens[at--]!);
      needWord = true;
    } else if (isWord(token)) {
      if (!needWord) list.group(true);
      needWord = false;
      list.hold(token);
    } else if (isOp(token, ",")) {
      list.group(false);
      list.place(token);
      needWord = true;
    } else {
      needWord = true;
      list.hold(token);
    }
  }
  list.group(false);
  return list.placed.reverse();
}

/** The addresses of a list. */
export function addressesOf(list: readonly ListNode[]): AddressNode[] {
  return list.filter((node): node is AddressNode => node.kind === "address");
}

/** One address in external form. */
export function addressText(node: AddressNode): string {
  return toExternal(tokensToInternal(node.tokens));
}

/** Writes a list again; `separator` follows every comma (a newline where a header is to be folded). */
export function formatAddressList(list: readonly ListNode[], separator: string): string {
  let text = "";
  for (let i = 0; i < list.length; i++) {
    const node = list[i]!;
    if (node.kind === "op" && node.text === ",") {
      text += "," + separator;
      continue;
    }
    text += nodeText(node);
    const next = list[i + 1];
    if (next !== undefined && blankBetween(node, next)) text += " ";
  }
  return text;
}

function nodeText(node: ListNode): string {
  switch (node.kind) {
    case "address":
      return addressText(node);
    case "quoted":
      return `"${node.text.replace(/["\\\r\n]/g, "\\$&")}"`;
    case "literal":
      return `[${node.text.replace(/[\\\r\n]/g, "\\$&")}]`;
    default:
      return node.text;
  }
}

function blankBetween(node: ListNode, next: ListNode): boolean {
  if (node.kind === "group") return true;
  if (node.kind === "address") return (next.kind !== "op" && next.kind !== "group") || next.text === "<";
  if (next.kind === "address") return node.kind !== "op";
  return next.kind !== "group" && needsBlank(node, next);
}
