/**
 * anvil(8): counts connections and events per client and service, and reports the peaks in the log.
 *
 * Logs: `statistics: max connection rate 3/60s for (smtp:192.0.2.1) at Nov 21 02:56:09`, the same for the other
 * counters, and `statistics: max cache size 1 at ...`.
 */
export { type Anvil, type AnvilDeps, createAnvil } from "./anvil.ts";
