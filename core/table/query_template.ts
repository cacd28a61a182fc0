/** The parts of a lookup key or result that `%` letters name. */
interface Parts {
  readonly whole: string;
  readonly local: string;
  /** Undefined without `@`. */
  readonly domain: string | undefined;
}

function partsOf(text: string): Parts {
  const at = text.lastIndexOf("@");
  if (at < 0) return { whole: text, local: text, domain: undefined };
  return { whole: text, local: text.slice(0, at), domain: text.slice(at + 1) };
}

/** The part that a letter or digit stands for; undefined when the text doesn't have it. */
function partFor(letter: string, parts: Parts): string | undefined {
  if (letter === "s") return parts.whole;
  if (letter === "u") return parts.local === "" ? undefined : parts.local;
  if (letter === "d") return parts.domain === "" ? undefined : parts.domain;
  // Dots at the ends and several in a row make no labels.
  const labels = parts.domain?.split(".").filter((label) => label !== "") ?? [];
  return labels[labels.length - Number(letter)];
}

/**
 * Puts the parts of a key (`%s %u %d %1` ..., in either case) into a query.
 * @param quote makes a part safe where it will stand
 * @returns undefined when the key lacks a part that the template wants: then there is nothing to ask
 */
export function expandQuery(
  template: string,
  key: string,
  quote: (text: string) => string,
): string | undefined {
  const parts = partsOf(key);
  let missing = false;
  const expanded = template.replace(/%(.?)/gs, (_, letter: string) => {
    if (letter === "%") return "%";
    const part = partFor(letter.toLowerCase(), parts);
    if (part === undefined) missing = true;
    return quote(part ?? "");
  });
  return missing ? undefined : expanded;
}

/**
 * Puts a result (`%s %u %d`) and parts of the key (`%S %U %D %1` ...) into `result_format`.
 * @returns undefined when one of them is missing or the result is empty: then the result is left out
 */
export function expandResult(template: string, value: string, key: string): string | undefined {
  if (value === "") return undefined;
  const keyParts = partsOf(key);
  const valueParts = partsOf(value);
  let missing = false;
  const expanded = template.replace(/%(.?)/gs, (_, letter: string) => {
    if (letter === "%") return "%";
    const part = /[sud]/.test(letter) ? partFor(letter, valueParts) : partFor(letter.toLowerCase(), keyParts);
    if (part === undefined) missing = true;
    return part ?? "";
  });
  return missing ? undefined : expanded;
}

/** Does every `%` of a template mean something? */
export function isTemplate(text: string): boolean {
  return !/%(?![%sudSUD1-9])/.test(text.replaceAll("%%", ""));
}

/** Does what a checked template makes depend on the key? */
export function dependsOnKey(template: string): boolean {
  return /%[^%]/.test(template.replaceAll("%%", ""));
}
