import type { Config } from "../../core/config/types.ts";
import { messageOf } from "../../core/errors/mod.ts";
import type { Logger } from "../../core/log/mod.ts";
import type { TableSet } from "../../core/table/mod.ts";
import type { CleanupService } from "../cleanup/types.ts";
import { AddressCache, type CachedAddress } from "./cache.ts";
import { sendProbe } from "./probe.ts";
import { ProbeSender } from "./sender.ts";
import { type AddressAnswer, AddressStatus, type AddressVerification } from "./types.ts";

/** What verify(8) works with. */
export interface VerifyDeps {
  readonly config: Config;
  readonly cleanup: CleanupService;
  /** In the name of `postfix/verify`. */
  readonly log: Logger;
  /** Completes an address (internal form) with the local domain. */
  readonly rewrite: (address: string) => string;
  /** For the cache that a Postfix left behind. */
  readonly tables?: TableSet;
  /** Seconds since the epoch. */
  readonly now?: () => number;
}

/** verify(8). */
export interface Verify extends AddressVerification {
  /** Ends the timer and closes the cache. */
  close(): void;
}

/** A probe that has not come back after so many seconds is lost. */
const PROBE_LIFETIME = 1000;
const IN_PROGRESS: AddressAnswer = {
  status: AddressStatus.InProgress,
  text: "Address verification in progress",
};

/** Makes the service; the cache is opened with the first question. */
export function createVerify(deps: VerifyDeps): Verify {
  const { config, log } = deps;
  const now = deps.now ?? (() => Date.now() / 1000);
  const origin = { hostname: config.string("myhostname"), mailName: config.string("mail_name") };
  const sender = new ProbeSender(config, deps.rewrite);
  const keepNegative = config.bool("address_verify_negative_cache");
  const expire = {
    positive: config.seconds("address_verify_positive_expire_time"),
    negative: config.seconds("address_verify_negative_expire_time"),
  };
  const refresh = {
    positive: config.seconds("address_verify_positive_refresh_time"),
    negative: config.seconds("address_verify_negative_refresh_time"),
  };
  const cleanupInterval = config.seconds("address_verify_cache_cleanup_interval");
  let cache: AddressCache | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;

  /** Is an answer older than the limit for its kind? */
  const isOlder = (limit: typeof expire, { status, updated }: Pick<CachedAddress, "status" | "updated">) =>
    updated + (status === AddressStatus.Deliverable ? limit.positive : limit.negative) < now();

  function opened(): AddressCache {
    if (cache === undefined) {
      cache = new AddressCache(config, log, deps.tables);
      cleanRegularly(cache);
    }
    return cache;
  }

  /** No answer has come for so long that it is none any more, and none is waited for. */
  const isExpired = (entry: CachedAddress) => now() - entry.probed > PROBE_LIFETIME && isOlder(expire, entry);

  /** Cleans now if it is time, and every `address_verify_cache_cleanup_interval` from then on; 0 never cleans. */
  function cleanRegularly(current: AddressCache): void {
    if (cleanupInterval <= 0) return;
    if (current.cleaned + cleanupInterval <= now()) {
      const { retained, dropped } = current.clean(isExpired, now());
      log.info(`cache ${current.name} full cleanup: retained=${retained} dropped=${dropped} entries`);
    }
    const due = Math.max(0, current.cleaned + cleanupInterval - now());
    // Timers hold 24 days at the most.
    timer = setTimeout(() => cleanRegularly(current), Math.min(due, 86400) * 1000);
    Deno.unrefTimer(timer);
  }

  /** Sends a probe if the answer is getting old, or if there is none, and none is under way. */
  function refreshIfNeeded(current: AddressCache, address: string, entry: CachedAddress): void {
    const key = keyOf(address);
    if (now() - entry.probed <= PROBE_LIFETIME || !isOlder(refresh, entry)) return;
    if (entry.updated !== 0 || keepNegative) {
      current.set(key, { ...entry, probed: now() });
    }
    sendProbe(deps.cleanup, origin, sender.address(now()), address).catch((error) =>
      log.warning(`probe to <${address}>: ${messageOf(error)}`)
    );
  }

  /** Throws what the operating system says about the cache's file. */
  function answerTo(address: string): AddressAnswer {
    const key = keyOf(address);
    const current = opened();
    let entry = current.get(key);
    if (entry !== undefined && isExpired(entry)) {
      if (!keepNegative) current.delete(key);
      entry = undefined;
    }
    // Without an answer of its own yet, an address is asked about again as soon as possible.
    const known = entry ??
      { status: AddressStatus.InProgress, probed: 0, updated: 0, text: IN_PROGRESS.text };
    refreshIfNeeded(current, address, known);
    return known.updated === 0 ? IN_PROGRESS : { status: known.status, text: known.text };
  }

  return {
    query: (address) => Promise.try(answerTo, address),
    update: (given, { status, text }) =>
      Promise.try(() => {
        const address = keyOf(given);
        const current = opened();
        // A probe that failed does not spoil what is known to be good until that expires.
        if (status !== AddressStatus.Deliverable) {
          const known = current.get(address);
          if (known !== undefined && known.updated !== 0 && known.status === AddressStatus.Deliverable) {
            return;
          }
        }
        current.set(address, { status, probed: 0, updated: now(), text });
      }),
    close() {
      clearTimeout(timer);
      cache?.close();
    },
  };
}

/** Colons are part of IPv6 literals, and what Postfix separates the fields of its entries with. */
function keyOf(address: string): string {
  return address.replaceAll(":", "_");
}
