import type { MaybePromise } from "../../../core/table/mod.ts";
import { applyAction } from "./actions.ts";
import type { Check, Outcome } from "./check.ts";
import { addressKeys, domainKeys, firstMatch, type Key, mailKeys } from "./lookups.ts";
import { lookupFailed, type Restriction, tableOf } from "./restriction.ts";

/** What a check_*_access restriction looks up. */
export interface Subject {
  /** What refusals name. */
  readonly name: string;
  readonly nameClass: string;
  /** Fresh keys with each call. */
  keys(): Iterable<Key>;
}

/** A restriction that asks its table about what `subject` finds. */
export function mapRestriction(subject: (check: Check) => Subject | undefined): Restriction {
  return {
    argument: "table",
    run(check, argument) {
      const found = subject(check);
      return found === undefined ? "dunno" : checkAccess(check, argument, found);
    },
  };
}

/** Looks a subject up in the table of a `type:name`; a file table answers at once, and nothing waits then. */
export function checkAccess(check: Check, spec: string, subject: Subject): MaybePromise<Outcome> {
  const failed = (error: unknown) => lookupFailed(check, spec, firstKey(subject.keys()), subject, error);
  try {
    const table = tableOf(check.session.service.deps.tables, spec);
    const answer = firstMatch(table, subject.keys());
    if (answer instanceof Promise) {
      return answer.then((hit) => decided(check, spec, subject, hit), failed);
    }
    return decided(check, spec, subject, answer);
  } catch (error) {
    return failed(error);
  }
}

function decided(
  check: Check,
  spec: string,
  { name, nameClass }: Subject,
  hit: { readonly key: string; readonly value: string } | undefined,
): MaybePromise<Outcome> {
  if (hit === undefined) return "dunno";
  return applyAction(check, { table: spec, key: hit.key, value: hit.value, name, nameClass });
}

/** The key that is looked up first, for the log. */
function firstKey(keys: Iterable<Key>): string {
  for (const { text } of keys) return text;
  return "";
}

function* clientKeys(check: Check, name: string): Generator<Key> {
  yield* domainKeys(name, check.session.settings.parentDomains);
  yield* addressKeys(check.session.client.address);
}

function domainSubject(check: Check, name: string | undefined, nameClass: string): Subject | undefined {
  if (name === undefined) return undefined;
  return { name, nameClass, keys: () => domainKeys(name, check.session.settings.parentDomains) };
}

function mailSubject(
  check: Check,
  address: string | undefined,
  nameClass: string,
  nullKey: string,
): Subject | undefined {
  if (address === undefined) return undefined;
  const { addressing } = check.session.service.deps;
  return {
    name: address,
    nameClass,
    keys: () =>
      address === ""
        ? [{ text: nullKey, partial: false }]
        : mailKeys(address, addressing.rules, check.session.settings.parentDomains),
  };
}

/** Restrictions that ask access(5) tables about what the client said or is. */
export const mapRestrictions: Readonly<Record<string, Restriction>> = {
  check_client_access: mapRestriction((check) => ({
    name: check.session.client.label,
    nameClass: "Client host",
    keys: () => clientKeys(check, check.session.client.name),
  })),
  check_reverse_client_hostname_access: mapRestriction((check) => ({
    name: check.session.client.reverseName,
    nameClass: "Unverified Client host",
    keys: () => domainKeys(check.session.client.reverseName, check.session.settings.parentDomains),
  })),
  check_helo_access: mapRestriction((check) => domainSubject(check, check.helo, "Helo command")),
  check_sender_access: mapRestriction((check) =>
    mailSubject(check, check.sender, "Sender address", check.session.settings.nullSenderKey)
  ),
  check_recipient_access: mapRestriction((check) =>
    mailSubject(check, check.recipient, "Recipient address", check.session.settings.nullSenderKey)
  ),
  check_etrn_access: mapRestriction((check) => domainSubject(check, check.subject.etrn, "Etrn command")),
};
