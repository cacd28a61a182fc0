/** What XCLIENT and XFORWARD have in common: `NAME=value` words with values in xtext. */
import { isHostname } from "../../core/address/mod.ts";
import { canonicalAddress } from "../../core/dns/mod.ts";
import { decodeXtext, type Families, type Reply, reply, type Word } from "../../core/smtp/mod.ts";
import { printable } from "./printable.ts";

/** What may be told about a client. A value that is not available is undefined. */
export type AttributeReader = (value: string, families: Families) => string | undefined | typeof BAD;

/** A value against the syntax of its attribute. */
export const BAD = Symbol("bad syntax");

/** Longest value, in octets of xtext. */
const MOST_VALUE = 255;

/** One attribute as it was given. */
export interface ClientAttribute {
  readonly name: string;
  /** Undefined: not available. */
  readonly value: string | undefined;
  /** Not available for now only. */
  readonly temporary: boolean;
}

const UNAVAILABLE = /^\[unavailable\]$/i;
const TEMPORARILY_UNAVAILABLE = /^\[tempunavail\]$/i;

/**
 * Reads the words behind a command's name.
 * @param clean takes out of every value what may not be in it
 * @returns the attributes in the order given, or the reply to the first mistake
 */
export function readAttributes(
  command: string,
  words: readonly Word[],
  readers: Readonly<Record<string, AttributeReader>>,
  families: Families,
  clean: (value: string) => string = printable,
): readonly ClientAttribute[] | Reply {
  const refuse = (text: string) => reply(501, "5.5.4", text);
  if (words.length < 2) return refuse(`Syntax: ${command} attribute=value...`);
  const attributes: ClientAttribute[] = [];
  for (const { text } of words.slice(1)) {
    const equals = text.indexOf("=");
    const raw = text.slice(equals + 1);
    if (equals < 0 || raw === "") return refuse("Error: attribute=value expected");
    if (raw.length > MOST_VALUE) return refuse("Error: attribute value too long");
    const given = text.slice(0, equals);
    const name = given.toUpperCase();
    const reader = Object.hasOwn(readers, name) ? readers[name] : undefined;
    if (reader === undefined) return refuse(`Bad ${command} attribute name: ${printable(given)}`);
    // Clients before xtext was agreed on send values as they are.
    const value = clean(decodeXtext(raw) ?? raw);
    const temporary = TEMPORARILY_UNAVAILABLE.test(value);
    if (UNAVAILABLE.test(value) || (temporary && name === "NAME")) {
      attributes.push({ name, value: undefined, temporary });
      continue;
    }
    const read = reader(value, families);
    if (read === BAD) return refuse(`Bad ${name} syntax: ${value}`);
    attributes.push({ name, value: read, temporary: false });
  }
  return attributes;
}

/** A host name. */
export function hostName(value: string): string | typeof BAD {
  return isHostname(value) ? value : BAD;
}

/** `192.0.2.1` or `IPv6:2001:db8::1`; the result is without the prefix, in the usual form. */
export function hostAddress(value: string, families: Families): string | typeof BAD {
  const prefixed = /^ipv6:(.*)$/i.exec(value);
  const canonical = canonicalAddress(prefixed?.[1] ?? value);
  if (canonical === undefined || (prefixed === null) === value.includes(":")) return BAD;
  return (canonical.includes(":") ? families.ipv6 : families.ipv4) ? canonical : BAD;
}

/** A port number; like Postfix, digits are enough. */
export function portNumber(value: string): string | typeof BAD {
  return /^\d{1,5}$/.test(value) ? value : BAD;
}

/** Text without control characters and what is special in headers. */
export function neutral(value: string): string {
  return printable(value).replace(/[ <>()\\";@]/g, "?");
}
