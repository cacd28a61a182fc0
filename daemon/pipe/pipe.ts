import type { Addressing } from "../../core/address/mod.ts";
import { encodeText } from "../../core/bytes/mod.ts";
import { MacroError } from "../../core/config/mod.ts";
import type { Config, MasterEntry } from "../../core/config/types.ts";
import type { Logger } from "../../core/log/mod.ts";
import { type Queue, QueueFileError, type Recipient } from "../../core/queue/types.ts";
import { type CommandOutcome, exportedEnvironment, outcomeOf, runCommand } from "../command/mod.ts";
import {
  type DeliveryAgent,
  DeliveryFlag,
  type DeliveryRecorder,
  type DeliveryRequest,
  isDamage,
  markDamaged,
} from "../delivery/mod.ts";
import {
  deliveredAddresses,
  deliveredTo,
  fromLine,
  messageText,
  originalToLines,
  returnPath,
  type TextForm,
  wasDeliveredTo,
} from "../mailbox/mod.ts";
import { type ArgumentRules, expandArguments, UnknownMacroError } from "./arguments.ts";
import { readAttributes } from "./attributes.ts";

export interface PipeDeps {
  readonly config: Config;
  readonly queue: Queue;
  readonly addressing: Addressing;
  readonly recorder: DeliveryRecorder;
  /** In the name of `postfix/pipe`. */
  readonly log: Logger;
  readonly entry: MasterEntry;
}

const MISCONFIGURED = { status: "4.3.5", reason: "mail system configuration error" } as const;
/** Characters of a command's output that the log repeats after a success. */
const SHOWN_OUTPUT = 100;

/** Makes the agent for one entry of master.cf. Throws `ConfigError` if that can't be used. */
export function createPipe(deps: PipeDeps): DeliveryAgent {
  const { config, queue, recorder, log, entry } = deps;
  const service = entry.name;
  const attributes = readAttributes(config, entry, (text) => log.warning(text));
  const { flags } = attributes;
  const timeLimit = config.seconds(`${service}_time_limit`);
  const originalTo = originalToLines(config);
  const utf8 = config.bool("smtputf8_enable");
  const environment = exportedEnvironment(config);
  const lineEnd = encodeText(attributes.lineEnd);
  const rules: ArgumentRules = {
    flags,
    nullSender: attributes.nullSender,
    extensions: deps.addressing.rules,
    foldCase: (name) => deps.addressing.rules.foldCase(name),
  };

  function formOf(request: DeliveryRequest): TextForm {
    const sender = request.sender === "" ? attributes.nullSender : request.sender;
    const [first] = request.recipients;
    const prepend: string[] = [];
    if (flags.has("F")) prepend.push(fromLine(sender || "MAILER-DAEMON"));
    if (flags.has("R")) prepend.push(returnPath(sender));
    if (flags.has("O") && first !== undefined) prepend.push(...originalTo(first.original));
    if (flags.has("D") && first !== undefined) prepend.push(deliveredTo(first.address));
    return {
      prepend,
      quoteFrom: flags.has(">"),
      quoteDots: flags.has("."),
      blankLine: flags.has("B"),
      lineEnd,
    };
  }

  /** Why nothing can be delivered; undefined if something can. */
  function objection(request: DeliveryRequest): CommandOutcome | undefined {
    for (const flag of ["D", "O"]) {
      if (!flags.has(flag) || request.recipients.length <= 1) continue;
      log.warning(`pipe flag \`${flag}' requires ${service}_destination_recipient_limit = 1`);
      return { kind: "deferred", detail: MISCONFIGURED };
    }
    if (attributes.sizeLimit > 0 && request.messageSize > attributes.sizeLimit) {
      return { kind: "bounced", detail: { status: "5.2.3", reason: "message too large" } };
    }
    return undefined;
  }

  /** The recipients that the message has not been to; the others bounce. */
  async function withoutLoops(request: DeliveryRequest): Promise<{ rest: Recipient[]; finished: boolean }> {
    if (!flags.has("D")) return { rest: [...request.recipients], finished: true };
    const reader = queue.openContent(request.queueName, request.queueId, request.contentOffset);
    let known: Set<string>;
    try {
      known = deliveredAddresses(reader);
    } finally {
      reader.close();
    }
    const rest: Recipient[] = [];
    let finished = true;
    for (const recipient of request.recipients) {
      if (!wasDeliveredTo(known, recipient.address)) {
        rest.push(recipient);
        continue;
      }
      const reason = `mail forwarding loop for ${recipient.address}`;
      const detail = { status: "5.4.6", reason };
      if (!await recorder.bounced(request, recipient, service, detail)) finished = false;
    }
    return { rest, finished };
  }

  async function run(request: DeliveryRequest): Promise<CommandOutcome> {
    let words: string[];
    try {
      words = expandArguments(attributes.argv, request, rules);
    } catch (error) {
      if (!(error instanceof UnknownMacroError) && !(error instanceof MacroError)) throw error;
      log.warning(`file ${entry.origin.file}: service ${service}: ${error.message}`);
      return { kind: "deferred", detail: MISCONFIGURED };
    }
    const command = words[0]!;
    if ((request.flags & (DeliveryFlag.ProbeMta | DeliveryFlag.ProbeUser)) !== 0) {
      return { kind: "sent", detail: { status: "2.0.0", reason: `delivers to command: ${command}` } };
    }
    if (words.some((word) => word.includes("\0"))) {
      return { kind: "bounced", detail: { status: "5.1.3", reason: "bad address syntax: NUL character" } };
    }
    const reader = queue.openContent(request.queueName, request.queueId, request.contentOffset);
    try {
      const end = await runCommand({
        words,
        identity: attributes,
        directory: attributes.directory ??
          (attributes.chroot === undefined ? config.string("queue_directory") : "/"),
        ...(attributes.chroot === undefined ? {} : { root: attributes.chroot }),
        environment,
        timeLimit,
        input: messageText(reader, formOf(request)),
        utf8,
        name: "pipe",
        fatal: (text) => log.fatal(text),
      });
      const outcome = outcomeOf(end, command);
      if (outcome.kind !== "sent") return outcome;
      const said = end.output.trim().slice(0, SHOWN_OUTPUT);
      return {
        kind: "sent",
        detail: {
          status: "2.0.0",
          reason: `delivered via ${service} service${said === "" ? "" : ` (${said})`}`,
          action: flags.has("X") ? "delivered" : "relayed",
        },
      };
    } finally {
      reader.close();
    }
  }

  async function record(request: DeliveryRequest, outcome: CommandOutcome): Promise<boolean> {
    let finished = true;
    for (const recipient of request.recipients) {
      if (!await recorder[outcome.kind](request, recipient, service, outcome.detail)) finished = false;
    }
    return finished;
  }

  return {
    async deliver(request) {
      try {
        const refused = objection(request);
        if (refused !== undefined) return { finished: await record(request, refused) };
        const { rest, finished } = await withoutLoops(request);
        if (rest.length === 0) return { finished };
        const remaining = { ...request, recipients: rest };
        return { finished: await record(remaining, await run(remaining)) && finished };
      } catch (error) {
        if (!(error instanceof QueueFileError)) throw error;
        if (isDamage(error)) {
          markDamaged(queue, request);
          return { finished: false };
        }
        const detail = { status: "4.3.0", reason: error.message };
        return { finished: await record(request, { kind: "deferred", detail }) };
      }
    },
  };
}
