import type { Check, Outcome } from "./check.ts";
import { mapRestriction } from "./maps.ts";
import { guarded, plain, type Restriction } from "./restriction.ts";

/** Restrictions about who the client has authenticated as. */
export const saslRestrictions: Readonly<Record<string, Restriction>> = {
  permit_sasl_authenticated: plain((check) => check.session.login === undefined ? "dunno" : "ok"),
  reject_authenticated_sender_login_mismatch: ownership(
    "reject_authenticated_sender_login_mismatch",
    (check) => notOwner(check, false),
  ),
  reject_unauthenticated_sender_login_mismatch: ownership(
    "reject_unauthenticated_sender_login_mismatch",
    notLoggedIn,
  ),
  reject_known_sender_login_mismatch: ownership(
    "reject_known_sender_login_mismatch",
    async (check) => firstOf(await notOwner(check, true), () => notLoggedIn(check)),
  ),
  reject_sender_login_mismatch: ownership(
    // It is these two, and the log names them.
    ["reject_authenticated_sender_login_mismatch", "reject_unauthenticated_sender_login_mismatch"],
    async (check) => firstOf(await notOwner(check, false), () => notLoggedIn(check)),
  ),
  check_sasl_access: mapRestriction((check) => {
    if (check.session.service.auth === undefined) {
      check.session.warn("restriction `check_sasl_access' ignored: no SASL support");
    }
    const { login } = check.session;
    return login === undefined ? undefined : {
      name: login.user,
      nameClass: "SASL login name",
      keys: () => [{ text: login.user, partial: false }],
    };
  }),
};

function firstOf(outcome: Outcome, next: () => Promise<Outcome>): Outcome | Promise<Outcome> {
  return outcome === "dunno" ? next() : outcome;
}

function ownership(name: string | readonly string[], run: (check: Check) => Promise<Outcome>): Restriction {
  return plain((check) => {
    if (check.session.service.auth === undefined) {
      for (const each of [name].flat()) {
        check.session.warn(`restriction \`${each}' ignored: no SASL support`);
      }
      return "dunno";
    }
    if (check.sender === undefined || check.sender === "") return "dunno";
    return guarded(check, check.sender, () => run(check));
  });
}

/** The logins that `smtpd_sender_login_maps` names for the sender; undefined if it names none. */
async function owners(check: Check): Promise<string[] | undefined> {
  const { addressing } = check.session.service.deps;
  const maps = addressing.openMaps("smtpd_sender_login_maps");
  const found = await addressing.find(maps, check.sender!);
  return found?.value.split(/[\s,]+/).filter((word) => word !== "");
}

/** Refuses a client that has authenticated as somebody who does not own the sender address. */
async function notOwner(check: Check, allowUnknown: boolean): Promise<Outcome> {
  const { login } = check.session;
  if (login === undefined) return "dunno";
  const names = await owners(check);
  if (names === undefined && allowUnknown) return "dunno";
  const user = login.user.toLowerCase();
  if (names?.some((name) => name.toLowerCase() === user) === true) return "dunno";
  return refuseSender(check, `not owned by user ${login.user}`);
}

/** Refuses a sender address that has an owner when nobody has authenticated. */
async function notLoggedIn(check: Check): Promise<Outcome> {
  if (check.session.login !== undefined) return "dunno";
  return await owners(check) === undefined ? "dunno" : refuseSender(check, "not logged in");
}

/** The sender is named, in whatever list the restriction stands. */
function refuseSender(check: Check, reason: string): Outcome {
  return check.refuse(553, "5.7.1", `<${check.sender}>: Sender address rejected: ${reason}`);
}
