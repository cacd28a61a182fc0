import type { Word } from "../../core/smtp/mod.ts";
import {
  type AttributeReader,
  BAD,
  type ClientAttribute,
  hostAddress,
  hostName,
  neutral,
  portNumber,
  readAttributes,
} from "./client_attributes.ts";
import { type Client, describeClient, type NameStatus, UNKNOWN } from "./client.ts";
import { beginAgain } from "./greeting.ts";
import type { Session } from "./session.ts";

const READERS: Readonly<Record<string, AttributeReader>> = {
  NAME: hostName,
  REVERSE_NAME: hostName,
  ADDR: hostAddress,
  PORT: portNumber,
  DESTADDR: hostAddress,
  DESTPORT: portNumber,
  HELO: neutral,
  PROTO: (value) => /^E?SMTP$/i.test(value) ? value.toUpperCase() : BAD,
  LOGIN: (value) => value,
};

/** The line of EHLO. */
export const XCLIENT_KEYWORD = "XCLIENT NAME ADDR PROTO HELO REVERSE_NAME PORT LOGIN DESTADDR DESTPORT";

/** XCLIENT attribute=value... (XCLIENT_README): from here on the session is another client's. */
export async function xclient(session: Session, words: readonly Word[]): Promise<boolean | undefined> {
  if (session.transaction !== undefined) {
    return session.refuse(503, "5.5.1", "Error: MAIL transaction in progress");
  }
  if (words.length < 2) return session.refuse(501, "5.5.4", "Syntax: XCLIENT attribute=value...");
  if (!session.mayXclient) {
    return session.refuse(550, "5.7.0", "Error: insufficient authorization", "policy");
  }
  const { settings, client } = session;
  const attributes = readAttributes("XCLIENT", words, READERS, settings.families);
  if ("code" in attributes) {
    session.blame("protocol");
    session.reply(attributes);
    return false;
  }
  session.client = describeClient(changed(client, attributes), settings.showPort);
  session.reset();
  session.helo = undefined;
  session.protocol = "SMTP";
  session.login = undefined;
  for (const { name, value } of attributes) {
    if (name === "HELO") session.helo = value;
    else if (name === "PROTO") session.protocol = value === "ESMTP" ? "ESMTP" : "SMTP";
    else if (name === "LOGIN" && value !== undefined) session.login = { method: "XCLIENT", user: value };
  }
  await session.transcript?.flush(session);
  await beginAgain(session);
  return undefined;
}

/** The client with other attributes. */
function changed(client: Client, attributes: readonly ClientAttribute[]): Client {
  const facts: { -readonly [K in keyof Client]: Client[K] } = { ...client };
  for (const { name, value = UNKNOWN, temporary } of attributes) {
    const status: NameStatus = value !== UNKNOWN ? "ok" : temporary ? "temporary" : "permanent";
    switch (name) {
      case "NAME":
        facts.name = value;
        facts.nameStatus = status;
        if (status === "ok") {
          facts.reverseName = value;
          facts.reverseNameStatus = status;
        }
        break;
      case "REVERSE_NAME":
        facts.reverseName = value;
        facts.reverseNameStatus = status;
        break;
      case "ADDR":
        facts.address = value;
        break;
      case "PORT":
        facts.port = value;
        break;
      case "DESTADDR":
        facts.serverAddress = value;
        break;
      case "DESTPORT":
        facts.serverPort = value;
    }
  }
  return facts;
}
