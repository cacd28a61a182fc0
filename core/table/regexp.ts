import { encodeText } from "../bytes/mod.ts";
import { messageOf } from "../errors/mod.ts";
import { compilePcre, compilePosixRegex, hasPcre, PcreFlag, type PosixRegex } from "../system/mod.ts";
import type { OpenContext } from "./context.ts";
import { groupTexts, textOfGroup } from "./group_texts.ts";
import {
  EngineError,
  lookupPattern,
  parsePatternRules,
  type Pattern,
  type PatternDialect,
} from "./pattern_rules.ts";
import { type TranslatedPattern, translateExtended, Untranslatable } from "./posix_pattern.ts";
import { RuleError } from "./result_template.ts";
import { ruleSource } from "./rule_source.ts";
import type { Table } from "./types.ts";

/** `regexp:file`: POSIX regular expressions (regexp_table(5)). */
export function openRegexp(context: OpenContext): Table {
  return openPatternTable(context, POSIX);
}

/** A table of patterns in the given dialect. */
export function openPatternTable(context: OpenContext, dialect: PatternDialect): Table {
  const { type, name, log } = context;
  const source = ruleSource(context, (text) => parsePatternRules(text, dialect, context));
  const warn = (line: number, problem: string) =>
    log.warning(`${dialect.word} map ${name}, line ${line}: ${problem}`);
  return {
    type,
    name,
    matchesPatterns: true,
    lookup: (key) => lookupPattern(source.get(), key, warn, context.matched),
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

/**
 * The letters toggle: patterns are extended and ignore case unless told otherwise.
 *
 * Three engines share the work. The C library has the right idea of which groups match and never backtracks, except for
 * back-references, with which a short subject can keep it busy for minutes: those go to libpcre2, which gives up in
 * time. Whether a plain pattern matches plain text at all is the same everywhere, so JavaScript, which is ten times faster,
 * decides that first.
 */
function compilePosix(pattern: string, options: string): Pattern {
  const toggled = (letter: string) => options.split(letter).length % 2 === 0;
  const ignoreCase = !toggled("i");
  const extended = !toggled("x");
  const newline = toggled("m");
  const library = compileWithLibrary(pattern, { extended, ignoreCase, newline });
  let translated: TranslatedPattern | undefined;
  try {
    if (extended && !newline) translated = translateExtended(pattern);
  } catch (error) {
    if (!(error instanceof Untranslatable)) throw error;
  }
  if (/\\[1-9]/.test(pattern)) return compileBackReferences(translated, ignoreCase);
  const groups = translated?.groups ?? countGroups(pattern, extended);
  const quick = translated?.linear === true
    ? new RegExp(translated.source, ignoreCase ? "i" : "")
    : undefined;
  return {
    groups,
    match(subject, capture) {
      if (quick !== undefined && subject.isAscii) {
        if (!quick.test(subject.text)) return undefined;
        if (!capture) return [];
      }
      const offsets = library.execute(subject.bytes, capture ? groups : 0);
      return offsets === undefined ? undefined : groupTexts(subject.bytes, offsets);
    },
  };
}

function compileWithLibrary(
  pattern: string,
  options: { readonly extended: boolean; readonly ignoreCase: boolean; readonly newline: boolean },
): PosixRegex {
  try {
    return compilePosixRegex(encodeText(`${pattern}\0`), options);
  } catch (error) {
    throw new RuleError([messageOf(error)]);
  }
}

function compileBackReferences(translated: TranslatedPattern | undefined, ignoreCase: boolean): Pattern {
  if (translated === undefined || !hasPcre()) {
    throw new RuleError([
      "this pattern with a back-reference can't be matched in bounded time here: skipping this rule",
    ]);
  }
  const flags = PcreFlag.dollarEndOnly | (ignoreCase ? PcreFlag.caseless : 0);
  const compiled = compilePcre(encodeText(translated.source), flags);
  return {
    groups: translated.groups,
    match(subject, capture) {
      try {
        return compiled.execute(subject.bytes, subject.bytes.length - 1, capture)?.map(textOfGroup);
      } catch (error) {
        throw new EngineError(messageOf(error));
      }
    },
  };
}

/** Number of groups in a pattern that the C library accepted. */
function countGroups(pattern: string, extended: boolean): number {
  const withoutBrackets = pattern.replace(/\[\^?\]?(?:\[[:.=][^\]]*\]|[^\]])*\]/g, "");
  const escaped = withoutBrackets.match(/\\\(/g)?.length ?? 0;
  if (!extended) return escaped;
  return withoutBrackets.replace(/\\./g, "").match(/\(/g)?.length ?? 0;
}
