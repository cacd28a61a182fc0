import { encodeText } from "../bytes/mod.ts";
import { logicalLines, trimBoth } from "./logical_lines.ts";
import { leadingSpaceWarning } from "./map_source.ts";
import type { OpenContext, ResolvedFlags } from "./context.ts";
import { keptValue } from "./file_contents.ts";
import { parseTemplate, RuleError, type Template, type TemplateWarnings } from "./result_template.ts";

/** What is looked up, in the forms that engines want; each is made once for all patterns of a table. */
export class Subject {
  #bytes: Uint8Array<ArrayBuffer> | undefined;
  #ascii: boolean | undefined;

  constructor(readonly text: string) {}

  /** The octets with a NUL behind them. */
  get bytes(): Uint8Array<ArrayBuffer> {
    return this.#bytes ??= encodeText(`${this.text}\0`);
  }

  get isAscii(): boolean {
    return this.#ascii ??= this.bytes.length === this.text.length + 1;
  }
}

/** A compiled pattern. Element 0 of the answer is unused; the others are the groups, undefined where not matched. */
export interface Pattern {
  readonly groups: number;
  /**
   * The groups if the subject matches; with `capture` false an empty array will do. Throws an error with a message for
   * the log when the engine gives up.
   */
  match(subject: Subject, capture: boolean): readonly (string | undefined)[] | undefined;
}

/** What differs between `regexp:` and `pcre:`. */
export interface PatternDialect {
  /** `regexp` or `pcre`, for messages. */
  readonly word: string;
  /** Option letters behind the closing delimiter. */
  readonly options: string;
  /** Old letters that are taken with a warning and have no effect. */
  readonly obsoleteOptions: string;
  /** May `/one/!/two/` say "matches one and not two"? */
  readonly secondPattern: boolean;
  /** End of the message about a missing closing delimiter. */
  readonly unclosed: string;
  /** Compiles; throws `RuleError`. */
  compile(pattern: string, options: string): Pattern;
}

/** One line of a pattern table. */
export interface PatternRule {
  readonly pattern: Pattern;
  readonly negated: boolean;
  /** `/one/!/two/`: a second pattern that must not match. */
  readonly unless: Pattern | undefined;
  /** Undefined for IF. */
  readonly template: Template | undefined;
  /** First line of the rule, for messages. */
  readonly line: number;
  /** For IF: index of the rule behind its ENDIF. */
  end: number;
}

interface Delimited {
  readonly pattern: string;
  readonly options: string;
  readonly negated: boolean;
  readonly rest: string;
}

/** Parses the rules of a `regexp:` or `pcre:` table. Bad rules are skipped with a warning, as Postfix does. */
export function parsePatternRules(
  text: string,
  dialect: PatternDialect,
  where: Pick<OpenContext, "name" | "log" | "flags">,
): PatternRule[] {
  const rules: PatternRule[] = [];
  const open: { rule: PatternRule; line: number }[] = [];
  const stray = (line: string) => where.log.warning(leadingSpaceWarning(where.name, line));
  for (const { text: logical, line } of logicalLines(text, stray)) {
    const warn = (problem: string) =>
      where.log.warning(`${dialect.word} map ${where.name}, line ${line}: ${problem}`);
    const warnings: TemplateWarnings = { warn, say: (problem) => where.log.warning(problem) };
    const body = trimBoth(logical);
    try {
      if (/^[^A-Za-z0-9]/.test(body)) {
        const rule = parseMatch(body, dialect, where.flags, warnings, line);
        rules.push(rule);
      } else if (/^if(?=$|[^A-Za-z0-9])/i.test(body)) {
        const rule = parseIf(trimBoth(body.slice(2)), dialect, warn, line);
        rules.push(rule);
        open.push({ rule, line });
      } else if (/^endif/i.test(body)) {
        const started = open.pop();
        if (started === undefined) warn("ignoring ENDIF without matching IF");
        else {
          if (body.length > 5) warn("ignoring extra text after ENDIF");
          started.rule.end = rules.length;
        }
      } else warn("ignoring unrecognized request");
    } catch (error) {
      if (!(error instanceof RuleError)) throw error;
      for (const message of error.messages) warn(message);
    }
  }
  for (const { rule, line } of open) {
    where.log.warning(`${dialect.word} map ${where.name}, line ${line}: IF has no matching ENDIF`);
    rule.end = rules.length;
  }
  return rules;
}

/** Reads `!/pattern/options rest`; the delimiter is whatever character stands first. */
function parseDelimited(text: string, dialect: PatternDialect): Delimited {
  const negations = /^(?:![ \t]*)*/.exec(text)![0];
  const from = text.slice(negations.length);
  const delimiter = from[0];
  if (delimiter === undefined) throw new RuleError(["no regexp: skipping this rule"]);
  let at = 1;
  // A backslash takes the next character along, even where it is the delimiter itself.
  while (at < from.length && (from[at] === "\\" || from[at] !== delimiter)) at += from[at] === "\\" ? 2 : 1;
  if (at >= from.length) {
    throw new RuleError([`no closing regexp delimiter "${delimiter}": ${dialect.unclosed}`]);
  }
  const after = from.slice(at + 1);
  const [options] = /^[^ \t\r\n\f\v!]*/.exec(after)!;
  return {
    pattern: from.slice(1, at),
    options,
    negated: (negations.match(/!/g)?.length ?? 0) % 2 === 1,
    rest: after.slice(options.length),
  };
}

/** Throws `RuleError` for an option that the dialect has not. */
function checkOptions(part: Delimited, dialect: PatternDialect, warn: (problem: string) => void): Delimited {
  for (const option of part.options) {
    if (dialect.obsoleteOptions.includes(option)) warn(`ignoring obsolete regexp option "${option}"`);
    else if (!dialect.options.includes(option)) {
      throw new RuleError([`unknown regexp option "${option}": skipping this rule`]);
    }
  }
  return part;
}

function parseMatch(
  text: string,
  dialect: PatternDialect,
  flags: ResolvedFlags,
  warnings: TemplateWarnings,
  line: number,
): PatternRule {
  const { warn } = warnings;
  const first = checkOptions(parseDelimited(text, dialect), dialect, warn);
  const hasSecond = first.rest.startsWith("!");
  if (hasSecond && !dialect.secondPattern) {
    throw new RuleError([`unknown regexp option "!": skipping this rule`]);
  }
  const second = hasSecond
    ? checkOptions(parseDelimited(first.rest.slice(1), dialect), dialect, warn)
    : undefined;
  const kept = keptValue(trimBoth((second ?? first).rest), flags);
  if ("problem" in kept) throw new RuleError([`${kept.problem}: skipping this rule`]);
  const replacement = kept.value;
  if (replacement === "") warn("no replacement text: using empty string");
  const template = parseTemplate(replacement, dialect.word, warnings);
  if (template.groups > 0) {
    if (first.negated) {
      throw new RuleError(["$number found in negative match replacement text: skipping this rule"]);
    }
    if (flags.refuseSubstitution) {
      throw new RuleError(["regular expression substitution is not allowed: skipping this rule"]);
    }
  }
  const pattern = dialect.compile(first.pattern, first.options);
  if (template.groups > pattern.groups) {
    throw new RuleError([`out of range replacement index "${template.groups}": skipping this rule`]);
  }
  const unless = second === undefined ? undefined : dialect.compile(second.pattern, second.options);
  return { pattern, negated: first.negated, unless, template, line, end: 0 };
}

function parseIf(
  text: string,
  dialect: PatternDialect,
  warn: (problem: string) => void,
  line: number,
): PatternRule {
  const part = checkOptions(parseDelimited(text, dialect), dialect, warn);
  const extra = trimBoth(part.rest);
  if (extra !== "") {
    warn(`ignoring extra text after IF statement: "${extra}"`);
    // The usual reason: the next rule is indented and so became part of this line.
    warn("do not prepend whitespace to statements between IF and ENDIF");
  }
  return {
    pattern: dialect.compile(part.pattern, part.options),
    negated: part.negated,
    unless: undefined,
    template: undefined,
    line,
    end: 0,
  };
}

/**
 * The result of the first rule that matches. A pattern that its engine gives up on does not match.
 * @param warn is told which line that was and why
 * @param matched is told the line of the rule that gave the result
 */
export function lookupPattern(
  rules: readonly PatternRule[],
  key: string,
  warn: (line: number, problem: string) => void,
  matched?: (line: number) => void,
): string | undefined {
  const subject = new Subject(key);
  let at = 0;
  while (at < rules.length) {
    const rule = rules[at]!;
    const { template } = rule;
    let groups: readonly (string | undefined)[] | undefined;
    let matches = false;
    try {
      groups = rule.pattern.match(subject, template !== undefined && template.groups > 0);
      matches = (groups !== undefined) !== rule.negated;
      if (matches && rule.unless !== undefined) matches = rule.unless.match(subject, false) === undefined;
    } catch (error) {
      if (!(error instanceof EngineError)) throw error;
      warn(rule.line, error.message);
    }
    if (template === undefined) at = matches ? at + 1 : rule.end;
    else if (matches) {
      matched?.(rule.line);
      return template.expand(groups ?? []);
    } else at += 1;
  }
  return undefined;
}

/** The engine gave up on a subject: too much backtracking. */
export class EngineError extends Error {
  override readonly name = "EngineError";
}
