/**
 * `$name` expansion (postconf(5)): `$name`, `${name}`, `$(name)`, `${name?text}`, `${name:text}`, `${name?{text}:{text}}`,
 * `${{text} == {text} ? {text} : {text}}`, `${function{text}}` and `$$`.
 */
import {
  type ComparisonOperator,
  MacroError,
  type MacroFunction,
  parseReference,
  pieces,
} from "./macro_syntax.ts";

/** Gives a name's unexpanded value; undefined for a name that has none. */
export type MacroLookup = (name: string) => string | undefined;

/** Nested references above this are a loop. */
const NESTING_LIMIT = 100;

/** `${NAME{text}}`: what NAME makes of the expanded text. */
const functions: Readonly<Record<MacroFunction, (text: string) => string>> = {
  domain_to_ascii: domainToAscii,
};

/**
 * Expands all references in `text`, and those in the values found. Throws `MacroError`.
 * @param missing told of each name without a value, unless a condition asks for it; the reference becomes nothing
 */
export function expandMacros(text: string, lookup: MacroLookup, missing?: (name: string) => void): string {
  return text.includes("$") ? new Expansion(lookup, missing).text(text, 0) : text;
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
    if (reference.argument !== undefined) {
      return functions[name as MacroFunction](this.text(reference.argument, level));
    }
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
