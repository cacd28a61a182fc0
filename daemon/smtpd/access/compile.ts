import { splitList, unbrace } from "../../../core/config/mod.ts";
import type { Hit } from "./actions.ts";
import { isTable, type Restriction } from "./restriction.ts";
import { restrictions } from "./restrictions.ts";

/** One step of a compiled list. */
export type Step =
  | {
    readonly kind: "run";
    readonly name: string;
    readonly restriction: Restriction;
    readonly argument: string;
  }
  | { readonly kind: "class"; readonly name: string }
  | { readonly kind: "table"; readonly name: string }
  | { readonly kind: "warn" }
  /** Something that can't be done; refuses mail as temporary failure when it is reached. */
  | { readonly kind: "broken"; readonly problems: readonly string[] }
  /** Something that can't be done and decides nothing. */
  | { readonly kind: "note"; readonly problems: readonly string[] };

/** A step that does something by itself. */
export type Deed = Exclude<Step, { kind: "warn" }>;

export type RestrictionList = readonly Step[];

/**
 * Reads a list of restrictions. What makes no sense shows when a client gets that far, as with Postfix.
 * @param isClass tells the names of restriction classes
 * @param within the table entry that the list stands in; tables have no place there
 */
export function compileList(text: string, isClass: (name: string) => boolean, within?: Hit): RestrictionList {
  const words = splitList(text);
  const steps: Step[] = [];
  for (let at = 0; at < words.length; at++) {
    const word = bare(words[at]!);
    const name = word.toLowerCase();
    if (name === "warn_if_reject") {
      steps.push({ kind: "warn" });
      continue;
    }
    const restriction = restrictions.get(name);
    if (restriction !== undefined && restriction.argument === "none") {
      steps.push({ kind: "run", name, restriction, argument: "" });
    } else if (restriction !== undefined) {
      at += 1;
      steps.push(withArgument(name, restriction, words[at], within));
    } else if (isClass(word)) {
      steps.push({ kind: "class", name: word });
    } else if (isTable(word)) {
      steps.push(within === undefined ? { kind: "table", name: word } : insideTable(word, within));
    } else if (/^check_\w+_access$/.test(name) && within !== undefined) {
      steps.push(insideTable(words.slice(at).join(" "), within));
      at += 1;
    } else {
      steps.push({ kind: "broken", problems: [`unknown smtpd restriction: "${word}"`] });
    }
  }
  return steps;
}

function withArgument(
  name: string,
  restriction: Restriction,
  given: string | undefined,
  within: Hit | undefined,
): Step {
  const broken = (problem: string): Step => ({ kind: "broken", problems: [problem] });
  // In what braces stand around more than one word, they are a part of the name in the log.
  const whole = restriction.argument === "service" || restriction.argument === "search";
  const argument = given === undefined || whole ? given : bare(given);
  switch (restriction.argument) {
    case "service":
      if (argument === undefined || !namesService(argument)) {
        return broken(`restriction ${name} must be followed by transport:server`);
      }
      if (within !== undefined) return insideTable(`${name} ${argument}`, within);
      break;
    case "table":
      if (argument === undefined || !isTable(argument)) {
        return broken(`restriction ${name}: bad argument "${argument ?? name}": need maptype:mapname`);
      }
      if (within !== undefined) return insideTable(`${name} ${argument}`, within);
      break;
    case "search": {
      const problems = restriction.problems?.(argument ?? name) ?? [];
      if (problems.length > 0 || argument === undefined) return { kind: "broken", problems };
      if (within !== undefined) return insideTable(`${name} ${argument}`, within);
      break;
    }
    case "domain":
      // A list without a name decides nothing, as with Postfix.
      if (argument === undefined) {
        return { kind: "note", problems: [`restriction ${name} requires domain name argument`] };
      }
      break;
    default:
      if (argument === undefined) return broken(`restriction ${name} must be followed by number`);
  }
  return { kind: "run", name, restriction, argument };
}

/** A step as it stands in main.cf. */
export function describe(step: Deed): string {
  if (step.kind === "broken" || step.kind === "note") return step.problems[0] ?? "";
  return step.kind === "run" && step.argument !== "" ? `${step.name} ${step.argument}` : step.name;
}

/** `{ word }` is the same as `word`. */
function bare(word: string): string {
  const inner = unbrace(word);
  return inner !== undefined && "text" in inner ? inner.text.trim() : word;
}

function insideTable(text: string, within: Hit): Step {
  return {
    kind: "broken",
    problems: [
      `access table ${within.table} has entry with lookup table: ${text}`,
      "do not specify lookup tables inside SMTPD access maps",
      "define a restriction class and specify its name instead.",
    ],
  };
}

/** `unix:private/policy`, or a list in braces that begins with one. */
function namesService(word: string): boolean {
  return /^(\{\s*)?(inet|unix):./.test(word.trim());
}
