import type { MaybePromise } from "../../../core/table/mod.ts";
import { clientFingerprints } from "../fingerprints.ts";
import { applyAction } from "./actions.ts";
import type { Check, Outcome } from "./check.ts";
import { addressKeys, domainKeys, firstMatch, type Key, mailKeys } from "./lookups.ts";
import { guarded, type Restriction, tableOf } from "./restriction.ts";

/** What a check_*_access restriction looks up. */
interface Subject {
  /** What refusals name. */
  readonly name: string;
  readonly nameClass: string;
  readonly keys: Iterable<Key>;
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

function checkAccess(check: Check, spec: string, subject: Subject): MaybePromise<Outcome> {
  return guarded(check, subject.name, subject.nameClass, async () => {
    const table = tableOf(check.session.service.deps.tables, spec);
    const answer = firstMatch(table, subject.keys);
    const hit = answer instanceof Promise ? await answer : answer;
    if (hit === undefined) return "dunno";
    return await applyAction(check, {
      table: spec,
      key: hit.key,
      value: hit.value,
      name: subject.name,
      nameClass: subject.nameClass,
    });
  });
}

function* clientKeys(check: Check, name: string): Generator<Key> {
  yield* domainKeys(name, check.session.settings.parentDomains);
  yield* addressKeys(check.session.client.address);
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
    keys: address === ""
      ? [{ text: nullKey, partial: false }]
      : mailKeys(address, addressing.rules, check.session.settings.parentDomains),
  };
}

/** The fingerprints of the client's certificate and key. */
function certificateSubject(check: Check): Subject | undefined {
  const prints = clientFingerprints(check.session);
  if (prints === undefined) return undefined;
  return {
    name: check.session.tls?.peer?.subject ?? "",
    nameClass: "Client certificate",
    keys: [prints.certificate, prints.publicKey].map((text) => ({ text, partial: false })),
  };
}

/** Restrictions that ask access(5) tables about what the client said or is. */
export const mapRestrictions: Readonly<Record<string, Restriction>> = {
  check_client_access: mapRestriction((check) => ({
    name: check.session.client.label,
    nameClass: "Client host",
    keys: clientKeys(check, check.session.client.name),
  })),
  check_reverse_client_hostname_access: mapRestriction((check) => ({
    name: check.session.client.reverseName,
    nameClass: "Unverified Client host",
    keys: domainKeys(check.session.client.reverseName, check.session.settings.parentDomains),
  })),
  check_helo_access: mapRestriction((check) =>
    check.helo === undefined ? undefined : {
      name: check.helo,
      nameClass: "Helo command",
      keys: domainKeys(check.helo, check.session.settings.parentDomains),
    }
  ),
  check_sender_access: mapRestriction((check) =>
    mailSubject(check, check.sender, "Sender address", check.session.settings.nullSenderKey)
  ),
  check_recipient_access: mapRestriction((check) =>
    mailSubject(check, check.recipient, "Recipient address", check.session.settings.nullSenderKey)
  ),
  check_ccert_access: mapRestriction(certificateSubject),
  check_etrn_access: mapRestriction((check) =>
    check.subject.etrn === undefined ? undefined : {
      name: check.subject.etrn,
      nameClass: "Etrn command",
      keys: domainKeys(check.subject.etrn, check.session.settings.parentDomains),
    }
  ),
};
