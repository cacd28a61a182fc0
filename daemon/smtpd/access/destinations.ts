import type { MaybePromise } from "../../../core/table/mod.ts";
import type { Check, Outcome } from "./check.ts";
import { guarded, plain, type Restriction, then } from "./restriction.ts";

/** Restrictions about where the mail goes: relaying and unknown mailboxes. */
export const destinationRestrictions: Readonly<Record<string, Restriction>> = {
  permit_auth_destination: plain((check) =>
    then(destination(check), (kind) => kind === "ours" ? "ok" : "dunno")
  ),
  reject_unauth_destination: plain((check) =>
    refuseUnlessOurs(check, check.session.settings.codes.relayDomains, "5.7.1")
  ),
  defer_unauth_destination: plain((check) => {
    const code = check.session.settings.codes.relayDomains;
    return refuseUnlessOurs(check, code >= 500 ? code - 100 : code, "4.7.1");
  }),
  check_relay_domains: plain((check) => {
    check.session.service.access.warnOnce(
      'support for restriction "check_relay_domains" will be removed from Postfix; use "reject_unauth_destination" instead',
    );
    return refuseUnlessOurs(
      check,
      check.session.settings.codes.relayDomains,
      "5.7.1",
      "Recipient address rejected: Relay access denied",
    );
  }),
  reject_unlisted_recipient: plain(refuseUnlistedRecipient),
  check_recipient_maps: plain(refuseUnlistedRecipient),
  reject_unlisted_sender: plain(refuseUnlistedSender),
};

/** `ours`: this system is the final destination or relays for the domain; `broken`: a table could not say. */
function destination(check: Check): MaybePromise<"ours" | "foreign" | "broken"> {
  const { recipient } = check;
  if (recipient === undefined) return "ours";
  return then(check.session.resolve(recipient), (resolved) => {
    if (resolved.error?.kind === "temporary") return "broken";
    // Mail with a route in its local part ends elsewhere than its domain says.
    if (resolved.routed === true && !check.session.settings.untrustedRouting) return "foreign";
    return resolved.addressClass === "default" ? "foreign" : "ours";
  });
}

function refuseUnlessOurs(
  check: Check,
  code: number,
  enhanced: string,
  reason = "Relay access denied",
): MaybePromise<Outcome> {
  const { recipient } = check;
  if (recipient === undefined) return "dunno";
  return then(destination(check), (kind) => {
    switch (kind) {
      case "ours":
        return "dunno";
      case "broken":
        return check.refuse(451, "4.3.0", `<${recipient}>: Temporary lookup failure`, "data");
      case "foreign":
        return check.refuse(code, enhanced, `<${recipient}>: ${reason}`);
    }
  });
}

/** Refuses a recipient that no table of its address class knows. */
export function refuseUnlistedRecipient(check: Check): MaybePromise<Outcome> {
  const { recipient, session } = check;
  if (recipient === undefined) return "dunno";
  const { addressing } = session.service.deps;
  return guarded(
    check,
    recipient,
    () =>
      then(addressing.checkRecipient(session.completed(recipient), check.sender ?? ""), (answer) => {
        if (answer.known) return "dunno";
        const text = `<${recipient}>: Recipient address rejected: ${answer.text}`;
        const code = check.statusFor("Recipient address", answer.code);
        return check.refuse(answer.replyCode, code, text, "bounce");
      }),
  );
}

/** Refuses a sender in one of our domains that nobody has. */
export function refuseUnlistedSender(check: Check): MaybePromise<Outcome> {
  const { sender, session } = check;
  if (sender === undefined || sender === "") return "dunno";
  return guarded(
    check,
    sender,
    () =>
      then(session.service.deps.addressing.checkSender(session.completed(sender)), (answer) => {
        if (answer.known) return "dunno";
        const text = `<${sender}>: Sender address rejected: ${answer.text}`;
        const code = check.statusFor("Sender address", answer.code);
        return check.refuse(answer.replyCode, code, text, "bounce");
      }),
  );
}
