import { messageOf } from "../../../core/errors/mod.ts";
import { type AddressAnswer, AddressStatus } from "../../verify/mod.ts";
import type { Check, Outcome } from "./check.ts";
import { plain, type Restriction } from "./restriction.ts";
import type { UnverifiedSettings } from "./settings.ts";

/** `reject_unverified_sender` and `reject_unverified_recipient`: addresses to which mail can't be delivered. */
export const unverifiedRestrictions: Readonly<Record<string, Restriction>> = {
  reject_unverified_sender: plain((check) =>
    refuseUnverified(
      check,
      check.sender,
      "Sender address",
      "1.7",
      check.session.service.access.settings.unverifiedSender,
    )
  ),
  reject_unverified_recipient: plain((check) =>
    refuseUnverified(
      check,
      check.recipient,
      "Recipient address",
      "1.1",
      check.session.service.access.settings.unverifiedRecipient,
    )
  ),
};

async function refuseUnverified(
  check: Check,
  address: string | undefined,
  nameClass: string,
  status: string,
  settings: UnverifiedSettings,
): Promise<Outcome> {
  if (address === undefined || address === "") return "dunno";
  const { session } = check;
  let answer: AddressAnswer;
  try {
    answer = await verdict(check, session.completed(address));
  } catch (error) {
    session.warn(`address verification: ${messageOf(error)}`);
    const text = `<${address}>: ${nameClass} rejected: address verification problem`;
    return check.tempfail(settings.tempfail, 450, `4.${status}`, text);
  }
  if (answer.status === AddressStatus.Deliverable) return "dunno";
  const bad = answer.status === AddressStatus.Undeliverable;
  const code = bad ? settings.rejectCode : settings.deferCode;
  // A code of 2xx: only warn_if_reject and the log are wanted.
  if (code < 400) return "dunno";
  const reason = (settings.reason === "" ? answer.text : settings.reason).slice(0, 250);
  return code >= 500
    ? check.refuse(
      code,
      `5.${status}`,
      `<${address}>: ${nameClass} rejected: undeliverable address: ${reason}`,
    )
    : check.tempfail(
      settings.tempfail,
      code,
      `4.${status}`,
      `<${address}>: ${nameClass} rejected: unverified address: ${reason}`,
    );
}

/** Asks a few times while a probe is under way (`address_verify_poll_count`, `address_verify_poll_delay`). */
async function verdict(check: Check, address: string): Promise<AddressAnswer> {
  const { service } = check.session;
  const { verify } = service.deps;
  if (verify === undefined) throw new Error("there is no verify service");
  const { verifyPollCount, verifyPollDelay } = service.access.settings;
  for (let count = 1;; count++) {
    const answer = await verify.query(address);
    if (answer.status !== AddressStatus.InProgress || count >= verifyPollCount) return answer;
    await new Promise((done) => setTimeout(done, verifyPollDelay * 1000));
  }
}
