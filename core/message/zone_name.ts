/**
 * The abbreviation of the local time zone (`CET`, `PDT`), which the runtime gives for few zones only. It stands in the
 * last line of the system's zone file, as a rule in the form of the TZ variable (RFC 8536, 3.3; POSIX, 8.3).
 */

/** `CET-1CEST,M3.5.0,M10.5.0/3`: names and their offsets in minutes east of Greenwich. */
interface ZoneRule {
  readonly standard: string;
  readonly standardOffset: number;
  /** Daylight saving time. */
  readonly summer: string | undefined;
  readonly summerOffset: number;
}

const NAME = "(?:<[A-Za-z0-9+-]+>|[A-Za-z]{3,})";
const OFFSET = "[+-]?\\d{1,3}(?::\\d{1,2}){0,2}";
const RULE = new RegExp(`^(${NAME})(${OFFSET})(?:(${NAME})(${OFFSET})?)?(?:,|$)`);

function minutesEast(offset: string): number {
  const [hours, minutes = "0"] = offset.replace(/^[+-]/, "").split(":");
  const total = Number(hours) * 60 + Number(minutes);
  // POSIX counts westward.
  return offset.startsWith("-") ? total : -total;
}

/** Undefined if the text is no such rule. */
export function parseZoneRule(text: string): ZoneRule | undefined {
  const match = RULE.exec(text);
  if (match === null) return undefined;
  const [, standard, offset, summer, summerOffset] = match;
  const plain = (name: string) => name.replace(/[<>]/g, "");
  const standardOffset = minutesEast(offset!);
  return {
    standard: plain(standard!),
    standardOffset,
    summer: summer === undefined ? undefined : plain(summer),
    summerOffset: summerOffset === undefined ? standardOffset + 60 : minutesEast(summerOffset),
  };
}

function systemRule(): ZoneRule | undefined {
  try {
    const zone = (Deno.env.get("TZ") ?? "").replace(/^:/, "");
    const direct = parseZoneRule(zone);
    if (direct !== undefined) return direct;
    const path = zone === "" ? "/etc/localtime" : zone.startsWith("/") ? zone : `/usr/share/zoneinfo/${zone}`;
    const lines = new TextDecoder("latin1").decode(Deno.readFileSync(path)).trimEnd().split("\n");
    return parseZoneRule(lines.at(-1) ?? "");
  } catch {
    // No such file, or no right to read it (any more): the runtime's own name is used.
    return undefined;
  }
}

let rule: ZoneRule | undefined | "unread" = "unread";
let formatter: Intl.DateTimeFormat | undefined;

/** The zone's name at `date`, whose offset is `offset` minutes east. The zone file is read on first use. */
export function zoneName(date: Date, offset: number): string {
  if (rule === "unread") rule = systemRule();
  if (rule?.standardOffset === offset) return rule.standard;
  if (rule?.summer !== undefined && rule.summerOffset === offset) return rule.summer;
  formatter ??= new Intl.DateTimeFormat("en-US", { timeZoneName: "short" });
  return formatter.formatToParts(date).find((part) => part.type === "timeZoneName")?.value ?? "UTC";
}
