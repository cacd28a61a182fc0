import { scanTokens, type Token } from "./tokens.ts";

/** What rewriting to canonical form depends on (trivial-rewrite(8)). */
export interface RewriteRules {
  /** Appended to addresses without a domain; empty: nothing. `$myorigin`, or the remote header domain. */
  readonly origin: string;
  /** Appended to domains without a dot; empty: nothing. */
  readonly domain: string;
  readonly swapBangpath: boolean;
  readonly percentHack: boolean;
}

const op = (text: string): Token => ({ kind: "op", text });
const isOp = (token: Token | undefined, text: string) => token?.kind === "op" && token.text === text;

function findLast(tokens: readonly Token[], text: string): number {
  for (let i = tokens.length - 1; i >= 0; i--) if (isOp(tokens[i], text)) return i;
  return -1;
}

function findFirst(tokens: readonly Token[], text: string): number {
  for (let i = 0; i < tokens.length; i++) if (isOp(tokens[i], text)) return i;
  return -1;
}

/** Drops one dot at the end of a domain; `a..` and `a@.` stay, so that they show up as the errors they are. */
export function withoutTrailingDot(tokens: Token[]): Token[] {
  const last = tokens.length - 1;
  if (last < 1 || !isOp(tokens[last], ".")) return tokens;
  const before = tokens[last - 1];
  return isOp(before, ".") || isOp(before, "@") ? tokens : tokens.slice(0, last);
}

const PLAIN =
  /^[A-Za-z0-9#$&'*+\-/=?^_`{}~]+(?:\.[A-Za-z0-9#$&'*+\-/=?^_`{}~]+)*@[A-Za-z0-9\-_]+(?:\.[A-Za-z0-9\-_]+)+$/;

/** Is it `local@domain` of atoms, with a dot in the domain? Rewriting leaves that as it is, and it hides no route. */
export function isPlain(address: string): boolean {
  return PLAIN.test(address);
}

/**
 * One address to canonical form: source route stripped, `site!user` and `user%domain` turned into `user@domain`,
 * missing origin and domain appended. Takes and gives the tokens of a single address.
 */
export function rewriteTokens(rules: RewriteRules, address: readonly Token[]): Token[] {
  let tokens = [...address];
  const first = tokens[0];
  if (first === undefined) return tokens;
  if (tokens.length === 1) {
    if (first.kind === "quoted" && first.text === "") return tokens;
    if (isOp(first, "@")) return [{ kind: "quoted", text: "" }];
  }
  if (isOp(first, "@")) {
    const colon = findFirst(tokens, ":");
    if (colon !== -1 && colon !== tokens.length - 1) tokens = tokens.slice(colon + 1);
  }
  if (findLast(tokens, "@") === -1) {
    const bang = rules.swapBangpath ? findFirst(tokens, "!") : -1;
    const percent = rules.percentHack ? findLast(tokens, "%") : -1;
    if (bang === 0) {
      // `!user` names no host: what is left is one word.
      tokens = [...tokens.slice(1).map((token) => ({ ...token, glued: true })), op("@")];
    } else if (bang !== -1) tokens = [...tokens.slice(bang + 1), op("@"), ...tokens.slice(0, bang)];
    else if (percent !== -1) tokens[percent] = op("@");
    else if (rules.origin !== "") tokens.push(op("@"), ...scanTokens(rules.origin));
  }
  const at = findLast(tokens, "@");
  if (rules.domain !== "" && at !== -1 && at !== tokens.length - 1) {
    const domain = tokens.slice(at + 1);
    if (!domain.some((token) => token.kind === "literal" || isOp(token, "."))) {
      tokens.push(op("."), ...scanTokens(rules.domain));
    }
  }
  return withoutTrailingDot(tokens);
}

export { findLast as lastOperator, op as operatorToken };
