import { isIP } from "node:net";
import { toInternal } from "../../core/address/mod.ts";
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
import { explainRewriting, withoutMappings } from "./rewriting.ts";
import type { Explanation } from "./types.ts";
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

/** The entry of master.cf that takes the mail. Throws `ConfigError` if there is none. */
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

/** What was logged since the last look and is more than information. */
function takeWarnings(world: World): string[] {
  return world.takeLog().filter((line) => /^(warning|error|fatal|panic): /.test(line));
}

/**
 * Walks a message for one recipient through the configuration: access, rewriting, destinations. Throws `ConfigError` or
 * `TableError` when the configuration can't be used, `RangeError` for a bad question.
 */
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
    const warnings = takeWarnings(world);
    const service = serviceConfig(config, entry);
    const fate = explainActions(service, access.actions);
    const rewritten = service.list("receive_override_options").includes("no_address_mappings")
      ? withoutMappings(world, service, sender, recipient)
      : await explainRewriting(world, sender, recipient);
    const redirected = fate.redirect === undefined ? rewritten.addresses : [fate.redirect];
    const addresses = fate.discarded ? [] : redirected;
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
      warnings: [...new Set([...warnings, ...takeWarnings(world)])],
      notes,
    };
  } finally {
    world.close();
  }
}
