/** A quick look, which takes characters beyond U+FFFF for stray octets. */
// deno-lint-ignore no-control-regex -- control characters are what is looked for
const SUSPICIOUS = /[\x00-\x1f\x7f\ud800-\udfff]/;
// Surrogates by their numbers: as `\p{Surrogate}` they would take 0.2 ms of the start of every command.
// deno-lint-ignore no-control-regex -- as above
const UNPRINTABLE = /[\x00-\x1f\x7f\ud800-\udfff]/gu;

/**
 * Text that is not to be trusted, as log lines and terminals may have it: control characters, and octets that were not
 * UTF-8 (see `decodeText`), become `mark`.
 */
export function printable(text: string, mark = "?"): string {
  return SUSPICIOUS.test(text) ? text.replace(UNPRINTABLE, mark) : text;
}
