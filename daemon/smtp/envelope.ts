/** The envelope commands of a transaction. */
import { toExternal } from "../../core/address/mod.ts";
import { Notify, type Recipient } from "../../core/queue/types.ts";
import { encodeXtext } from "../../core/smtp/mod.ts";
import { type DeliveryRequest, SendOption } from "../delivery/types.ts";
import type { Session } from "./session.ts";

const SMTPUTF8_NEEDED = SendOption.Smtputf8Header | SendOption.Smtputf8Sender | SendOption.Smtputf8Recipient;

// deno-lint-ignore no-control-regex -- the ASCII range
const NON_ASCII = /[^\x00-\x7f]/;

/** Must the message go to a server that knows SMTPUTF8 (RFC 6531 section 3.4)? */
export function requiresSmtputf8(request: DeliveryRequest): boolean {
  if ((request.sendopts & SendOption.Smtputf8) === 0) return false;
  return (request.sendopts & SMTPUTF8_NEEDED) !== 0 || NON_ASCII.test(request.sender) ||
    request.recipients.some((recipient) => NON_ASCII.test(recipient.address));
}

/** Must 8-bit content be turned into 7-bit for this server (RFC 6152 section 3)? */
export function mustDowngrade(request: DeliveryRequest, session: Session): boolean {
  return !session.features.eightBitMime && request.encoding !== "7bit" &&
    !session.settings.disableMimeConversion;
}

function path(address: string, quote: boolean): string {
  return address === "" || !quote ? address : toExternal(address);
}

/**
 * `MAIL FROM:<sender> SIZE=...`.
 * @param sender internal form, rewritten already
 * @param requireTls the sender has asked for REQUIRETLS
 */
export function mailCommand(
  request: DeliveryRequest,
  session: Session,
  sender: string,
  requireTls: boolean,
): string {
  const { features, settings } = session;
  let command = `MAIL FROM:<${path(sender, settings.quoteEnvelope)}>`;
  // RFC 1870. The size after a conversion isn't known.
  if (features.size && !mustDowngrade(request, session)) command += ` SIZE=${request.messageSize}`;
  if (features.eightBitMime) {
    if (request.encoding === "8bit") command += " BODY=8BITMIME";
    else if (request.encoding === "7bit") command += " BODY=7BIT";
    else if (request.encoding !== "") {
      session.log.warning(`${request.queueId}: unknown content encoding: ${request.encoding}`);
    }
  }
  if (features.dsn) {
    // RFC 3461 sections 4.3 and 4.4.
    if (request.envelopeId !== "") command += ` ENVID=${encodeXtext(request.envelopeId)}`;
    if (request.returnFlags !== 0) command += ` RET=${request.returnFlags === 1 ? "FULL" : "HDRS"}`;
  }
  if (features.smtputf8 && (request.sendopts & SendOption.Smtputf8) !== 0) command += " SMTPUTF8";
  if (features.requireTls && requireTls) command += " REQUIRETLS";
  if (settings.dummyMailAuth && features.auth !== "") command += " AUTH=<>";
  return command;
}

/** `RCPT TO:<address> ...`. @param address internal form, rewritten already */
export function rcptCommand(session: Session, recipient: Recipient, address: string): string {
  const { features, settings } = session;
  let command = `RCPT TO:<${path(address, settings.quoteEnvelope)}>`;
  if (!features.dsn) return command;
  let original = recipient.dsnOriginal;
  if (original === "" && recipient.original !== "") {
    const quoted = toExternal(recipient.original);
    original = `${NON_ASCII.test(quoted) ? "utf-8" : "rfc822"};${quoted}`;
  }
  // RFC 3461 sections 4.2 and 4.1.
  if (original !== "") command += ` ORCPT=${originalRecipient(original)}`;
  if (recipient.notify !== 0) command += ` NOTIFY=${notifyWords(recipient.notify)}`;
  return command;
}

/** RFC 6533 section 3: characters of an address of type utf-8 that are not plain ASCII become `\x{...}`. */
function originalRecipient(original: string): string {
  if (!/^utf-8;/i.test(original)) return encodeXtext(original);
  let encoded = "";
  for (const character of original) {
    const code = character.codePointAt(0)!;
    const plain = code > 0x20 && code < 0x7f && !"+=\\".includes(character);
    encoded += plain ? character : `\\x{${code.toString(16).toUpperCase().padStart(2, "0")}}`;
  }
  return encoded;
}

function notifyWords(notify: number): string {
  if ((notify & Notify.Never) !== 0) return "NEVER";
  const words = [];
  if ((notify & Notify.Success) !== 0) words.push("SUCCESS");
  if ((notify & Notify.Failure) !== 0) words.push("FAILURE");
  if ((notify & Notify.Delay) !== 0) words.push("DELAY");
  return words.join(",");
}

/** Values that say that nothing is known. */
function known(value: string | undefined): string | undefined {
  return value === undefined || value === "" || value.toLowerCase() === "unknown" ? undefined : value;
}

/** The XFORWARD commands that tell the server about the client; none if there is nothing to tell. */
export function xforwardCommands(request: DeliveryRequest, session: Session): string[] {
  const { xforward } = session.features;
  if (!session.settings.sendXforward || xforward.size === 0) return [];
  const attribute = (name: string) => request.attributes.get(name);
  const format = (pairs: readonly (readonly [string, string | undefined])[]) => {
    const words = pairs.flatMap(([name, value]) =>
      value === undefined || value === "" || !xforward.has(name.toLowerCase())
        ? []
        : [`${name}=${encodeXtext(value)}`]
    );
    return words.length === 0 ? [] : [`XFORWARD ${words.join(" ")}`];
  };
  const context = attribute("rewrite_context");
  return [
    ...format([
      ["NAME", known(attribute("log_client_name"))],
      ["ADDR", known(attribute("log_client_address"))],
      ["PORT", known(attribute("log_client_port"))],
    ]),
    ...format([
      ["PROTO", attribute("log_protocol_name")],
      ["HELO", attribute("log_helo_name")],
      ["IDENT", attribute("log_ident")],
      [
        "SOURCE",
        context === undefined || context === "" ? undefined : context === "local" ? "LOCAL" : "REMOTE",
      ],
    ]),
  ];
}
