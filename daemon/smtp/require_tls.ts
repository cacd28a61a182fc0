/** What REQUIRETLS (RFC 8689) demands of servers, and what `smtp_requiretls_policy` makes of the demand. */
import { isIP } from "node:net";
import { domainToASCII } from "node:url";
import type { Config } from "../../core/config/mod.ts";
import { type DsnDetail, SendOption } from "../delivery/types.ts";
import type { Attempt } from "./attempt.ts";
import { localDetail } from "./dsn.ts";
import { mustMatch } from "./tls_policy_table.ts";
import type { Session } from "./session.ts";
import { demandsTls, NO_DEMAND, type RequireTlsLevel, type TlsDemand } from "./tls_demand.ts";
import { type MaybePromise, type Table, TableError, type TableSet } from "../../core/table/mod.ts";

const LEVELS: readonly RequireTlsLevel[] = ["enforce", "opportunistic+starttls", "opportunistic", "disable"];

/** Why a session can't carry a message that demands REQUIRETLS; undefined if it can. Nothing was said to the server yet. */
export function whyUnfit(attempt: Attempt, session: Session): DsnDetail | undefined {
  const { demand } = attempt;
  if (!demandsTls(demand)) return undefined;
  const because = (detail: "10" | "30", reason: string) =>
    localDetail(attempt.requireTlsStatus(detail, ""), reason);
  if (session.tls === undefined || session.tlsPolicy === undefined) {
    return because("10", `TLS is required, but the session with host ${session.named} is not protected`);
  }
  if (demand.level !== "enforce") return undefined;
  // A server that matched nothing would not have got so far, if there was anything to match.
  if (!mustMatch(session.tlsPolicy.level)) {
    return because(
      "10",
      `REQUIRETLS is required, but nothing vouches for the certificate of host ${session.named}`,
    );
  }
  return session.features.requireTls
    ? undefined
    : because("30", `REQUIRETLS is required, but was not offered by host ${session.named}`);
}

/** Finds out what a message demands of the servers of a next hop. Rejects with `TableError`. */
export type FindDemand = (sendopts: number, nexthop: string) => MaybePromise<TlsDemand>;

/** Reads `PROTOCOL_requiretls_policy`. Throws `TableError` for tables that can't be right. */
export function readDemands(config: Config, tables: TableSet, protocol: string): FindDemand {
  const parameter = `${protocol}_requiretls_policy`;
  const relaxes = config.bool("tls_required_enable");
  const enabled = config.bool("requiretls_enable");
  const elements = config.list(parameter).map((word) => word.includes(":") ? tables.open(word) : word);
  return (sendopts, nexthop) => {
    // REQUIRETLS comes first (RFC 8689 section 4.1).
    if (enabled && (sendopts & SendOption.RequireTls) !== 0) {
      return findLevel(elements, nexthop, parameter).then((level) =>
        level === "disable" ? NO_DEMAND : { level, relaxed: false }
      );
    }
    return relaxes && (sendopts & SendOption.TlsNotRequired) !== 0
      ? { level: undefined, relaxed: true }
      : NO_DEMAND;
  };
}

/** Understands a word of the policy; mail waits until somebody mends one that is none. */
function levelOf(word: string, place: string): RequireTlsLevel {
  const level = LEVELS.find((each) => each === word.trim().toLowerCase());
  if (level !== undefined) return level;
  throw new TableError(
    "configuration",
    `${place}: unknown policy "${word}": use one of ${LEVELS.join(", ")}`,
  );
}

async function findLevel(
  elements: readonly (Table | string)[],
  nexthop: string,
  parameter: string,
): Promise<RequireTlsLevel> {
  // Tables have international names in their ASCII form.
  const name = isIP(nexthop) === 0 ? domainToASCII(nexthop) || nexthop.toLowerCase() : nexthop;
  for (const element of elements) {
    if (typeof element === "string") return levelOf(element, parameter);
    const value = await lookup(element, name);
    if (value !== undefined) return levelOf(value, `${parameter}: ${element.type}:${element.name}`);
  }
  // Who says nothing about a destination has not waived anything.
  return "enforce";
}

/** A name, then the domains above it with a dot in front; tables with patterns see the name alone. */
async function lookup(table: Table, name: string): Promise<string | undefined> {
  const found = await table.lookup(name);
  if (found !== undefined || table.matchesPatterns || isIP(name) !== 0) return found;
  for (let dot = name.indexOf(".", 1); dot > 0; dot = name.indexOf(".", dot + 1)) {
    const above = await table.lookup(name.slice(dot));
    if (above !== undefined) return above;
  }
  return undefined;
}
