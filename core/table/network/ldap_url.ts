/** What an LDAP URL asks for (RFC 4516); the server in it is of no interest. */
export interface LdapUrl {
  readonly base: string;
  /** Empty for all. */
  readonly attributes: readonly string[];
  readonly scope: "base" | "one" | "sub";
  readonly filter: string;
}

/** Reads `ldap://host/base?attributes?scope?filter`; undefined for text that is no LDAP URL. */
export function parseLdapUrl(text: string): LdapUrl | undefined {
  const match = /^ldap[is]?:\/\/[^/?]*(?:\/([^?]*))?(?:\?([^?]*))?(?:\?([^?]*))?(?:\?([^?]*))?/i.exec(text);
  if (match === null) return undefined;
  const [base, attributes, scope, filter] = match.slice(1).map((part) => decoded(part ?? ""));
  if (base === undefined || attributes === undefined || scope === undefined || filter === undefined) {
    return undefined;
  }
  const name = scope.toLowerCase() || "base";
  if (name !== "base" && name !== "one" && name !== "sub") return undefined;
  return {
    base,
    attributes: attributes.split(",").filter((attribute) => attribute !== ""),
    scope: name,
    filter: filter || "(objectClass=*)",
  };
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

/**
 * The attributes that both a URL and a table want, with the options (`;lang-de`) that one of them has; options on both sides
 * must be the same.
 * @param wanted those of the table, which are all taken if the URL lists none
 */
export function commonAttributes(wanted: readonly string[], url: readonly string[]): string[] {
  if (url.length === 0) return [...wanted];
  const common: string[] = [];
  for (const ours of wanted) {
    for (const theirs of url) {
      const [name, options] = split(ours);
      const [urlName, urlOptions] = split(theirs);
      if (name !== urlName) continue;
      if (options === urlOptions || urlOptions === "") common.push(ours);
      else if (options === "") common.push(theirs);
    }
  }
  return common;
}

function split(attribute: string): [string, string] {
  const lower = attribute.toLowerCase();
  const semicolon = lower.indexOf(";");
  return semicolon < 0 ? [lower, ""] : [lower.slice(0, semicolon), lower.slice(semicolon)];
}
