import { splitExtension, splitLocalDomain } from "../../core/address/mod.ts";
import { lookupUser } from "../../core/system/mod.ts";
import { parameterCause, tableCauses } from "./place.ts";
import type { Step } from "./types.ts";
import type { World } from "./world.ts";

/** Parameters that say where mail for users goes: the first two for all names, the others for users of the system. */
const FOR_ALL = ["mailbox_transport_maps", "mailbox_transport"];
const FOR_USERS = ["mailbox_command_maps", "mailbox_command", "home_mailbox"];
const FOR_UNKNOWN = ["fallback_transport_maps", "fallback_transport", "luser_relay"];

/** Names that every host must accept (RFC 5321 section 4.5.1). */
const RESERVED = ["mailer-daemon", "postmaster"];

/** What local(8) would look at, in its own order, until one thing decides. */
export async function localSteps(world: World, recipient: string): Promise<Step[]> {
  const { config, addressing } = world;
  const { local } = splitLocalDomain(recipient);
  const isSet = (name: string) => config.string(name) !== "";
  const steps: Step[] = [];
  world.takeLookups();
  const aliases = addressing.openMaps("alias_maps");
  const found = aliases.isEmpty ? undefined : await addressing.find(aliases, local.toLowerCase());
  const causes = tableCauses(config, world.takeLookups(), ["alias_maps"]);
  if (found !== undefined) {
    return [{ stage: "alias", what: `alias "${local}"`, result: found.value, decides: true, causes }];
  }
  if (!aliases.isEmpty) {
    steps.push({
      stage: "alias",
      what: `alias "${local}"`,
      result: "none",
      decides: false,
      causes: [parameterCause(config, "alias_maps")],
    });
  }
  const forAll = FOR_ALL.find(isSet);
  if (forAll !== undefined) return [...steps, mailboxStep(world, forAll)];
  const name = local.toLowerCase();
  const user = splitExtension(name, addressing.rules)?.user ?? name;
  if (lookupUser(user) === undefined) return [...steps, unknownStep(world, user, FOR_UNKNOWN.find(isSet))];
  return [...steps, mailboxStep(world, FOR_USERS.find(isSet) ?? "mail_spool_directory")];
}

function mailboxStep(world: World, parameter: string): Step {
  return {
    stage: "delivery",
    what: "mailbox",
    result: `by ${parameter} (a .forward file of the user goes before mailbox_command)`,
    decides: true,
    causes: [parameterCause(world.config, parameter)],
  };
}

function unknownStep(world: World, user: string, parameter: string | undefined): Step {
  return {
    stage: "delivery",
    what: `user "${user}"`,
    result: parameter !== undefined
      ? `there is no such user: by ${parameter}`
      : RESERVED.includes(user)
      ? "there is neither an alias nor a user of this name, which every host must have: the mail is thrown away"
      : "there is no such user: the mail is returned, 5.1.1",
    decides: true,
    causes: parameter === undefined ? [] : [parameterCause(world.config, parameter)],
  };
}
