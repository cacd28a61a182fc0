/** What a local part can't hold without quotes (RFC 5322 3.2.3): control characters, blanks and specials. */
// deno-lint-ignore no-control-regex -- control characters are what is looked for
const UNSAFE = /[\x00-\x20\x7f"(),:;<>@[\\\]]|^\.|\.\.|\.$/;

/** `word *("." word)`, with octets above 127 allowed. */
export function isDotString(localPart: string): boolean {
  return localPart !== "" && !UNSAFE.test(localPart);
}

function quoteString(text: string): string {
  return `"${text.replace(/["\\\r]/g, "\\$&")}"`;
}

/**
 * Internal form (`joe smith@example.com`) to external form (`"joe smith"@example.com`), as SMTP and headers want it.
 * The last `@` separates the domain; the empty address becomes `""`, with callers that mean `<>` testing first.
 */
export function toExternal(internal: string): string {
  if (!UNSAFE.test(internal.replace("@", ""))) {
    const at = internal.indexOf("@");
    if (at === -1 ? internal !== "" : at > 0 && internal[at - 1] !== ".") return internal;
  }
  // A source route in front (RFC 5321 appendix C) is left as it is.
  const route = internal.startsWith("@") ? internal.slice(0, internal.indexOf(":") + 1) : "";
  const at = internal.lastIndexOf("@");
  const end = at < route.length ? internal.length : at;
  const local = internal.slice(route.length, end);
  const domain = internal.slice(end);
  return route + (isDotString(local) ? local : quoteString(local)) + domain;
}

/** External form to internal form: quotes go, `\x` becomes `x`, the domain stays as it is. */
export function toInternal(external: string): string {
  if (!external.includes('"') && !external.includes("\\")) return external;
  const at = external.lastIndexOf("@");
  const local = at === -1 ? external : external.slice(0, at);
  return local.replace(/"|\\([\s\S])|\\$/g, (_, character: string | undefined) => character ?? "") +
    (at === -1 ? "" : external.slice(at));
}
