/** The right-hand side of header_checks(5) and body_checks(5) tables, for cleanup and the SMTP client. */
import { headerNameLength } from "./header_name.ts";

const ACTIONS = [
  "REJECT",
  "WARN",
  "INFO",
  "FILTER",
  "PASS",
  "DISCARD",
  "HOLD",
  "PREPEND",
  "REPLACE",
  "REDIRECT",
  "BCC",
  "STRIP",
  "IGNORE",
  "DUNNO",
  "OK",
] as const;

/** What a table says to do with a line. */
export interface CheckAction {
  /** Undefined: no such action. */
  readonly name: (typeof ACTIONS)[number] | undefined;
  /** What stands behind the name, without leading blanks. */
  readonly text: string;
}

const BY_NAME = new Map<string, (typeof ACTIONS)[number]>(ACTIONS.map((name) => [name, name]));

/** Takes a table's result apart: `REJECT 5.7.1 go away`. Names are in any case. */
export function checkAction(value: string): CheckAction {
  const length = value.search(/[ \t]/);
  const name = length < 0 ? value : value.slice(0, length);
  return {
    name: BY_NAME.get(name.toUpperCase()),
    text: length < 0 ? "" : value.slice(length).trimStart(),
  };
}

/** Does text begin like a header (`Name: `)? */
export function isHeaderText(text: string): boolean {
  const bytes = new TextEncoder().encode(text);
  return headerNameLength(bytes, 0, bytes.length) > 0;
}
