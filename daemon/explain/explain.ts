import { isIP } from "node:net";
import { toExternal, toInternal } from "../../core/address/mod.ts";
import {
  type Config,
  ConfigError,
  type MasterEntry,
  readMasterFile,
  serviceConfig,
} from "../../core/config/mod.ts";
import type { SmtpdResolver } from "../smtpd/mod.ts";
import { explainAccess } from "./access.ts";
import { explainActions } from "./actions.ts";
import { explainDestination } from "./delivery.ts";
import { parameterCause, tableCauses } from "./place.ts";
import type { Cause, Explanation, Step } from "./types.ts";
import { openWorld, type World } from "./world.ts";

/** The message to imagine. Addresses in external form. */
export interface Question {
  readonly recipient: string;
  /** Empty for the null sender. */
  readonly sender: string;
  readonly clientAddress: string;
  /** Verified name, `unknown` if there is none. */
  readonly clientName: string;
  readonly helo: string | undefined;
  /** The master.cf service that takes the mail; the first smtpd if absent. */
  readonly service?: string;
  /** Without it DNS is not asked and restrictions that need it decide nothing. */
  readonly resolver?: SmtpdResolver;
}

/** Most addresses of one recipient that are followed to their destination. */
const MOST_DESTINATIONS = 100;

function smtpdEntry(config: Config, wanted: string | undefined): MasterEntry {
  const servers = readMasterFile(config).filter(({ command }) => command === "smtpd");
  const entry = wanted === undefined
    ? servers.find(({ type }) => type === "inet" || type === "pass") ?? servers[0]
    : servers.find(({ name }) => name === wanted);
  if (entry !== undefined) return entry;
  throw new ConfigError(
    wanted === undefined
      ? `${config.directory}/master.cf has no smtpd service`
      : `${config.directory}/master.cf has no smtpd service "${wanted}": it has ${
        servers.map(({ name }) => name).join(", ") || "none"
      }`,
  );
}

function change(
  stage: Step["stage"],
  what: string,
  before: string,
  after: string,
  causes: readonly Cause[],
): Step {
  const changed = before !== after;
  return {
    stage,
    what,
    result: changed ? `<${toExternal(after)}>` : "no change",
    decides: changed,
    causes: changed || causes.length > 0 ? causes : [],
  };
}

/** An envelope as cleanup(8) makes it; addresses in internal form. */
interface Rewritten {
  readonly sender: string;
  readonly addresses: readonly string[];
  readonly steps: readonly Step[];
}

/** The envelope through cleanup(8): canonical form, canonical tables, virtual aliases, automatic copies. */
async function explainRewriting(
  world: World,
  sender: string,
  recipient: string,
): Promise<Rewritten> {
  const { config, addressing, rewriting } = world;
  const steps: Step[] = [];
  const canonical = ["canonical_maps", "sender_canonical_maps", "recipient_canonical_maps"];
  const completed = (address: string) => addressing.rewriteInternal("local", address);
  const completing = (before: string, after: string) =>
    before === after ? [] : [
      parameterCause(config, before.includes("@") ? "append_dot_mydomain" : "append_at_myorigin"),
      parameterCause(config, before.includes("@") ? "mydomain" : "myorigin"),
    ];

  const senderForm = completed(sender);
  world.takeLookups();
  const newSender = await rewriting.rewriteEnvelopeSender(sender);
  steps.push(
    change("rewrite", "sender in canonical form", sender, senderForm, completing(sender, senderForm)),
  );
  steps.push(
    change("canonical", "sender tables", senderForm, newSender, [
      ...tableCauses(config, world.takeLookups(), canonical),
      ...masquerading(config, senderForm, newSender),
    ]),
  );

  const form = completed(recipient);
  steps.push(change("rewrite", "recipient in canonical form", recipient, form, completing(recipient, form)));
  world.takeLookups();
  const { address, expanded } = await rewriting.rewriteRecipient(recipient);
  const hits = tableCauses(config, world.takeLookups(), [...canonical, "virtual_alias_maps"]);
  const ofCanonical = hits.filter(({ parameter }) => parameter !== "virtual_alias_maps");
  steps.push(
    change("canonical", "recipient tables", form, address, [
      ...ofCanonical.filter(({ parameter }) => parameter !== undefined),
      ...masquerading(config, form, address),
    ]),
  );
  const same = expanded.length === 1 && expanded[0] === address;
  steps.push({
    stage: "alias",
    what: "virtual aliases",
    result: same ? "no change" : expanded.map((each) => `<${toExternal(each)}>`).join(", "),
    decides: !same,
    causes: hits.filter(({ parameter }) => parameter === "virtual_alias_maps"),
  });
  for (
    const [parameter, ask, who] of [
      ["sender_bcc_maps", rewriting.senderBcc, newSender],
      ["recipient_bcc_maps", rewriting.recipientBcc, form],
    ] as const
  ) {
    if (config.string(parameter) === "") continue;
    const copy = await ask(who);
    const causes = tableCauses(config, world.takeLookups(), [parameter]);
    steps.push({
      stage: "bcc",
      what: parameter,
      result: copy === undefined ? "no copy" : `copy to <${copy}>`,
      decides: copy !== undefined,
      causes: causes.length > 0 ? causes : [parameterCause(config, parameter)],
    });
  }
  if (config.string("always_bcc") !== "") {
    steps.push({
      stage: "bcc",
      what: "always_bcc",
      result: `copy to <${config.string("always_bcc")}>`,
      decides: true,
      causes: [parameterCause(config, "always_bcc")],
    });
  }
  return { sender: newSender, addresses: expanded, steps };
}

/** With `no_address_mappings`, addresses are completed and else left to the content filter's way back. */
function withoutMappings(world: World, service: Config, sender: string, recipient: string): Rewritten {
  const form = (address: string) => world.addressing.rewriteInternal("local", address);
  return {
    sender: form(sender),
    addresses: [form(recipient)],
    steps: [{
      stage: "alias",
      what: "canonical tables, virtual aliases and automatic copies",
      result: "left out",
      decides: true,
      causes: [parameterCause(service, "receive_override_options")],
    }],
  };
}

function masquerading(config: Config, before: string, after: string): Cause[] {
  return before !== after && config.string("masquerade_domains") !== ""
    ? [parameterCause(config, "masquerade_domains")]
    : [];
}

/** Throws `ConfigError` or `TableError` when the configuration can't be used, `RangeError` for a bad question. */
export async function explainRecipient(config: Config, question: Question): Promise<Explanation> {
  if (isIP(question.clientAddress) === 0) {
    throw new RangeError(`"${question.clientAddress}" is not an IP address`);
  }
  const entry = smtpdEntry(config, question.service);
  const world = openWorld(config);
  try {
    const sender = toInternal(question.sender);
    const recipient = toInternal(question.recipient);
    const access = await explainAccess(world, {
      entry,
      clientAddress: question.clientAddress,
      clientName: question.clientName,
      helo: question.helo,
      sender,
      recipient,
      resolver: question.resolver,
    });
    const warnings = world.takeLog().filter((line) => /^(warning|error|fatal|panic): /.test(line));
    const service = serviceConfig(config, entry);
    const fate = explainActions(service, access.actions);
    const rewritten = service.list("receive_override_options").includes("no_address_mappings")
      ? withoutMappings(world, service, sender, recipient)
      : await explainRewriting(world, sender, recipient);
    const addresses = fate.discarded
      ? []
      : fate.redirect === undefined
      ? rewritten.addresses
      : [fate.redirect];
    const destinations = [];
    for (const address of addresses.slice(0, MOST_DESTINATIONS)) {
      destinations.push(await explainDestination(world, rewritten.sender, address, fate.filter));
    }
    const notes = [...access.notes];
    if (addresses.length > MOST_DESTINATIONS) {
      notes.push(`only the first ${MOST_DESTINATIONS} of ${addresses.length} addresses are followed`);
    }
    if (question.resolver === undefined) {
      notes.push("DNS was not asked: restrictions that need it decided nothing");
    }
    const later = world.takeLog().filter((line) => /^(warning|error|fatal|panic): /.test(line));
    return {
      recipient: question.recipient,
      sender: question.sender,
      client: { address: question.clientAddress, name: question.clientName },
      helo: question.helo ?? null,
      service: entry.name,
      accepted: access.refusal === undefined,
      ...(access.refusal === undefined ? {} : { refusal: access.refusal }),
      steps: [...access.steps, ...fate.steps, ...rewritten.steps],
      destinations,
      warnings: [...new Set([...warnings, ...later])],
      notes,
    };
  } finally {
    world.close();
  }
}
