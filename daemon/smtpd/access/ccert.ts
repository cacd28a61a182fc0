import { splitList, unbrace } from "../../../core/config/mod.ts";
import { clientFingerprints } from "../fingerprints.ts";
import type { Check } from "./check.ts";
import { checkAccess, type Subject } from "./maps.ts";
import { isTable, type Restriction } from "./restriction.ts";

/** What of a certificate is looked up. */
const SEARCHES = ["cert_fingerprint", "pubkey_fingerprint"] as const;
type Search = typeof SEARCHES[number];

/** `type:table`, or `{ type:table, { search_order = cert_fingerprint pubkey_fingerprint } }`. */
interface CertificateTable {
  readonly table: string;
  readonly order: readonly Search[];
}

/** Understands the argument of check_ccert_access; a list of problems, in Postfix's words, if that can't be done. */
function readArgument(argument: string): CertificateTable | readonly string[] {
  if (!argument.startsWith("{")) {
    return isTable(argument) ? { table: argument, order: SEARCHES } : [notTable(argument)];
  }
  const unusable = (problem: string) => [problem, `See earlier parsing error messages for '${argument}`];
  const [table, ...options] = splitList(inside(argument) ?? "");
  if (table === undefined) return [`empty map specification: '${argument}'`, notTable(argument)];
  if (!isTable(table)) {
    const malformed = `malformed map specification: '${argument}'`;
    return [malformed, `expected maptype:mapname instead of '${table}'`, notTable(argument)];
  }
  let order: readonly Search[] = SEARCHES;
  for (const option of options) {
    const text = inside(option) ?? option;
    const equals = text.indexOf("=");
    if (equals < 0) {
      return unusable(`malformed map attribute in '${argument}': 'missing '=' after attribute name'`);
    }
    const name = text.slice(0, equals).trim();
    if (name !== "search_order") return unusable(`unknown map attribute in '${argument}': '${name}'`);
    const words = splitList(text.slice(equals + 1));
    const unknown = words.find((word) => !isSearch(word));
    if (unknown !== undefined) return unusable(`unknown search type '${unknown}' in '${argument}'`);
    order = words.filter(isSearch);
  }
  return { table, order };
}

function inside(text: string): string | undefined {
  const inner = unbrace(text);
  return inner !== undefined && "text" in inner ? inner.text.trim() : undefined;
}

function isSearch(word: string): word is Search {
  return SEARCHES.some((search) => search === word);
}

function notTable(argument: string): string {
  return `restriction check_ccert_access: bad argument "${argument}": need maptype:mapname`;
}

/** The fingerprints of the client's certificate and key, as far as they are asked for. */
function certificateSubject(check: Check, order: readonly Search[]): Subject | undefined {
  const { config } = check.session.service.deps;
  if (!config.bool("smtpd_tls_ask_ccert") && !config.bool("smtpd_tls_req_ccert")) {
    check.session.warn('check_ccert_access is requested, but "smtpd_tls_ask_ccert = no"');
  }
  const prints = clientFingerprints(check.session);
  if (prints === undefined || order.length === 0) return undefined;
  const key = (search: Search) => search === "cert_fingerprint" ? prints.certificate : prints.publicKey;
  return {
    name: check.session.tls?.peer?.subject ?? "",
    nameClass: "Client certificate",
    keys: () => order.map((search) => ({ text: key(search), partial: false })),
  };
}

/** The restriction that asks access(5) tables about the client's certificate. */
export const certificateRestrictions: Readonly<Record<string, Restriction>> = {
  check_ccert_access: {
    argument: "search",
    problems(argument) {
      const found = readArgument(argument);
      return "table" in found ? [] : found;
    },
    run(check, argument) {
      const found = readArgument(argument);
      // An argument that can't be understood does not get here.
      if (!("table" in found)) return check.misconfigured();
      const subject = certificateSubject(check, found.order);
      return subject === undefined ? "dunno" : checkAccess(check, found.table, subject);
    },
  },
};
