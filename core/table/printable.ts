/**
 * A message in the form in which Postfix shows what it does not trust: control characters and octets that are not UTF-8
 * become question marks.
 */
export function printable(text: string): string {
  // deno-lint-ignore no-control-regex
  return text.replace(/[\x00-\x1f\x7f]|\p{Surrogate}/gu, "?");
}
