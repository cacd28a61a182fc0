import type { Logger } from "../../core/log/mod.ts";
import type { Recipient } from "../../core/queue/types.ts";
import type { DeliveryRecorder, DeliveryRequest, DsnDetail } from "../delivery/types.ts";
import { asFailure, isSoft } from "./dsn.ts";
import { demandsTls, NO_DEMAND, type TlsDemand } from "./tls_demand.ts";

/**
 * One delivery request on its way through several servers: which recipients are left, what happened to the others,
 * and whether there is another server to try. A recipient that one server refused for now is kept for the next one;
 * with the last server its fate is recorded.
 */
export class Attempt {
  /** Recipients that the present session is to deliver to. */
  left: readonly Recipient[];
  /** Every recipient so far is finished. */
  finished = true;
  /** Reported to the queue manager: the destination is in trouble. */
  trouble: DsnDetail | undefined;
  /** The last trouble with the destination or a server, for recipients that no server was tried for. */
  why: DsnDetail | undefined;
  /** No other server comes after the present one. */
  finalServer = false;
  /** The present next hop is the last one. */
  finalNexthop = false;
  /** What the message demands of the servers of the present next hop. */
  demand: TlsDemand = NO_DEMAND;
  readonly #kept = new Set<Recipient>();
  readonly #settled = new Set<Recipient>();

  constructor(
    readonly request: DeliveryRequest,
    readonly recorder: DeliveryRecorder,
    readonly log: Logger,
    readonly softBounce: boolean,
    /** `smtp_delivery_status_filter`. */
    readonly filter?: (detail: DsnDetail) => Promise<DsnDetail> | DsnDetail,
  ) {
    this.left = request.recipients;
  }

  /** Was the message in the queue for that many seconds before it was tried this time? */
  hasWaited(seconds: number): boolean {
    const { times } = this.request;
    return times.active - times.incoming >= seconds;
  }

  /**
   * The status (RFC 8689 section 4.2.1) for a server that can't have the message because of REQUIRETLS: for good, if no
   * other one is left.
   * @param otherwise the status if the sender has not asked for REQUIRETLS
   */
  requireTlsStatus(detail: "10" | "30", otherwise: string): string {
    return demandsTls(this.demand) ? `${this.finalServer ? 5 : 4}.7.${detail}` : otherwise;
  }

  /** Is the recipient still to be delivered in this session? */
  isOpen(recipient: Recipient): boolean {
    return !this.#kept.has(recipient) && !this.#settled.has(recipient);
  }

  /** The recipient was delivered. */
  async deliveredTo(recipient: Recipient, relay: string, detail: DsnDetail): Promise<void> {
    this.#settled.add(recipient);
    const told = this.filter === undefined ? detail : await this.filter(detail);
    if (!await this.recorder.sent(this.request, recipient, relay, told)) this.finished = false;
  }

  /** A server refused one recipient. */
  async failRecipient(recipient: Recipient, relay: string, problem: DsnDetail): Promise<void> {
    const detail = asFailure(problem);
    if (this.#mayTryElsewhere(detail)) {
      this.log.info(`${this.request.queueId}: ${detail.reason}`);
      this.#kept.add(recipient);
      return;
    }
    await this.#record(recipient, relay, detail);
  }

  /**
   * A server refused the message, or could not be talked to: all open recipients are in the same boat.
   *
   * @param throttle the destination as a whole is in trouble
   */
  async failAll(relay: string, problem: DsnDetail, throttle: boolean): Promise<void> {
    const detail = asFailure(problem);
    this.why = detail;
    const open = this.left.filter((recipient) => this.isOpen(recipient));
    // Trouble after the last recipient had its answer concerns nobody.
    if (open.length === 0) return;
    if (this.#mayTryElsewhere(detail)) {
      this.log.info(`${this.request.queueId}: ${detail.reason}`);
      for (const recipient of open) this.#kept.add(recipient);
      return;
    }
    const { times } = this.request;
    const now = Date.now() / 1000;
    // Time spent on connecting in vain is connection set-up, not transmission.
    if (times.connected === 0) times.connected = now;
    times.delivered = now;
    for (const recipient of open) await this.#record(recipient, relay, detail);
    if (throttle && isSoft(detail)) this.trouble ??= detail;
  }

  /** Puts a changed copy of a recipient in its place, so that the record is about the change. */
  replaced(recipient: Recipient, copy: Recipient): Recipient {
    this.#settled.add(recipient);
    return copy;
  }

  /** The session is over: what was kept is left for the next server. */
  endSession(): void {
    this.left = this.left.filter((recipient) => !this.#settled.has(recipient));
    this.#kept.clear();
  }

  #mayTryElsewhere(detail: DsnDetail): boolean {
    return !this.finalServer && (isSoft(detail) || this.softBounce);
  }

  async #record(recipient: Recipient, relay: string, detail: DsnDetail): Promise<void> {
    this.#settled.add(recipient);
    const told = this.filter === undefined ? detail : await this.filter(detail);
    const { recorder, request } = this;
    const finished = isSoft(told)
      ? await recorder.deferred(request, recipient, relay, told)
      : await recorder.bounced(request, recipient, relay, told);
    if (!finished) this.finished = false;
  }
}
