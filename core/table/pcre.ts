import { encodeText } from "../bytes/mod.ts";
import { messageOf } from "../errors/mod.ts";
import { compilePcre, hasPcre, PcreFlag, type PcrePattern } from "../system/mod.ts";
import type { OpenContext } from "./context.ts";
import { textOfGroup } from "./group_texts.ts";
import { EngineError, type Pattern, type PatternDialect } from "./pattern_rules.ts";
import { translatePerl } from "./perl_pattern.ts";
import { Untranslatable } from "./posix_pattern.ts";
import { openPatternTable } from "./regexp.ts";
import { RuleError } from "./result_template.ts";
import type { Table } from "./types.ts";

/**
 * `pcre:file`: Perl-compatible regular expressions (pcre_table(5)) by libpcre2 with a limit on backtracking; where the system
 * lacks that library, by JavaScript for the patterns that mean the same there.
 */
export function openPcre(context: OpenContext): Table {
  return openPatternTable(
    context,
    {
      word: "pcre",
      options: "imsxAEU",
      obsoleteOptions: "X",
      secondPattern: false,
      unclosed: "ignoring this rule",
      compile: (pattern, options) =>
        hasPcre() ? compileWithLibrary(pattern, options) : compileTranslated(pattern, options),
    } satisfies PatternDialect,
  );
}

/** What each letter toggles, and what is on without any. */
const LETTERS: Readonly<Record<string, number>> = {
  i: PcreFlag.caseless,
  m: PcreFlag.multiline,
  s: PcreFlag.dotAll,
  x: PcreFlag.extended,
  A: PcreFlag.anchored,
  E: PcreFlag.dollarEndOnly,
  U: PcreFlag.ungreedy,
};
const DEFAULTS = PcreFlag.caseless | PcreFlag.dotAll;

/** Patterns see octets, as in Postfix; one that begins with `(*UTF)` sees characters. */
function compileWithLibrary(pattern: string, options: string): Pattern {
  let flags = DEFAULTS;
  for (const letter of options) flags ^= LETTERS[letter] ?? 0;
  let compiled: PcrePattern;
  try {
    compiled = compilePcre(encodeText(pattern), flags);
  } catch (error) {
    throw new RuleError([messageOf(error)]);
  }
  return {
    groups: compiled.groups,
    match(subject, capture) {
      try {
        return compiled.execute(subject.bytes, subject.bytes.length - 1, capture)?.map(textOfGroup);
      } catch (error) {
        throw new EngineError(messageOf(error));
      }
    },
  };
}

/** The letters that JavaScript has no counterpart for are refused. */
function compileTranslated(pattern: string, options: string): Pattern {
  try {
    const toggled = (letter: string) => options.split(letter).length % 2 === 0;
    for (const letter of "xAU") {
      if (toggled(letter)) throw new Untranslatable(`option "${letter}"`);
    }
    const { source, groups } = translatePerl(pattern, {
      dotAll: !toggled("s"),
      multiline: toggled("m"),
      dollarEndOnly: toggled("E"),
    });
    const expression = new RegExp(source, toggled("i") ? "" : "i");
    return { groups, match: (subject) => expression.exec(subject.text) ?? undefined };
  } catch (error) {
    if (!(error instanceof Untranslatable || error instanceof SyntaxError)) throw error;
    throw new RuleError([`${error.message} needs libpcre2-8, which is not installed: skipping this rule`]);
  }
}
