/**
 * `$name` expansion (postconf(5)): `$name`, `${name}`, `$(name)`, `${name?text}`, `${name:text}`, `${name?{text}:{text}}`,
 * `${{text} == {text} ? {text} : {text}}`, `${function{text}}` and `$$`.
 */
import { isSpace } from "./logical_lines.ts";

/** Text that can't be expanded; `message` has Postfix's words. */
export class MacroError extends Error {
  override readonly name = "MacroError";
}

/** Gives a name's unexpanded value; undefined for a name that has none. */
export type MacroLookup = (name: string) => string | undefined;

/** Nested references above this are a loop. */
const NESTING_LIMIT = 100;

/** `${NAME{text}}`: what NAME makes of the expanded text. */
const functions: Readonly<Record<string, (text: string) => string>> = { domain_to_ascii: domainToAscii };

/**
 * Expands all references in `text`, and those in the values found. Throws `MacroError`.
 * @param missing told of each name without a value, unless a condition asks for it; the reference becomes nothing
 */
export function expandMacros(text: string, lookup: MacroLookup, missing?: (name: string) => void): string {
  return text.includes("$") ? new Expansion(lookup, missing).text(text, 0) : text;
}

/** Calls `found` with every name that `text` refers to, in both branches of conditions. Throws `MacroError`. */
export function scanMacros(text: string, found: (name: string) => void): void {
  if (!text.includes("$")) return;
  for (const piece of pieces(text)) {
    if (piece.reference === undefined) continue;
    const reference = parseReference(piece.reference);
    if (reference.name !== undefined) found(reference.name);
    for (
      const part of [reference.argument, reference.left, reference.right, reference.then, reference.otherwise]
    ) {
      if (part !== undefined) scanMacros(part, found);
    }
  }
}

class Expansion {
  constructor(
    private readonly lookup: MacroLookup,
    private readonly missing?: (name: string) => void,
  ) {}

  text(text: string, level: number): string {
    if (!text.includes("$")) return text;
    let result = "";
    for (const piece of pieces(text)) {
      result += piece.reference === undefined ? piece.literal : this.reference(piece.reference, level + 1);
    }
    return result;
  }

  private reference(source: string, level: number): string {
    if (level > NESTING_LIMIT) throw new MacroError(`unreasonable macro call nesting: "${source}"`);
    const reference = parseReference(source);
    const { name, operator } = reference;
    if (reference.argument !== undefined) return functions[name!]!(this.text(reference.argument, level));
    if (operator !== undefined) {
      const left = this.text(reference.left!, level);
      const right = this.text(reference.right!, level);
      const holds = compare(left, operator, right);
      if (!reference.conditional) return holds ? "true" : "";
      return this.text((holds ? reference.then : reference.otherwise) ?? "", level);
    }
    const value = this.lookup(name!);
    if (!reference.conditional) {
      if (value === undefined) this.missing?.(name!);
      return value === undefined ? "" : this.text(value, level);
    }
    const given = value !== undefined && value !== "";
    return this.text((given ? reference.then : reference.otherwise) ?? "", level);
  }
}

interface Piece {
  readonly literal: string;
  /** What stands in the braces or behind the dollar sign; undefined for a literal. */
  readonly reference?: string;
}

/** Cuts text at its references. */
function* pieces(text: string): Generator<Piece> {
  let literal = "";
  let at = 0;
  while (at < text.length) {
    const dollar = text.indexOf("$", at);
    if (dollar < 0) {
      literal += text.slice(at);
      break;
    }
    literal += text.slice(at, dollar);
    const next = text[dollar + 1];
    if (next === "$") {
      literal += "$";
      at = dollar + 2;
      continue;
    }
    let reference: string;
    if (next === "{" || next === "(") {
      const end = closingPlace(text, dollar + 1);
      if (end < 0) throw new MacroError(`truncated macro reference: "${text}"`);
      reference = text.slice(dollar + 2, end);
      at = end + 1;
    } else {
      at = dollar + 1;
      while (at < text.length && isNameCharacter(text.charCodeAt(at))) at += 1;
      reference = text.slice(dollar + 1, at);
    }
    if (reference === "") throw new MacroError(`empty macro name: "${text}"`);
    if (literal !== "") yield { literal };
    literal = "";
    yield { literal: "", reference };
  }
  if (literal !== "") yield { literal };
}

/** Place of the bracket that closes the one at `open`, or -1. Only brackets of its own kind count. */
function closingPlace(text: string, open: number): number {
  const opening = text[open]!;
  const closing = opening === "{" ? "}" : ")";
  let depth = 0;
  for (let at = open; at < text.length; at++) {
    if (text[at] === opening) depth += 1;
    else if (text[at] === closing && --depth === 0) return at;
  }
  return -1;
}

function isNameCharacter(code: number): boolean {
  return (code >= 0x30 && code <= 0x39) || (code >= 0x41 && code <= 0x5a) || (code >= 0x61 && code <= 0x7a) ||
    code === 0x5f;
}

type Operator = "==" | "!=" | "<" | "<=" | ">=" | ">";

interface ComparisonOperator {
  readonly sign: Operator;
  /** Operands are compatibility levels. */
  readonly level: boolean;
}

interface Reference {
  readonly name?: string;
  /** `${name{argument}}` */
  readonly argument?: string;
  readonly left?: string;
  readonly operator?: ComparisonOperator;
  readonly right?: string;
  /** Is there a `?` or `:`? */
  readonly conditional: boolean;
  readonly then?: string;
  readonly otherwise?: string;
}

/** What follows a place, cut as in Postfix's messages. */
function shown(text: string, at: number): string {
  return text.slice(at, at + 20);
}

function skipSpace(text: string, at: number): number {
  while (at < text.length && isSpace(text.charCodeAt(at))) at += 1;
  return at;
}

function parseReference(source: string): Reference {
  return source.startsWith("{") ? parseComparison(source) : parseNamed(source);
}

function parseNamed(source: string): Reference {
  const start = skipSpace(source, 0);
  let end = start;
  while (end < source.length && isNameCharacter(source.charCodeAt(end))) end += 1;
  const name = source.slice(start, end);
  const at = skipSpace(source, end);
  if (name !== "") {
    if (at === source.length) return { name, conditional: false };
    if (source[at] === "?" || source[at] === ":") return { name, ...parseBranches(source, at) };
    if (source[at] === "{" && Object.hasOwn(functions, name)) {
      const argument = payload(source, at);
      expectEnd(source, argument);
      return { name, argument: argument.text, conditional: false };
    }
  }
  throw new MacroError(
    `attribute name syntax error at: "...${source.slice(start, end)}>>>${shown(source, end)}"`,
  );
}

function parseComparison(source: string): Reference {
  const left = payload(source, 0);
  const afterLeft = skipSpace(source, left.end);
  let at = afterLeft;
  while (at < source.length && "<>!=?+-*/~&|%".includes(source[at]!)) at += 1;
  const sign = source.slice(afterLeft, at);
  if (!isOperator(sign)) {
    throw new MacroError(
      `"==" or "!="" or "<"" or "<="" or ">="" or ">" expected at: "...${left.text}}>>>${
        shown(source, afterLeft)
      }"`,
    );
  }
  const suffix = /^[A-Za-z0-9]*/.exec(source.slice(at))![0];
  if (suffix !== "" && suffix !== "level") {
    throw new MacroError(`bad operator suffix at: "...${sign}>>>${suffix}"`);
  }
  at += suffix.length;
  const open = skipSpace(source, at);
  if (source[open] !== "{") {
    throw new MacroError(`"{expression}" expected at: "...${source.slice(0, at)}>>>${shown(source, at)}"`);
  }
  const right = payload(source, open);
  const comparison = { left: left.text, operator: { sign, level: suffix !== "" }, right: right.text };
  at = skipSpace(source, right.end);
  if (at === source.length) return { ...comparison, conditional: false };
  if (source[at] === "?" || source[at] === ":") return { ...comparison, ...parseBranches(source, at) };
  throw new MacroError(`"?" or ":" expected at: "...}>>>${shown(source, at)}"`);
}

function isOperator(text: string): text is Operator {
  return text === "==" || text === "!=" || text === "<" || text === "<=" || text === ">=" || text === ">";
}

interface Branches {
  readonly conditional: true;
  readonly then?: string;
  readonly otherwise?: string;
}

/** `?text`, `:text`, `?{text}`, `:{text}`, `?{text}:{text}`, `?{text}:text`, starting at the `?` or `:`. */
function parseBranches(source: string, at: number): Branches {
  const last = (place: number): string => {
    const open = skipSpace(source, place);
    if (source[open] !== "{") return source.slice(place);
    const part = payload(source, open);
    expectEnd(source, part);
    return part.text;
  };
  if (source[at] === ":") return { conditional: true, otherwise: last(at + 1) };
  const open = skipSpace(source, at + 1);
  if (source[open] !== "{") return { conditional: true, then: source.slice(at + 1) };
  const then = payload(source, open);
  const next = skipSpace(source, then.end);
  if (next === source.length) return { conditional: true, then: then.text };
  if (source[next] !== ":") {
    throw new MacroError(`":" expected at: "...${then.text}}>>>${shown(source, next)}"`);
  }
  return { conditional: true, then: then.text, otherwise: last(next + 1) };
}

interface Payload {
  readonly text: string;
  /** Place behind the closing brace. */
  readonly end: number;
}

/** What stands between the brace at `open` and the one that closes it. */
function payload(source: string, open: number): Payload {
  const close = closingPlace(source, open);
  if (close < 0) throw new MacroError(`unbalanced {} in attribute expression: "${source.slice(open)}"`);
  return { text: source.slice(open + 1, close), end: close + 1 };
}

function expectEnd(source: string, part: Payload): void {
  const at = skipSpace(source, part.end);
  if (at < source.length) {
    throw new MacroError(`unexpected input at: "...${part.text}}>>>${shown(source, at)}"`);
  }
}

function compare(left: string, operator: ComparisonOperator, right: string): boolean {
  const order = operator.level
    ? compareNumbers(compatibilityLevel(left), compatibilityLevel(right))
    : /^[0-9]+$/.test(left) && /^[0-9]+$/.test(right)
    ? compareNumbers(wholeNumber(left), wholeNumber(right))
    : compareText(left, right);
  switch (operator.sign) {
    case "==":
      return order === 0;
    case "!=":
      return order !== 0;
    case "<":
      return order < 0;
    case "<=":
      return order <= 0;
    case ">=":
      return order >= 0;
    case ">":
      return order > 0;
  }
}

function compareNumbers(left: bigint, right: bigint): number {
  return left < right ? -1 : left > right ? 1 : 0;
}

function compareText(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0;
}

/** A number that fits in 64 bits. */
function wholeNumber(text: string): bigint {
  const number = BigInt(text);
  if (number > 0x7fff_ffff_ffff_ffffn) throw new MacroError(`mac_exp_eval: bad conversion: ${text}`);
  return number;
}

/** `major[.minor[.patch]]` as one number that orders levels. */
function compatibilityLevel(text: string): bigint {
  const match = /^\s*([0-9]+)(?:\.([0-9]+))?(?:\.([0-9]+))?$/.exec(text);
  if (match === null) throw new MacroError(`malformed compatibility level syntax: "${text}"`);
  const [, major, minor = "0", patch = "0"] = match;
  return (BigInt(major!) << 40n) + (BigInt(minor) << 20n) + BigInt(patch);
}

/** The ASCII form of an internationalised domain name (RFC 5890); ASCII text passes unchanged. */
function domainToAscii(text: string): string {
  // deno-lint-ignore no-control-regex -- the test is for anything outside ASCII
  if (/^[\x00-\x7f]*$/.test(text)) return text;
  const url = URL.parse(`http://${text}/`);
  if (url === null || url.hostname === "" || url.pathname !== "/" || url.port !== "" || url.username !== "") {
    throw new MacroError(`domain_to_ascii: not a domain name: "${text}"`);
  }
  return url.hostname;
}
