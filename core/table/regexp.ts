import { decodeText } from "../bytes/mod.ts";
import type { OpenContext } from "./context.ts";
import { lookupPattern, parsePatternRules, type Pattern, type PatternDialect } from "./pattern_rules.ts";
import { translateExtended } from "./posix_pattern.ts";
import { RuleError } from "./result_template.ts";
import type { Table } from "./types.ts";
import { WatchedFile } from "./watched_file.ts";

/** `regexp:file`: POSIX extended regular expressions (regexp_table(5)). */
export function openRegexp(context: OpenContext): Table {
  return openPatternTable(context, POSIX);
}

/** A table of patterns in the given dialect. */
export function openPatternTable(context: OpenContext, dialect: PatternDialect): Table {
  const { type, name, log, flags } = context;
  const file = new WatchedFile(
    name,
    "open",
    (bytes) =>
      parsePatternRules(decodeText(bytes), dialect, {
        name,
        log,
        refuseSubstitution: flags.refuseSubstitution,
      }),
  );
  return {
    type,
    name,
    matchesPatterns: true,
    lookup: (key) => lookupPattern(file.get(), key),
    close() {},
  };
}

const POSIX: PatternDialect = {
  word: "regexp",
  options: "imx",
  obsoleteOptions: "",
  secondPattern: true,
  unclosed: "skipping this rule",
  compile: compilePosix,
};

/** Letters toggle: patterns ignore case unless `i` is given. */
function compilePosix(pattern: string, options: string): Pattern {
  const toggled = (letter: string) => options.split(letter).length % 2 === 0;
  try {
    const { source, groups } = translateExtended(pattern);
    const expression = new RegExp(source, toggled("i") ? "" : "i");
    return {
      groups,
      match(subject, capture) {
        if (!capture) return expression.test(subject) ? [] : undefined;
        return expression.exec(subject) ?? undefined;
      },
    };
  } catch (error) {
    throw new RuleError([`${(error as Error).message}: skipping this rule`]);
  }
}
