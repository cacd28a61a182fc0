import type { MaybePromise } from "../../../core/table/mod.ts";
import { clientFingerprints } from "../fingerprints.ts";
import type { Check, Outcome } from "./check.ts";
import { guarded, plain, type Restriction, then } from "./restriction.ts";

/** Restrictions that decide by themselves, by the client's address and by the session. */
export const basicRestrictions: Readonly<Record<string, Restriction>> = {
  permit: plain(() => "ok"),
  reject: plain((check) => check.refuseNamed(check.session.settings.codes.reject, "5.7.1", "Access denied")),
  defer: plain((check) => check.refuseNamed(check.session.settings.codes.defer, "4.3.2", "Try again later")),
  defer_if_permit: plain((check) =>
    check.deferIfPermitted(450, "4.7.0", named(check, "defer_if_permit requested"))
  ),
  defer_if_reject: plain((check) =>
    check.deferIfRejected(450, "4.7.0", named(check, "defer_if_reject requested"))
  ),
  permit_mynetworks: plain(permitMynetworks),
  permit_inet_interfaces: plain((check) =>
    check.session.service.access.isOwnAddress(check.session.client.connectedFrom) ? "ok" : "dunno"
  ),
  permit_naked_ip_address: plain((check) => {
    check.session.service.access.warnOnce(
      "restriction permit_naked_ip_address is deprecated. Use permit_mynetworks or permit_sasl_authenticated instead",
    );
    const { helo } = check;
    return helo !== undefined && /^[\d.]+$|:/.test(helo) ? "ok" : "dunno";
  }),
  permit_tls_clientcerts: plain(permitTlsClientcerts),
  permit_tls_all_clientcerts: plain((check) => check.session.tls?.trusted === true ? "ok" : "dunno"),
  reject_plaintext_session: plain((check) =>
    check.session.tls !== undefined
      ? "dunno"
      : check.refuse(check.session.settings.codes.plaintext, "4.7.1", "Session encryption is required")
  ),
  reject_unauth_pipelining: plain((check) =>
    check.session.pipeliningReported && check.session.stream.buffered > 0
      ? check.refuseNamed(503, "5.5.0", "Improper use of SMTP command pipelining")
      : "dunno"
  ),
  reject_multi_recipient_bounce: plain((check) => {
    const transaction = check.session.transaction;
    if (check.sender !== "" || transaction === undefined) return "dunno";
    const recipients = transaction.recipients + (check.stage === "recipient" ? 1 : 0);
    return recipients > 1
      ? check.refuseNamed(
        check.session.settings.codes.multiRecipientBounce,
        "5.5.3",
        "Multi-recipient bounce",
      )
      : "dunno";
  }),
  sleep: {
    argument: "seconds",
    async run(check, argument) {
      const seconds = Number(argument);
      if (!/^\d+$/.test(argument)) {
        check.session.warn("restriction sleep must be followed by number");
        return check.misconfigured();
      }
      await new Promise((done) => setTimeout(done, seconds * 1000));
      return "dunno";
    },
  },
};

function named(check: Check, reason: string): string {
  return `<${check.name}>: ${check.nameClass} rejected: ${reason}`;
}

function permitMynetworks(check: Check): MaybePromise<Outcome> {
  const { session } = check;
  const known = session.verdicts.get("mynetworks");
  if (known !== undefined) return known === true ? "ok" : "dunno";
  const { name, address } = session.client;
  return guarded(
    check,
    check.name,
    () =>
      then(session.settings.mynetworks.matches(name, address), (matched) => {
        session.verdicts.set("mynetworks", matched);
        return matched ? "ok" : "dunno";
      }),
  );
}

/** Is the client's certificate, or its key, in `relay_clientcerts`? */
function permitTlsClientcerts(check: Check): MaybePromise<Outcome> {
  const { session } = check;
  const prints = clientFingerprints(session);
  const { relayClientcerts } = session.settings;
  if (prints === undefined || relayClientcerts.isEmpty) return "dunno";
  return guarded(check, check.name, async () => {
    const value = await relayClientcerts.lookup(prints.certificate) ??
      await relayClientcerts.lookup(prints.publicKey);
    return value === undefined ? "dunno" : "ok";
  });
}
