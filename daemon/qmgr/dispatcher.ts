/**
 * Hands recipients to delivery agents: keeps the transports and their destinations, starts deliveries while there is
 * room, and draws the conclusions from what the agents answer.
 */
import { setImmediate } from "node:timers";
import type { Config } from "../../core/config/types.ts";
import type { Logger } from "../../core/log/mod.ts";
import type { Recipient } from "../../core/queue/types.ts";
import type { DeliveryAgent, DeliveryRecorder, DeliveryReply, DsnDetail } from "../delivery/types.ts";
import { callAgent, UNAVAILABLE } from "./agent_call.ts";
import type { Assignment } from "./assignment.ts";
import type { Destination } from "./destination.ts";
import type { ActiveMessage, Entry } from "./message.ts";
import { deliveryRequest } from "./request.ts";
import { type Decision, destinationKey, RETRY, retryNexthop } from "./routing.ts";
import { type QmgrSettings, transportSettings } from "./settings.ts";
import { type Selection, Transport } from "./transport.ts";
import type { Clock, TransportStats } from "./types.ts";

export interface DispatcherDeps {
  config: Config;
  settings: QmgrSettings;
  agentFor: (transport: string) => DeliveryAgent | undefined;
  processLimit: (transport: string) => number;
  readonly clock: Clock;
  readonly log: Logger;
  readonly recorder: () => DeliveryRecorder;
  /** So many recipients of a message are through. */
  readonly through: (message: ActiveMessage, recipients: number) => void;
}

/** After so many deliveries other work of the process gets its turn. */
const STARTS_IN_A_ROW = 256;

/** Recipients of a message whose delivery has ended. */
interface Ended {
  readonly message: ActiveMessage;
  readonly recipients: number;
}

/** What a dead destination's deferred mail is told. */
function suspended(trouble: DsnDetail): DsnDetail {
  return { ...trouble, reason: `delivery temporarily suspended: ${trouble.reason}` };
}

export class Dispatcher {
  readonly #transports = new Map<string, Transport>();
  readonly #postponed = new Set<Transport>();
  #stopped = false;
  #started = 0;
  #nextClogWarning = 0;
  #busy = 0;
  readonly #ended: Ended[] = [];
  #idleWaiters: (() => void)[] = [];

  constructor(readonly deps: DispatcherDeps) {}

  /** Deliveries under way, and those that ended and from which no conclusions were drawn yet. */
  get busy(): number {
    return this.#busy;
  }

  /** Adds a recipient to the entries of an assignment; a dead transport or destination makes it a retry. */
  assign(assignment: Assignment, message: ActiveMessage, decision: Decision & { kind: "deliver" }): void {
    const { transport: name, nexthop, recipient } = decision;
    let transport = this.#transport(name);
    let destination = this.#destination(transport, nexthop, recipient);
    if (message.unthrottle) {
      transport.resume();
      transport.revive(destination);
    }
    const trouble = name === RETRY ? undefined : transport.trouble ?? destination.trouble;
    if (trouble !== undefined) {
      transport = this.#transport(RETRY);
      destination = this.#destination(transport, retryNexthop(trouble), recipient);
    }
    assignment.put(message, transport, destination, recipient);
  }

  /** Lets the entries of an assignment wait for their turn, and starts what can start. */
  commit(assignment: Assignment): void {
    for (const transport of assignment.commit()) this.drain(transport);
  }

  /** Starts deliveries while there is room. Were there any? */
  drain(transport: Transport): boolean {
    if (this.#stopped || this.#postponed.has(transport)) return false;
    const before = this.#started;
    for (let next = transport.select(); next !== undefined; next = transport.select()) {
      this.#start(transport, next);
      this.#started += 1;
      if (this.#started % STARTS_IN_A_ROW === 0) {
        void this.#postpone(transport);
        break;
      }
    }
    return this.#started > before;
  }

  /** Goes on with a transport after everybody else had a turn: some agents finish without ever waiting for anything. */
  async #postpone(transport: Transport): Promise<void> {
    this.#postponed.add(transport);
    await this.deps.clock.yield();
    this.#postponed.delete(transport);
    this.drain(transport);
  }

  #start(transport: Transport, { destination, entry }: Selection): void {
    this.#busy += 1;
    const request = deliveryRequest(entry.message, {
      nexthop: destination.nexthop,
      recipients: entry.recipients,
      handedOver: this.deps.clock.now(),
      reuseConnections: destination.reuseConnections,
    });
    void callAgent(this.deps.agentFor(transport.name), request)
      .then((reply) => this.#finished(transport, destination, entry, reply));
  }

  #finished(transport: Transport, destination: Destination, entry: Entry, reply: DeliveryReply): void {
    const { message } = entry;
    if (!reply.finished) message.deferred = true;
    if (reply.transportTrouble !== undefined) {
      transport.done(destination);
      this.#transportFailed(transport, destination, entry, reply.transportTrouble);
      this.#notBusy(1);
      this.drain(transport);
      return;
    }
    if (reply.destinationTrouble === undefined) {
      destination.window.succeeded(destination.busy);
      if (destination.trouble !== undefined) transport.revive(destination);
      transport.done(destination);
    } else {
      const died = destination.window.failed();
      transport.done(destination);
      if (died) this.#destinationDied(transport, destination, suspended(reply.destinationTrouble));
    }
    const ended = { message, recipients: entry.recipients.length };
    // To remove a file takes longer than to start the next delivery: the agent need not wait for it.
    if (this.drain(transport)) this.#throughLater(ended);
    else this.#through([ended]);
  }

  /** Draws the conclusions when the requests that were just made have left. */
  #throughLater(ended: Ended): void {
    this.#ended.push(ended);
    if (this.#ended.length === 1) setImmediate(() => this.#through(this.#ended.splice(0)));
  }

  #through(all: readonly Ended[]): void {
    for (const { message, recipients } of all) this.deps.through(message, recipients);
    this.#notBusy(all.length);
  }

  #notBusy(deliveries: number): void {
    this.#busy -= deliveries;
    if (this.#busy === 0) { for (const wake of this.#idleWaiters.splice(0)) wake(); }
  }

  #destinationDied(transport: Transport, destination: Destination, trouble: DsnDetail): void {
    this.#retry(transport.kill(destination, trouble), trouble);
  }

  /** The agent itself is out of order: it is left alone for a while, and what waits for it is deferred. */
  #transportFailed(
    transport: Transport,
    destination: Destination,
    entry: Entry,
    trouble: DsnDetail & { cause: string },
  ): void {
    const { log } = this.deps;
    if (transport.trouble === undefined) {
      const what = trouble.reason === UNAVAILABLE.reason
        ? `connect to transport private/${transport.name}`
        : `transport ${transport.name} failure`;
      log.warning(`${what}: ${trouble.cause}`, "transport-trouble", { transport: transport.name });
    }
    const detail = { status: trouble.status, reason: trouble.reason };
    if (transport.name === RETRY) {
      // Nobody is left to defer it but the queue manager itself.
      void this.#deferHere(entry, destination.nexthop);
      return;
    }
    const waited = transport.suspend(detail).map(({ entry }) => entry);
    this.#retry([entry, ...waited], detail);
  }

  /** Moves entries to the transport that defers them with a reason. */
  #retry(entries: readonly Entry[], detail: DsnDetail): void {
    if (entries.length === 0) return;
    const transport = this.#transport(RETRY);
    const nexthop = retryNexthop(detail);
    const destination = transport.destination(nexthop.toLowerCase(), nexthop);
    for (const entry of entries) transport.add(destination, entry);
    this.drain(transport);
  }

  async #deferHere(entry: Entry, nexthop: string): Promise<void> {
    const [status = "4.3.0"] = nexthop.split(" ", 1);
    await this.record(entry.message, entry.recipients, "deferred", {
      status,
      reason: nexthop.slice(status.length + 1),
    });
  }

  /** Settles recipients without a delivery agent. */
  async record(
    message: ActiveMessage,
    recipients: readonly Recipient[],
    outcome: "sent" | "bounced" | "deferred",
    detail: DsnDetail,
  ): Promise<void> {
    const recorder = this.deps.recorder();
    this.#busy += 1;
    for (const recipient of recipients) {
      const request = deliveryRequest(message, {
        nexthop: "",
        recipients: [recipient],
        handedOver: 0,
        reuseConnections: false,
      });
      const finished = await recorder[outcome](request, recipient, "none", detail);
      if (!finished) message.deferred = true;
      this.deps.through(message, 1);
    }
    this.#notBusy(1);
  }

  #transport(name: string): Transport {
    let transport = this.#transports.get(name);
    if (transport === undefined) {
      const { config, processLimit, clock } = this.deps;
      transport = new Transport(name, transportSettings(config, name), processLimit(name), {
        clock,
        deadTime: () => this.deps.settings.minimalBackoff,
        retryTime: () => this.deps.settings.transportRetry,
        wake: (woken) => this.drain(woken),
      });
      this.#transports.set(name, transport);
    }
    return transport;
  }

  #destination(transport: Transport, nexthop: string, recipient: Recipient): Destination {
    const { recipientLimit } = transport.settings;
    const { extensions } = this.deps.settings;
    const key = destinationKey(transport.name, nexthop, recipient.address, recipientLimit, extensions);
    return transport.destination(key, nexthop);
  }

  /** Says which destination fills the active queue, once per `qmgr_clog_warn_time` and only if it is most of it. */
  warnOfClog(messages: number): void {
    const { clock, settings, log } = this.deps;
    if (settings.clogWarning === 0 || clock.now() < this.#nextClogWarning) return;
    this.#nextClogWarning = clock.now() + settings.clogWarning;
    for (const transport of this.#transports.values()) {
      const destination = transport.busiest();
      if (destination === undefined) continue;
      const entries = destination.waiting + destination.busy;
      if (entries <= messages / 2) continue;
      log.warning(`mail for ${destination.key} is using up ${entries} of ${messages} active queue entries`);
      log.warning(
        `this may slow down other mail deliveries; consider another transport for it, or a larger ` +
          `${transport.name}_destination_concurrency_limit`,
      );
    }
  }

  /** Forgets all trouble (`postqueue -f`). */
  forgive(): void {
    for (const transport of this.#transports.values()) transport.forgive();
  }

  /** Takes changed settings over. */
  configure(): void {
    const { config, processLimit } = this.deps;
    for (const transport of this.#transports.values()) {
      transport.configure(transportSettings(config, transport.name), processLimit(transport.name));
      this.drain(transport);
    }
  }

  /** Starts nothing any more. */
  stop(): void {
    this.#stopped = true;
    for (const transport of this.#transports.values()) transport.stop();
  }

  /** Resolves when no delivery is under way. */
  async idle(): Promise<void> {
    if (this.#busy > 0) await new Promise<void>((resolve) => this.#idleWaiters.push(resolve));
  }

  stats(): TransportStats[] {
    return [...this.#transports.values()].map((transport) => transport.stats());
  }
}
