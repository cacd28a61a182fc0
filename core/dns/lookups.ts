/** Questions that are made of plain ones. */
import { decodeText } from "../bytes/mod.ts";
import { dnsError } from "./answer.ts";
import { type AddressRecord, DnsError, type Resolver } from "./types.ts";

/** How bad a kind is: what may heal outweighs what is certain, so that mail is kept. */
const WEIGHT: Record<string, number> = {
  temporary: 6,
  filtered: 5,
  failed: 4,
  invalid: 3,
  noData: 2,
  notFound: 1,
};

/** The error that counts when several questions about one name failed; the later one among equals. */
function worse(left: unknown, right: unknown): unknown {
  if (!(left instanceof DnsError)) return right;
  if (!(right instanceof DnsError)) return left;
  return (WEIGHT[right.kind] ?? 0) >= (WEIGHT[left.kind] ?? 0) ? right : left;
}

/** Mail exchangers, addresses and texts, over a way to ask one question. */
export function lookupsBy(query: Resolver["query"]): Pick<Resolver, "mx" | "addresses" | "txt"> {
  return {
    async mx(name, options) {
      const { records } = await query(name, "MX", options);
      const named = records.filter((record) => record.exchange !== ".");
      if (named.length === 0) throw dnsError("nullMx", name, "MX");
      return named;
    },
    async addresses(name, families, options) {
      const questions = families.map((family) => query(name, family === 4 ? "A" : "AAAA", options));
      const found: AddressRecord[] = [];
      let problem: unknown;
      for (const result of await Promise.allSettled(questions)) {
        if (result.status === "fulfilled") found.push(...result.value.records);
        else problem = worse(problem, result.reason);
      }
      if (found.length === 0) throw problem;
      return found;
    },
    async txt(name) {
      const { records } = await query(name, "TXT");
      return records.map((record) => decodeText(record));
    },
  };
}
