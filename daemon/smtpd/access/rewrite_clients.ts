import { splitList } from "../../../core/config/mod.ts";
import type { RestrictionList, Step } from "./compile.ts";
import { isTable, lookupFailed, type Restriction, tableOf, then } from "./restriction.ts";
import { restrictions } from "./restrictions.ts";

/** The restrictions that have a meaning there. */
const PERMITS: ReadonlySet<string> = new Set([
  "permit_inet_interfaces",
  "permit_mynetworks",
  "permit_sasl_authenticated",
  "permit_tls_clientcerts",
  "permit_tls_all_clientcerts",
]);

/** A client whose address is found is one of ours, whatever the table says of it. */
const addressMap: Restriction = {
  argument: "table",
  run(check, spec) {
    const { address } = check.session.client;
    const subject = { name: address, nameClass: "Client host" };
    const failed = (error: unknown) => lookupFailed(check, spec, address, subject, error);
    try {
      const found = tableOf(check.session.service.deps.tables, spec).lookup(address);
      const outcome = then(found, (value) => value === undefined ? "dunno" as const : "ok" as const);
      return outcome instanceof Promise ? outcome.catch(failed) : outcome;
    } catch (error) {
      return failed(error);
    }
  },
};

/** Reads `local_header_rewrite_clients`, which has words of its own: a table there is no access table. */
export function compileRewriteClients(text: string): RestrictionList {
  const words = splitList(text).filter((word) => word.toLowerCase() !== "check_address_map");
  return words.map((word): Step => {
    const name = word.toLowerCase();
    const restriction = PERMITS.has(name) ? restrictions.get(name) : undefined;
    if (restriction !== undefined) return { kind: "run", name, restriction, argument: "" };
    if (isTable(word)) {
      return { kind: "run", name: "check_address_map", restriction: addressMap, argument: word };
    }
    return {
      kind: "note",
      problems: [`parameter local_header_rewrite_clients: invalid request: ${word}`],
    };
  });
}
