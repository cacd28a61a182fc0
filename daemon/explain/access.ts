import { type Config, type MasterEntry, serviceConfig } from "../../core/config/mod.ts";
import { replyLine } from "../../core/smtp/mod.ts";
import {
  type AccessActions,
  type AccessTrace,
  type Outcome,
  type SmtpdResolver,
  tryRecipient,
} from "../smtpd/mod.ts";
import { parameterCause, tableCauses } from "./place.ts";
import type { Explanation, Step } from "./types.ts";
import type { World } from "./world.ts";

/** The session to imagine. */
export interface AccessQuestion {
  readonly entry: MasterEntry;
  readonly clientAddress: string;
  readonly clientName: string;
  readonly helo: string | undefined;
  readonly sender: string;
  readonly recipient: string;
  readonly resolver: SmtpdResolver | undefined;
}

/** What the restrictions say, and how they came to it. */
export interface AccessAnswer {
  readonly refusal: Explanation["refusal"];
  readonly actions: AccessActions;
  readonly steps: readonly Step[];
  readonly notes: readonly string[];
}

/** Restrictions that ask a program, send mail or wait: they would change something. What stands for their answer. */
const LEFT_OUT: readonly { readonly pattern: RegExp; readonly why: string }[] = [
  { pattern: /^check_policy_service /, why: "the policy service is not asked: it may remember the question" },
  { pattern: /^reject_unverified_/, why: "the address is not probed: that would send mail" },
  { pattern: /^postel_greylist$/, why: "the greylist is not asked: it would remember the attempt" },
  { pattern: /^sleep /, why: "no waiting" },
];

const WORDS: Readonly<Record<Outcome, string>> = { ok: "permit", reject: "reject", dunno: "no decision" };

const OWN_DOMAINS = ["mydestination", "virtual_alias_domains", "virtual_mailbox_domains", "relay_domains"];

/** What speaks for an answer besides tables: the parameter that a restriction compares with. */
const COMPARED: Readonly<Record<string, readonly string[]>> = {
  permit_mynetworks: ["mynetworks"],
  reject_unauth_destination: OWN_DOMAINS,
  defer_unauth_destination: OWN_DOMAINS,
  permit_auth_destination: OWN_DOMAINS,
  reject_unlisted_recipient: ["local_recipient_maps", "virtual_mailbox_maps", "relay_recipient_maps"],
};

/** Writes down what each restriction says, in `steps`, and what is not asked for real, in `notes`. */
function noting(world: World, config: Config, steps: Step[], notes: Set<string>): AccessTrace {
  /** The list that is being worked through. */
  let parameter = "";
  const leftOut = (restriction: string) => LEFT_OUT.find(({ pattern }) => pattern.test(restriction));
  return {
    enter(name) {
      if (name !== undefined) parameter = name;
    },
    before(restriction) {
      world.takeLookups();
      const left = leftOut(restriction);
      if (left === undefined) return undefined;
      notes.add(`${restriction}: ${left.why}`);
      return "dunno";
    },
    after(restriction, outcome, check) {
      const decides = outcome !== "dunno";
      const compared = decides ? COMPARED[restriction] ?? [] : [];
      const reply = outcome === "reject" && check.refusal !== undefined
        ? `: ${replyLine(check.refusal)}`
        : "";
      steps.push({
        stage: "access",
        what: `${parameter}: ${check.warnOnly ? "warn_if_reject " : ""}${restriction}`,
        result: leftOut(restriction) === undefined ? `${WORDS[outcome]}${reply}` : "left out",
        decides,
        causes: [
          ...tableCauses(config, world.takeLookups(), []),
          ...compared.map((name) => parameterCause(config, name)),
        ],
      });
    },
  };
}

/** Walks through the access restrictions as one session would and notes what each of them says. */
export async function explainAccess(world: World, question: AccessQuestion): Promise<AccessAnswer> {
  const config = serviceConfig(world.config, question.entry);
  const steps: Step[] = [];
  const notes = new Set<string>();
  const { refusal: refused, actions } = await tryRecipient({
    config,
    entry: question.entry,
    tables: world.tables,
    addressing: world.addressing,
    log: world.log,
    ...(question.resolver === undefined ? {} : { resolver: question.resolver }),
    clientAddress: question.clientAddress,
    clientName: question.clientName,
    helo: question.helo,
    sender: question.sender,
    recipient: question.recipient,
    trace: noting(world, config, steps, notes),
  });
  const rest = world.takeLookups();
  if (refused === undefined) return { refusal: undefined, actions, steps, notes: [...notes] };
  const refusal = { command: refused.command, reply: replyLine(refused.reply) };
  // A refusal that no list gave comes from the tables of valid addresses.
  if (!steps.some(({ result }) => result.startsWith("reject:"))) {
    const name = refusal.reply.includes("Sender address")
      ? "smtpd_reject_unlisted_sender"
      : "smtpd_reject_unlisted_recipient";
    const unlisted = steps.some(({ result }) => result === "left out") ? [] : rest;
    steps.push({
      stage: "access",
      what: name,
      result: `reject: ${refusal.reply}`,
      decides: true,
      causes: [parameterCause(config, name), ...tableCauses(config, unlisted, [])],
    });
  }
  return { refusal, actions, steps, notes: [...notes] };
}
