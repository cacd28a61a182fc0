/** The tokens of `ldap_filter` and its kind. */
import type { Login } from "./types.ts";

function hexadecimal(character: string): string {
  return `\\${character.charCodeAt(0).toString(16).padStart(2, "0")}`;
}

/** Makes text a value inside a filter (RFC 4515 section 3). */
export function quoteFilter(text: string): string {
  return text.replace(/[*()\\\0]/g, hexadecimal);
}

/** Makes text a value inside a distinguished name (RFC 4514 section 2.4). */
export function quoteDn(text: string): string {
  return text.replace(/[",+=<>#;\\\0]|^ | $/g, hexadecimal);
}

/**
 * Puts the parts of a login into a template: `%u` the name, `%U` and `%d` its parts before and behind the `@`, `%1` to `%9`
 * the labels of the domain from its end, `%s` the service, `%r` the realm, `%D` the entry's name where that is known.
 */
export function expandTokens(
  template: string,
  { login, service, realm }: Login,
  quote: (text: string) => string,
  dn?: string,
): string {
  const at = login.indexOf("@");
  const domain = at < 0 ? realm : login.slice(at + 1);
  const labels = domain.split(".").reverse();
  return template.replace(/%([%uUd1-9srD])/g, (whole, letter: string) => {
    switch (letter) {
      case "%":
        return "%";
      case "u":
        return quote(login);
      case "U":
        return quote(at < 0 ? login : login.slice(0, at));
      case "d":
        return quote(domain);
      case "s":
        return quote(service);
      case "r":
        return quote(realm);
      case "D":
        return dn === undefined ? whole : quote === quoteFilter ? quoteFilter(dn) : dn;
      default:
        return quote(labels[Number(letter) - 1] ?? "");
    }
  });
}
