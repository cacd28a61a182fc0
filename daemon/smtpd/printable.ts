/** Text from the network as log lines and replies may carry it: control characters become `?`. */
export function printable(text: string): string {
  // deno-lint-ignore no-control-regex -- control characters are what is looked for
  return text.replace(/[\x00-\x1f\x7f]/g, "?");
}
