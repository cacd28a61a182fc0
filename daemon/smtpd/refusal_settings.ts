import type { Config } from "../../core/config/mod.ts";
import type { TableList, TableSet } from "../../core/table/mod.ts";

/** What is done to refusals before they leave. */
export interface RefusalChanges {
  readonly filterMaps: TableList;
  /** Unexpanded. */
  readonly footer: string;
  readonly footerMaps: TableList;
  /** What footers may not show of the session: all but `smtpd_expansion_filter`. */
  readonly censored: RegExp;
  readonly softBounce: boolean;
}

/** Finds characters that are not among `allowed`, which has escapes as in C (`\\t`, `\\40`). */
function outside(allowed: string): RegExp {
  const escapes: Readonly<Record<string, string>> = { t: "\t", n: "\n", r: "\r" };
  const characters = allowed.replace(
    /\\(?:([0-7]{1,3})|(.))/g,
    (_, octal?: string, other = "") =>
      octal === undefined ? escapes[other] ?? other : String.fromCharCode(parseInt(octal, 8)),
  );
  return new RegExp(`[^${characters.replace(/[\\\]\-^]/g, "\\$&")}]`, "g");
}

/** Undefined if refusals are sent as they are. Throws `TableError`. */
export function refusalChanges(config: Config, tables: TableSet): RefusalChanges | undefined {
  const maps = (name: string) => tables.list(config.string(name), {}, name);
  const changes = {
    filterMaps: maps("smtpd_reject_filter_maps"),
    footer: config.raw("smtpd_reject_footer") ?? "",
    footerMaps: maps("smtpd_reject_footer_maps"),
    censored: outside(config.string("smtpd_expansion_filter")),
    softBounce: config.bool("soft_bounce"),
  };
  const idle = changes.filterMaps.isEmpty && changes.footer === "" && changes.footerMaps.isEmpty;
  return idle && !changes.softBounce ? undefined : changes;
}
