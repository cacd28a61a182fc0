import { isDotString, splitExtension, splitLocalDomain, toExternal } from "../../core/address/mod.ts";
import type { ExtensionRules } from "../../core/address/mod.ts";
import { expandMacros, scanMacros } from "../../core/config/mod.ts";
import type { Recipient } from "../../core/queue/types.ts";
import type { DeliveryRequest } from "../delivery/types.ts";

/** A name that no argument can have. */
export class UnknownMacroError extends Error {
  override readonly name = "UnknownMacroError";
  constructor(readonly macro: string) {
    super(`unknown macro name: "${macro}"`);
  }
}

/** Macros that make as many arguments of one as there are recipients. */
const PER_RECIPIENT: ReadonlySet<string> = new Set([
  "recipient",
  "original_recipient",
  "user",
  "extension",
  "mailbox",
  "domain",
]);

/** An argument with one of these is left out where it would be empty. */
const NAMES_SOMEBODY: ReadonlySet<string> = new Set(["user", "mailbox"]);

const FROM_ATTRIBUTES: Readonly<Record<string, string>> = {
  client_hostname: "log_client_name",
  client_address: "log_client_address",
  client_port: "log_client_port",
  client_helo: "log_helo_name",
  client_protocol: "log_protocol_name",
  sasl_method: "sasl_method",
  sasl_username: "sasl_username",
  sasl_sender: "sasl_sender",
};

export interface ArgumentRules {
  readonly flags: ReadonlySet<string>;
  readonly nullSender: string;
  readonly extensions: ExtensionRules;
  /** A name without its case, for the flags `h` and `u`. */
  foldCase(name: string): string;
}

/** An address for the command line: case folded and quoted as the flags say. */
function folded(address: string, { flags, foldCase }: ArgumentRules): string {
  const { local, domain } = splitLocalDomain(address);
  const name = flags.has("u") ? foldCase(local) : local;
  const host = domain !== undefined && flags.has("h") ? foldCase(domain) : domain;
  const whole = host === undefined ? name : `${name}@${host}`;
  return flags.has("q") && !isDotString(name) ? toExternal(whole) : whole;
}

function recipientValue(name: string, recipient: Recipient, rules: ArgumentRules): string | undefined {
  const { local, domain = "" } = splitLocalDomain(recipient.address);
  const mailbox = rules.flags.has("u") ? rules.foldCase(local) : local;
  const split = splitExtension(mailbox, rules.extensions);
  switch (name) {
    case "recipient":
      return folded(recipient.address, rules);
    case "original_recipient":
      return folded(recipient.original, rules);
    case "user":
      return split?.user ?? mailbox;
    case "extension":
      return split?.extension ?? "";
    case "mailbox":
      return mailbox;
    case "domain":
      return rules.flags.has("h") ? rules.foldCase(domain) : domain;
  }
  return undefined;
}

function requestValue(name: string, request: DeliveryRequest, rules: ArgumentRules): string | undefined {
  switch (name) {
    case "sender":
      return senderOf(request, rules);
    case "nexthop":
      return rules.flags.has("h") ? rules.foldCase(request.nexthop) : request.nexthop;
    case "size":
      return String(request.messageSize);
    case "queue_id":
      return request.queueId;
    case "envid":
      return request.envelopeId;
  }
  const attribute = FROM_ATTRIBUTES[name];
  return attribute === undefined ? undefined : request.attributes.get(attribute) ?? "";
}

/** `$sender`; what stands for the null sender is quoted like an address, unless it is empty. */
function senderOf(request: DeliveryRequest, rules: ArgumentRules): string {
  const sender = request.sender === "" ? rules.nullSender : request.sender;
  return sender !== "" && rules.flags.has("q") ? toExternal(sender) : sender;
}

/**
 * The command's arguments for one request. Values are never expanded again, and each stays inside its argument. Throws
 * `UnknownMacroError`, and `MacroError` for bad syntax.
 */
export function expandArguments(
  argv: readonly string[],
  request: DeliveryRequest,
  rules: ArgumentRules,
): string[] {
  const words: string[] = [];
  const escape = (value: string) => value.replaceAll("$", "$$$$");
  for (const template of argv) {
    const named: string[] = [];
    scanMacros(template, (name) => {
      if (PER_RECIPIENT.has(name)) named.push(name);
      else if (requestValue(name, request, rules) === undefined) throw new UnknownMacroError(name);
    });
    const expand = (recipient: Recipient | undefined) =>
      expandMacros(template, (name) => {
        const value = (recipient === undefined ? undefined : recipientValue(name, recipient, rules)) ??
          requestValue(name, request, rules);
        return value === undefined ? undefined : escape(value);
      });
    if (named.length === 0) words.push(expand(undefined));
    else {
      for (const recipient of request.recipients) {
        // Nobody's name is no argument.
        const isNobody = named.some((name) =>
          NAMES_SOMEBODY.has(name) && recipientValue(name, recipient, rules) === ""
        );
        if (!isNobody) words.push(expand(recipient));
      }
    }
  }
  return words;
}
