/** What cleanup(8) makes of an envelope, step by step. */
import { toExternal } from "../../core/address/mod.ts";
import type { Config } from "../../core/config/mod.ts";
import { parameterCause, tableCauses } from "./place.ts";
import type { Cause, Step } from "./types.ts";
import type { World } from "./world.ts";

/** An envelope as cleanup(8) makes it; addresses in internal form. */
export interface Rewritten {
  readonly sender: string;
  readonly addresses: readonly string[];
  readonly steps: readonly Step[];
}

const CANONICAL = ["canonical_maps", "sender_canonical_maps", "recipient_canonical_maps"];

/** The envelope through cleanup(8): canonical form, canonical tables, virtual aliases, automatic copies. */
export async function explainRewriting(world: World, sender: string, recipient: string): Promise<Rewritten> {
  const ofSender = await explainSender(world, sender);
  const ofRecipient = await explainAliases(world, recipient);
  const copies = await explainCopies(world, ofSender.address, ofRecipient.form);
  return {
    sender: ofSender.address,
    addresses: ofRecipient.expanded,
    steps: [...ofSender.steps, ...ofRecipient.steps, ...copies],
  };
}

/** With `no_address_mappings`, addresses are completed and else left to the content filter's way back. */
export function withoutMappings(
  world: World,
  service: Config,
  sender: string,
  recipient: string,
): Rewritten {
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

async function explainSender(world: World, sender: string): Promise<{ address: string; steps: Step[] }> {
  const { config } = world;
  const form = world.addressing.rewriteInternal("local", sender);
  world.takeLookups();
  const address = await world.rewriting.rewriteEnvelopeSender(sender);
  const causes = [
    ...tableCauses(config, world.takeLookups(), CANONICAL),
    ...masquerading(config, form, address),
  ];
  return {
    address,
    steps: [
      change("rewrite", "sender in canonical form", sender, form, completing(config, sender, form)),
      change("canonical", "sender tables", form, address, causes),
    ],
  };
}

/** The recipient through canonical tables and virtual aliases; `form` is what it is before them. */
async function explainAliases(
  world: World,
  recipient: string,
): Promise<{ form: string; expanded: readonly string[]; steps: Step[] }> {
  const { config } = world;
  const form = world.addressing.rewriteInternal("local", recipient);
  world.takeLookups();
  const { address, expanded } = await world.rewriting.rewriteRecipient(recipient);
  const hits = tableCauses(config, world.takeLookups(), [...CANONICAL, "virtual_alias_maps"]);
  const isAlias = ({ parameter }: Cause) => parameter === "virtual_alias_maps";
  const ofCanonical = hits.filter((cause) => cause.parameter !== undefined && !isAlias(cause));
  const same = expanded.length === 1 && expanded[0] === address;
  return {
    form,
    expanded,
    steps: [
      change("rewrite", "recipient in canonical form", recipient, form, completing(config, recipient, form)),
      change("canonical", "recipient tables", form, address, [
        ...ofCanonical,
        ...masquerading(config, form, address),
      ]),
      {
        stage: "alias",
        what: "virtual aliases",
        result: same ? "no change" : expanded.map((each) => `<${toExternal(each)}>`).join(", "),
        decides: !same,
        causes: hits.filter(isAlias),
      },
    ],
  };
}

/** Automatic copies. @param recipient in the form it has before tables change it */
async function explainCopies(world: World, sender: string, recipient: string): Promise<Step[]> {
  const { config, rewriting } = world;
  const steps: Step[] = [];
  const tables = [
    ["sender_bcc_maps", rewriting.senderBcc, sender],
    ["recipient_bcc_maps", rewriting.recipientBcc, recipient],
  ] as const;
  for (const [parameter, ask, address] of tables) {
    if (config.string(parameter) === "") continue;
    const copy = await ask(address);
    const causes = tableCauses(config, world.takeLookups(), [parameter]);
    steps.push({
      stage: "bcc",
      what: parameter,
      result: copy === undefined ? "no copy" : `copy to <${copy}>`,
      decides: copy !== undefined,
      causes: causes.length > 0 ? causes : [parameterCause(config, parameter)],
    });
  }
  const always = config.string("always_bcc");
  if (always !== "") {
    steps.push({
      stage: "bcc",
      what: "always_bcc",
      result: `copy to <${always}>`,
      decides: true,
      causes: [parameterCause(config, "always_bcc")],
    });
  }
  return steps;
}

function change(
  stage: Step["stage"],
  what: string,
  before: string,
  after: string,
  causes: readonly Cause[],
): Step {
  const changed = before !== after;
  return { stage, what, result: changed ? `<${toExternal(after)}>` : "no change", decides: changed, causes };
}

/** The parameters that completed an address. */
function completing(config: Config, before: string, after: string): Cause[] {
  if (before === after) return [];
  const parameters = before.includes("@")
    ? ["append_dot_mydomain", "mydomain"]
    : ["append_at_myorigin", "myorigin"];
  return parameters.map((name) => parameterCause(config, name));
}

function masquerading(config: Config, before: string, after: string): Cause[] {
  return before !== after && config.string("masquerade_domains") !== ""
    ? [parameterCause(config, "masquerade_domains")]
    : [];
}
