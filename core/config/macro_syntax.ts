/**
 * The syntax of `$name` references (postconf(5)): where they stand in a text, and what each of them asks for. Nothing is
 * looked up here.
 */
import { isSpace } from "./logical_lines.ts";

/** Text that can't be expanded; `message` has Postfix's words. */
export class MacroError extends Error {
  override readonly name = "MacroError";
}

/** The NAMEs of `${NAME{text}}`. */
export type MacroFunction = "domain_to_ascii";

const FUNCTIONS: ReadonlySet<string> = new Set<MacroFunction>(["domain_to_ascii"]);

/**
 * Calls `found` with the name of every value that `text` refers to, in both branches of conditions and in the arguments
 * of functions. Throws `MacroError`.
 */
export function scanMacros(text: string, found: (name: string) => void): void {
  if (!text.includes("$")) return;
  for (const piece of pieces(text)) {
    if (piece.reference === undefined) continue;
    const reference = parseReference(piece.reference);
    if (reference.name !== undefined && reference.argument === undefined) found(reference.name);
    for (
      const part of [reference.argument, reference.left, reference.right, reference.then, reference.otherwise]
    ) {
      if (part !== undefined) scanMacros(part, found);
    }
  }
}

/** A piece of text: a literal, or a reference to be expanded. */
export interface Piece {
  readonly literal: string;
  /** What stands in the braces or behind the dollar sign; undefined for a literal. */
  readonly reference?: string;
}

/** Cuts text at its references. Throws `MacroError`. */
export function* pieces(text: string): Generator<Piece> {
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

export interface ComparisonOperator {
  readonly sign: Operator;
  /** Operands are compatibility levels. */
  readonly level: boolean;
}

/** What a reference asks for: a name's value, a function's, or a comparison; with or without branches. */
export interface Reference {
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

/** Reads what stands in the braces of a reference or behind its dollar sign. Throws `MacroError`. */
export function parseReference(source: string): Reference {
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
    if (source[at] === "{" && FUNCTIONS.has(name)) {
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
