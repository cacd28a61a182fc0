/**
 * The SMTP and LMTP client, smtp(8): takes delivery requests from the queue manager, finds the servers, keeps sessions
 * open between messages and reports what became of each recipient. It logs, beside the delivery lines,
 * `connect to HOST[ADDR]:PORT: reason`, `QUEUEID: host ... said: ...` and `QUEUEID: lost connection with ...` for servers
 * that were skipped, in Postfix's words.
 */
import type { Config } from "../../core/config/types.ts";
import { canonicalAddress, filterReplies, type Resolver } from "../../core/dns/mod.ts";
import { messageOf } from "../../core/errors/mod.ts";
import type { Logger } from "../../core/log/mod.ts";
import { downgradeContent } from "../../core/message/mod.ts";
import type { Queue } from "../../core/queue/types.ts";
import { CoarseTimer } from "../../core/smtp/mod.ts";
import { matchList, type TableSet } from "../../core/table/mod.ts";
import { type KeyStore, preloadTls } from "../../core/tls/mod.ts";
import type { DeliveryAgent, DeliveryRecorder, DeliveryReply, DeliveryRequest } from "../delivery/types.ts";
import { Attempt } from "./attempt.ts";
import { runDelivery } from "./delivery.ts";
import type { DeliveryContext } from "./hop.ts";
import { bounceLoops, headerPrefix } from "./added_headers.ts";
import { ownAddresses } from "./own_addresses.ts";
import type { Session } from "./session.ts";
import { SessionCache } from "./session_cache.ts";
import { type Protocol, readSettings } from "./settings.ts";
import { createContentFilter } from "./filter_content.ts";
import { createMaps } from "./maps.ts";
import { readDemands } from "./require_tls.ts";
import { createClientTls } from "./secure_policy.ts";
import type { Message } from "./send_content.ts";

/** What the client stands on. */
export interface SmtpClientDeps {
  /** The snapshot with the service's `-o` overrides. */
  readonly config: Config;
  readonly protocol: Protocol;
  /** Column 1 of master.cf: `smtp`, `relay`, `lmtp` ... */
  readonly serviceName: string;
  readonly queue: Pick<Queue, "openContent" | "setMode">;
  readonly recorder: DeliveryRecorder;
  readonly resolver: Resolver;
  readonly tables: TableSet;
  /** In the name of the service: `postfix/smtp`. */
  readonly log: Logger;
  /** `flags=` of the service's arguments: any of `DORX`. */
  readonly flags?: string;
  /** For `best_mx_transport`: hands the request with its remaining recipients to another agent. */
  readonly passTo?: (transport: string, request: DeliveryRequest) => Promise<DeliveryReply>;
  /** Contents of key files, kept over reloads when the process can't read the files any more. */
  readonly keyStore?: KeyStore;
  /** Asks for a successor with root's rights, as when a replaced key can't be read. */
  readonly requestReplacement?: (reason: string) => void;
  /** In place of what `inet_interfaces` and `proxy_interfaces` say; for tests. */
  readonly ownAddresses?: readonly string[];
}

/** The mode by which a delivery agent tells that a queue file is damaged. */
const DAMAGED = 0o400;

/** A client with its open sessions. */
export interface SmtpClient extends DeliveryAgent {
  /**
   * Ends idle sessions, lets running deliveries come to their end for `grace` seconds (Infinity: however long they
   * take), then cuts them off.
   */
  stop(grace?: number): Promise<void>;
}

/** Makes the client of one service. Throws `ConfigError` or `TableError` when the configuration can't work. */
export function createSmtpClient(deps: SmtpClientDeps): SmtpClient {
  const { config, protocol, queue, recorder, tables, log } = deps;
  const replyFilter = `${protocol}_dns_reply_filter`;
  const filter = tables.list(config.string(replyFilter), { foldCase: true }, replyFilter);
  const resolver = filter.isEmpty
    ? deps.resolver
    : filterReplies(deps.resolver, { tables: filter, name: replyFilter, log });
  const settings = readSettings(config, protocol);
  const timer = new CoarseTimer();
  const cache = new SessionCache(timer);
  const active = new Set<Session>();
  const running = new Set<Promise<unknown>>();
  const maps = createMaps({ config, tables, log }, settings);
  const filterContent = createContentFilter({ config, tables, log }, protocol);
  const cached = matchList("string", settings.cacheDestinations, tables, {
    name: `${protocol}_connection_cache_destinations`,
  });
  const own = deps.ownAddresses === undefined
    ? ownAddresses(config)
    : new Set(deps.ownAddresses.map((address) => canonicalAddress(address) ?? address));
  const limits = {
    headerLimit: config.int("header_size_limit"),
    boundaryLimit: config.int("mime_boundary_length_limit"),
    nestingLimit: config.int("mime_nesting_limit"),
  };
  const passTo = deps.passTo;
  const flags = deps.flags ?? "";
  const prefix = headerPrefix(flags);
  const final = flags.includes("X") || (protocol === "lmtp" && settings.assumeFinal);
  if (settings.assumeFinal) {
    log.warning('lmtp_assume_final is obsolete; instead, specify "flags=X" in master.cf');
  }
  const tls = createClientTls({ ...deps, resolver }, settings);
  if (tls !== undefined) void preloadTls();
  const context: DeliveryContext = {
    settings,
    tls,
    demandOf: readDemands(config, tables, protocol),
    resolver,
    log,
    ownAddresses: own,
    timer,
    cache,
    active,
    cachesDestination: (domain) => !cached.isEmpty && cached.matches(domain),
    watches: (peer) => log.verbosity > 0 || maps.isDebugPeer(peer),
    discardKeywords: maps.discardKeywords,
    pixWorkarounds: maps.pixWorkarounds,
    ...(maps.auth === undefined ? {} : { auth: maps.auth }),
    ...(maps.filterLine === undefined ? {} : { filterLine: maps.filterLine }),
    ...(settings.bestMxTransport === "" || passTo === undefined ? {} : {
      passOn: async (attempt) => {
        const request = { ...attempt.request, recipients: attempt.left };
        return (await passTo(settings.bestMxTransport, request)).finished;
      },
    }),
  };

  async function run(request: DeliveryRequest): Promise<DeliveryReply> {
    const attempt = new Attempt(request, recorder, log, settings.softBounce, maps.filterDetail);
    const message: Message = {
      ...(maps.rewrite === undefined ? {} : { rewrite: maps.rewrite }),
      async open(downgrade) {
        const content = queue.openContent(request.queueName, request.queueId, request.contentOffset);
        const reader = filterContent === undefined ? content : await filterContent(content, request.queueId);
        return downgrade ? downgradeContent(reader, limits) : reader;
      },
      final,
      ...(prefix === undefined ? {} : { prefix: (accepted) => prefix(request, accepted) }),
      damaged: () => queue.setMode(request.queueName, request.queueId, DAMAGED),
    };
    try {
      if (flags.includes("D")) await bounceLoops(queue, attempt);
      if (attempt.left.length > 0) await runDelivery(context, attempt, message);
    } catch (error) {
      return failed(error);
    }
    return {
      finished: attempt.finished,
      ...(attempt.trouble === undefined ? {} : { destinationTrouble: attempt.trouble }),
    };
  }

  /** An error of this program or of a table must not lose mail: the queue manager defers what is left. */
  function failed(error: unknown): DeliveryReply {
    const cause = messageOf(error);
    log.warning(`unexpected error in the ${protocol} client: ${cause}`);
    const detail = { status: "4.3.0", reason: "unknown mail transport error" };
    return { finished: false, transportTrouble: { ...detail, cause } };
  }

  return {
    deliver(request) {
      const delivery = run(request);
      running.add(delivery);
      return delivery.finally(() => running.delete(delivery));
    },
    async stop(grace = 5) {
      cache.clear();
      const done = Promise.allSettled([...running]);
      let cut: ReturnType<typeof setTimeout> | undefined;
      const late = new Promise<void>((resolve) => {
        // A timer takes Infinity for no time at all.
        if (Number.isFinite(grace)) cut = setTimeout(resolve, grace * 1000);
      });
      await Promise.race([done, late]);
      clearTimeout(cut);
      for (const session of active) session.close();
      await done;
      cache.clear();
    },
  };
}
