import { reply, type Word } from "../../core/smtp/mod.ts";
import {
  type AttributeReader,
  BAD,
  hostAddress,
  hostName,
  neutral,
  portNumber,
  readAttributes,
} from "./client_attributes.ts";
import { UNKNOWN } from "./client.ts";
import type { Session } from "./session.ts";

/** What a filter told about the client that it got the next message from. Undefined is what it did not say. */
export interface ForwardedClient {
  name?: string | undefined;
  address?: string | undefined;
  port?: string | undefined;
  protocol?: string | undefined;
  helo?: string | undefined;
  /** The queue id there. */
  ident?: string | undefined;
  /** `local` or `remote` */
  context?: string | undefined;
}

const MOST_PROTOCOL = 64;

const READERS: Readonly<Record<string, AttributeReader>> = {
  NAME: hostName,
  ADDR: hostAddress,
  PORT: portNumber,
  PROTO: (value) => value.length > MOST_PROTOCOL ? BAD : value,
  HELO: (value) => value,
  IDENT: (value) => value,
  SOURCE: (value) => ({ LOCAL: "local", REMOTE: "remote" })[value.toUpperCase()] ?? BAD,
};

/** The line of EHLO. */
export const XFORWARD_KEYWORD = "XFORWARD NAME ADDR PROTO HELO SOURCE PORT IDENT";

const FIELDS: Readonly<Record<string, keyof ForwardedClient>> = {
  NAME: "name",
  ADDR: "address",
  PORT: "port",
  PROTO: "protocol",
  HELO: "helo",
  IDENT: "ident",
  SOURCE: "context",
};

/** XFORWARD attribute=value... (XFORWARD_README): who the client of the next message is, for logs and queue files. */
export function xforward(session: Session, words: readonly Word[]): boolean {
  if (session.transaction !== undefined) {
    return session.refuse(503, "5.5.1", "Error: MAIL transaction in progress");
  }
  if (words.length < 2) return session.refuse(501, "5.5.4", "Syntax: XFORWARD attribute=value...");
  if (!session.mayXforward) {
    return session.refuse(550, "5.7.0", "Error: insufficient authorization", "policy");
  }
  const attributes = readAttributes("XFORWARD", words, READERS, session.settings.families, neutral);
  if ("code" in attributes) {
    session.blame("protocol");
    session.reply(attributes);
    return false;
  }
  const forwarded: ForwardedClient = session.forwarded ??= {};
  for (const { name, value } of attributes) forwarded[FIELDS[name]!] = value;
  session.reply(reply(250, "2.0.0", "Ok"));
  return true;
}

const OF_THE_CLIENT: readonly (keyof ForwardedClient)[] = ["name", "address", "port", "protocol", "helo"];

/**
 * The client that logs and queue files name: what was told, as soon as that has anything about a client, if only that it
 * is not available. A queue id or a source alone leave the client of the session (undefined).
 */
export function clientTold(forwarded: ForwardedClient | undefined): ForwardedClient | undefined {
  return forwarded !== undefined && OF_THE_CLIENT.some((field) => field in forwarded) ? forwarded : undefined;
}

/** `name[address]` as log lines and queue files have it. */
export function forwardedLabel({ name = UNKNOWN, address }: ForwardedClient): string {
  return address === undefined ? name : `${name}[${address}]`;
}

/** An address as the SMTP attributes have it: `192.0.2.1`, `IPv6:2001:db8::1`. */
export function forwardedAddress({ address = UNKNOWN }: ForwardedClient): string {
  return address.includes(":") ? `IPv6:${address}` : address;
}
