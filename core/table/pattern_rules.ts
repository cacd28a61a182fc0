import { logicalLines, trimBoth, trimRight } from "./logical_lines.ts";
import type { TableLog } from "./context.ts";
import { parseTemplate, RuleError, type Template } from "./result_template.ts";

/** A compiled pattern. Element 0 of the answer is unused; the others are the groups, undefined where not matched. */
export interface Pattern {
  readonly groups: number;
  /** The groups if the subject matches; with `capture` false an empty array will do. */
  match(subject: string, capture: boolean): readonly (string | undefined)[] | undefined;
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
  /** Compiles; throws an error whose message is a complete warning (without file and line). */
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
  where: { readonly name: string; readonly log: TableLog; readonly refuseSubstitution: boolean },
): PatternRule[] {
  const rules: PatternRule[] = [];
  const open: { rule: PatternRule; line: number }[] = [];
  for (const { text: logical, line } of logicalLines(text)) {
    const warn = (problem: string) =>
      where.log.warning(`${dialect.word} map ${where.name}, line ${line}: ${problem}`);
    const whole = trimRight(logical);
    if (open.length > 0 && /^[ \t\r\f\v]/.test(whole)) {
      warn("do not prepend whitespace to statements between IF and ENDIF");
    }
    const body = trimBoth(whole);
    try {
      if (/^[^A-Za-z0-9]/.test(body)) {
        const rule = parseMatch(body, dialect, where.refuseSubstitution, warn);
        rules.push(rule);
      } else if (/^if(?=$|[^A-Za-z0-9])/i.test(body)) {
        const rule = parseIf(trimBoth(body.slice(2)), dialect, warn);
        rules.push(rule);
        open.push({ rule, line });
      } else if (/^endif/i.test(body)) {
        if (body.length > 5) warn("ignoring extra text after ENDIF");
        const started = open.pop();
        if (started === undefined) warn("ignoring ENDIF without matching IF");
        else started.rule.end = rules.length;
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
  while (at < from.length && from[at] !== delimiter) at += from[at] === "\\" ? 2 : 1;
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

function compile(part: Delimited, dialect: PatternDialect, warn: (problem: string) => void): Pattern {
  for (const option of part.options) {
    if (dialect.obsoleteOptions.includes(option)) warn(`ignoring obsolete regexp option "${option}"`);
    else if (!dialect.options.includes(option)) {
      throw new RuleError([`unknown regexp option "${option}": skipping this rule`]);
    }
  }
  return dialect.compile(part.pattern, part.options);
}

function parseMatch(
  text: string,
  dialect: PatternDialect,
  refuseSubstitution: boolean,
  warn: (problem: string) => void,
): PatternRule {
  const first = parseDelimited(text, dialect);
  const hasSecond = first.rest.startsWith("!");
  if (hasSecond && !dialect.secondPattern) {
    throw new RuleError([`unknown regexp option "!": skipping this rule`]);
  }
  const second = hasSecond ? parseDelimited(first.rest.slice(1), dialect) : undefined;
  const replacement = trimBoth((second ?? first).rest);
  if (replacement === "") warn("no replacement text: using empty string");
  const template = parseTemplate(replacement, dialect.word);
  if (template.groups > 0) {
    if (first.negated) {
      throw new RuleError(["$number found in negative match replacement text: skipping this rule"]);
    }
    if (refuseSubstitution) {
      throw new RuleError(["regular expression substitution is not allowed: skipping this rule"]);
    }
  }
  const pattern = compile(first, dialect, warn);
  if (template.groups > pattern.groups) {
    throw new RuleError([`out of range replacement index "${template.groups}": skipping this rule`]);
  }
  const unless = second === undefined ? undefined : compile(second, dialect, warn);
  return { pattern, negated: first.negated, unless, template, end: 0 };
}

function parseIf(text: string, dialect: PatternDialect, warn: (problem: string) => void): PatternRule {
  const part = parseDelimited(text, dialect);
  const extra = trimBoth(part.rest);
  if (extra !== "") warn(`ignoring extra text after IF statement: "${extra}"`);
  return {
    pattern: compile(part, dialect, warn),
    negated: part.negated,
    unless: undefined,
    template: undefined,
    end: 0,
  };
}

/** The result of the first rule that matches. */
export function lookupPattern(rules: readonly PatternRule[], subject: string): string | undefined {
  let at = 0;
  while (at < rules.length) {
    const rule = rules[at]!;
    const { template } = rule;
    const groups = rule.pattern.match(subject, template !== undefined && template.groups > 0);
    let matches = (groups !== undefined) !== rule.negated;
    if (matches && rule.unless !== undefined) matches = rule.unless.match(subject, false) === undefined;
    if (template === undefined) at = matches ? at + 1 : rule.end;
    else if (matches) return template.expand(groups ?? []);
    else at += 1;
  }
  return undefined;
}
