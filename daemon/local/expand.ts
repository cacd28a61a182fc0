import { encodeText } from "../../core/bytes/mod.ts";
import { expandMacros } from "../../core/config/mod.ts";
import type { Context, State, UserRights } from "./state.ts";

export interface ExpandedText {
  readonly text: string;
  /** A `$name` outside a condition has no value. */
  readonly undefinedName: boolean;
  readonly usedExtension: boolean;
}

/** A reference without condition, with `$$` in front so that it is left alone. */
const PLAIN = /\$\$|\$\{(\w+)\}|\$\((\w+)\)|\$(\w+)/g;
const PLAIN_MARK = "plain_";

/** References without conditions and nothing else that means something: what most parameters are. */
const SIMPLE = /^[^$]*(?:\$(?:\w+|\{\w+\}|\(\w+\))[^$]*)*$/;

/** Every octet of `text` that `allowed` does not list becomes `_`. */
export function filtered(text: string, allowed: string): string {
  let isClean = true;
  for (const character of text) isClean &&= allowed.includes(character);
  if (isClean) return text;
  const octets = (character: string) => encodeText(character).length;
  return [...text].map((character) => allowed.includes(character) ? character : "_".repeat(octets(character)))
    .join("");
}

function valueOf(
  name: string,
  context: Context,
  state: State,
  rights: UserRights | undefined,
): string | undefined {
  const { attributes } = context.request;
  switch (name) {
    case "user":
      return state.user;
    case "home":
      return rights?.home;
    case "shell":
      return rights?.shell;
    case "domain":
      return state.domain;
    case "local":
    case "mailbox":
      return state.local;
    case "recipient":
      return state.recipient.address;
    case "original_recipient":
      return state.recipient.original;
    case "extension":
      return state.extension;
    case "recipient_delimiter":
      return state.extension === undefined ? undefined : state.delimiter;
    case "client_hostname":
      return attributes.get("log_client_name");
    case "client_address":
      return attributes.get("log_client_address");
    case "client_helo":
      return attributes.get("log_helo_name");
    case "client_protocol":
      return attributes.get("log_protocol_name");
    case "sasl_method":
    case "sasl_sender":
    case "sasl_username":
      return attributes.get(name);
  }
  return undefined;
}

/**
 * Expands the `$names` of a parameter for one recipient. Values are filtered and never expanded again. Throws
 * `MacroError`.
 * @param allowed characters that values may have; all if absent
 */
export function expandFor(
  template: string,
  context: Context,
  state: State,
  rights: UserRights | undefined,
  allowed?: string,
): ExpandedText {
  let undefinedName = false;
  let usedExtension = false;

  /** @param isPlain it stands outside conditions */
  function found(name: string, isPlain: boolean): string | undefined {
    const value = valueOf(name, context, state, rights);
    if (name === "extension" && value !== undefined) usedExtension = true;
    if (value === undefined) {
      if (isPlain) undefinedName = true;
      return undefined;
    }
    return allowed === undefined ? value : filtered(value, allowed);
  }

  if (SIMPLE.test(template)) {
    const text = template.replace(
      PLAIN,
      (_, braces, brackets, bare) => found(braces ?? brackets ?? bare, true) ?? "",
    );
    return { text, undefinedName, usedExtension };
  }
  const marked = template.replace(PLAIN, (whole, braces, brackets, bare) => {
    const name = braces ?? brackets ?? bare;
    return name === undefined ? whole : `\${${PLAIN_MARK}${name}}`;
  });
  const text = expandMacros(marked, (given) => {
    const isPlain = given.startsWith(PLAIN_MARK);
    const name = isPlain ? given.slice(PLAIN_MARK.length) : given;
    return found(name, isPlain)?.replaceAll("$", "$$$$");
  });
  return { text, undefinedName, usedExtension };
}
