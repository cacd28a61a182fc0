import type { Config } from "../../core/config/mod.ts";
import type { Logger } from "../../core/log/mod.ts";
import { ClientNetworks } from "./network.ts";
import { Peaks } from "./peaks.ts";

/** What anvil(8) works with. */
export interface AnvilDeps {
  readonly config: Config;
  /** In the name of `postfix/anvil`. */
  readonly log: Logger;
  /** Milliseconds; the real time by default. */
  readonly now?: () => number;
}

/** Event counters per service and client. All events return the count in the present time unit. */
export interface Anvil {
  /** A client connected: its simultaneous connections, and connections in the time unit. */
  connect(service: string, address: string): { readonly count: number; readonly rate: number };
  disconnect(service: string, address: string): void;
  message(service: string, address: string): number;
  recipient(service: string, address: string): number;
  /** A TLS session that was not resumed. */
  newtls(service: string, address: string): number;
  /** The same count without a new event. */
  newtlsRate(service: string, address: string): number;
  auth(service: string, address: string): number;
  /** Logs the peaks and starts them anew. */
  report(): void;
  /** Reports and stops the timer. */
  close(): void;
}

const RATES = ["connection", "message", "recipient", "newtls", "auth"] as const;
type RateName = typeof RATES[number];

/** What is known of one client of one service. */
class ClientState {
  count = 0;
  windowStart: number;
  readonly rates: Record<RateName, number> = { connection: 0, message: 0, recipient: 0, newtls: 0, auth: 0 };

  constructor(now: number) {
    this.windowStart = now;
  }
}

/** Makes the counters. `anvil_rate_time_unit` and `anvil_status_update_time` come from the configuration. */
export function createAnvil(deps: AnvilDeps): Anvil {
  const unit = deps.config.seconds("anvil_rate_time_unit");
  const interval = deps.config.seconds("anvil_status_update_time");
  const now = deps.now ?? Date.now;
  const networks = new ClientNetworks(
    deps.config.int("smtpd_client_ipv4_prefix_length"),
    deps.config.int("smtpd_client_ipv6_prefix_length"),
  );
  const clients = new Map<string, ClientState>();
  const peaks = new Peaks(unit);
  let swept = now();
  let timer: ReturnType<typeof setInterval> | undefined;

  /** Removes clients that are gone and whose time unit is over. */
  const sweep = (time: number) => {
    swept = time;
    for (const [name, state] of clients) {
      if (state.count === 0 && time - state.windowStart >= unit * 1000) clients.delete(name);
    }
  };
  const find = (name: string): ClientState => {
    const time = now();
    if (time - swept >= unit * 1000) sweep(time);
    let state = clients.get(name);
    if (state === undefined) {
      clients.set(name, state = new ClientState(time));
      peaks.cacheSize(clients.size, time);
      timer ??= startTimer();
    } else if (time - state.windowStart >= unit * 1000) {
      state.windowStart = time;
      for (const rate of RATES) state.rates[rate] = 0;
    }
    return state;
  };
  const startTimer = () => {
    const started = setInterval(() => report(), interval * 1000);
    Deno.unrefTimer(started);
    return started;
  };
  const event = (rate: RateName) => (service: string, address: string): number => {
    const name = `${service}:${networks.of(address)}`;
    const state = find(name);
    state.rates[rate] += 1;
    peaks.rate(rate, state.rates[rate], name, now());
    return state.rates[rate];
  };
  const connection = event("connection");
  const report = () => {
    for (const line of peaks.lines()) deps.log.info(line, "statistics");
    peaks.clear();
  };
  return {
    connect(service, address) {
      const rate = connection(service, address);
      const name = `${service}:${networks.of(address)}`;
      const state = find(name);
      state.count += 1;
      peaks.count(state.count, name, now());
      return { count: state.count, rate };
    },
    disconnect(service, address) {
      const state = clients.get(`${service}:${networks.of(address)}`);
      if (state !== undefined && state.count > 0) state.count -= 1;
    },
    message: event("message"),
    recipient: event("recipient"),
    newtls: event("newtls"),
    newtlsRate: (service, address) => find(`${service}:${networks.of(address)}`).rates.newtls,
    auth: event("auth"),
    report,
    close() {
      if (timer !== undefined) clearInterval(timer);
      timer = undefined;
      report();
    },
  };
}
