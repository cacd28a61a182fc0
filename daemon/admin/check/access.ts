import { createAddressing } from "../../../core/address/mod.ts";
import { type Config, ConfigError, readMasterFile, serviceConfig } from "../../../core/config/mod.ts";
import { Logger, memorySink } from "../../../core/log/mod.ts";
import { TableError, TableSet } from "../../../core/table/mod.ts";
import { endpointsOf } from "../../master/mod.ts";
import { checkAccessLists, restrictionNames, tryRecipient } from "../../smtpd/mod.ts";
import { fatal, type Finding, warning } from "../finding.ts";
import { nearName } from "../near_name.ts";

/** A client, a sender and a recipient that nobody has anything to do with (RFC 5737, RFC 2606). */
const STRANGER = {
  address: "192.0.2.1",
  sender: "stranger@sender.invalid",
  recipient: "victim@recipient.invalid",
};

/** Shortest prefixes of networks that one organisation can have. */
const SHORTEST_IPV4 = 8;
const SHORTEST_IPV6 = 16;

/** Restriction lists with names that are none, services that relay for everybody, trust in half the Internet. */
export async function checkAccess(config: Config): Promise<Finding[]> {
  const findings: Finding[] = [...checkNetworks(config)];
  const seen = new Set<string>();
  for (const entry of readMasterFile(config)) {
    if (entry.command !== "smtpd" || entry.type === "unix") continue;
    const service = serviceConfig(config, entry);
    const where = `${entry.origin.file}: line ${entry.origin.line}: service "${entry.name}"`;
    try {
      for (const { parameter, problem } of checkAccessLists(service, new Logger(memorySink(), "check"))) {
        const origin = service.origin(parameter);
        const place = origin?.line === undefined ? where : `${origin.file}: line ${origin.line}`;
        const unknown = /^unknown smtpd restriction: "(.*)"$/.exec(problem)?.[1];
        const meant = unknown === undefined ? undefined : nearName(unknown, restrictionNames);
        const text = `${place}: ${parameter}: ${problem}` +
          (meant === undefined
            ? ": mail is refused with 451 when a client gets that far"
            : `: did you mean ${meant}?`);
        if (!seen.has(text)) findings.push(warning(text));
        seen.add(text);
      }
      const isPrivate = entry.type === "inet" &&
        endpointsOf(entry, service).every(({ hostname }) => /^(127\.|::1$)/.test(hostname));
      if (!isPrivate && await relaysForStrangers(config, entry)) {
        findings.push(
          warning(
            `${where}: a stranger may send mail to anybody: open relay: ` +
              `put reject_unauth_destination before what permits in smtpd_relay_restrictions`,
          ),
        );
      }
    } catch (error) {
      if (!(error instanceof ConfigError || error instanceof TableError)) throw error;
      if (!seen.has(error.message)) {
        const text = `${where}: ${error.message}`;
        findings.push(error instanceof ConfigError ? fatal(text) : warning(text));
      }
      seen.add(error.message);
    }
  }
  return findings;
}

/** Plays a session of a stranger through the lists. DNS, policy services and probes are not asked. */
async function relaysForStrangers(
  config: Config,
  entry: Parameters<typeof serviceConfig>[1],
): Promise<boolean> {
  const log = new Logger(memorySink(), "check");
  const service = serviceConfig(config, entry);
  const tables = new TableSet(service, { log });
  try {
    const { refusal } = await tryRecipient({
      config: service,
      entry,
      tables,
      addressing: createAddressing({ config: service, tables, log }),
      log,
      clientAddress: STRANGER.address,
      clientName: "unknown",
      helo: "stranger.invalid",
      sender: STRANGER.sender,
      recipient: STRANGER.recipient,
      trace: {
        enter() {},
        before: (restriction) =>
          /^(check_policy_service|reject_unverified_|sleep)/.test(restriction) ? "dunno" : undefined,
        after() {},
      },
    });
    return refusal === undefined;
  } finally {
    tables.close();
  }
}

/** Networks in `mynetworks` that are larger than any one site's. */
function* checkNetworks(config: Config): Generator<Finding> {
  if (!config.isSet("mynetworks")) return;
  for (const word of config.list("mynetworks")) {
    const match = /^\[?([0-9a-fA-F.:]+)\]?\/(\d+)$/.exec(word);
    if (match === null) continue;
    const shortest = match[1]!.includes(":") ? SHORTEST_IPV6 : SHORTEST_IPV4;
    if (Number(match[2]) >= shortest) continue;
    const origin = config.origin("mynetworks");
    yield warning(
      `${origin?.file}: line ${origin?.line}: mynetworks: ${word} trusts strangers to relay: ` +
        `list your own networks only`,
    );
  }
}
