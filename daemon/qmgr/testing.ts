/** Doubles for the queue manager's tests: a clock turned by hand, a bounce service that remembers, agents by script. */
import { ByteBuffer } from "../../core/bytes/mod.ts";
import { configFromText } from "../../core/config/mod.ts";
import { Logger, memorySink } from "../../core/log/mod.ts";
import {
  appendTextRecord,
  fixedNumber,
  formatSizeRecord,
  type Queue,
  type QueuedMessage,
  RecordType,
} from "../../core/queue/mod.ts";
import { memoryQueue } from "../../core/queue/testing.ts";
import { createRecorder } from "../delivery/mod.ts";
import type { BounceService, DeliveryAgent, DeliveryReply, DeliveryRequest } from "../delivery/types.ts";
import { createDiscardAgent } from "../discard/mod.ts";
import { createErrorAgent } from "../error/mod.ts";
import { createQueueManager } from "./manager.ts";
import type { Clock, QueueManager, Routing } from "./types.ts";

/** A clock that stands still until it is told. */
class FakeClock implements Clock {
  readonly #timers = new Set<{ at: number; action: () => void }>();
  constructor(public time = 1_800_000_000) {}

  now(): number {
    return this.time;
  }
  after(seconds: number, action: () => void) {
    const timer = { at: this.time + seconds, action };
    this.#timers.add(timer);
    return { cancel: () => void this.#timers.delete(timer) };
  }
  async yield(): Promise<void> {
    await settled(1);
  }

  /** Lets time pass; what falls due happens in order. */
  async advance(seconds: number): Promise<void> {
    const end = this.time + seconds;
    for (;;) {
      await settled();
      const due = [...this.#timers].filter((timer) => timer.at <= end).sort((a, b) => a.at - b.at)[0];
      if (due === undefined) break;
      this.time = Math.max(this.time, due.at);
      this.#timers.delete(due);
      due.action();
    }
    this.time = end;
    await settled();
  }
}

/** Lets everything that waits for nothing but its turn go on. */
export async function settled(turns = 4): Promise<void> {
  for (let turn = 0; turn < turns; turn++) await new Promise((resolve) => setTimeout(resolve, 0));
}

export interface MessageSpec {
  readonly sender?: string;
  readonly recipients: readonly string[];
  readonly arrival?: number;
  readonly attributes?: readonly string[];
  /** Attributes in front of each recipient. */
  readonly recipientAttributes?: readonly string[];
  readonly filter?: string;
  readonly redirect?: string;
  readonly warnAt?: number;
  readonly verp?: string;
}

/** Puts a message into incoming, as cleanup does. */
export async function enqueue(queue: Queue, spec: MessageSpec): Promise<QueuedMessage> {
  const writer = queue.create("incoming");
  const buffer = new ByteBuffer(1024);
  const add = (type: number, text: string) => appendTextRecord(buffer, type, text);
  const size = (contentSize: number, contentOffset: number) =>
    formatSizeRecord({
      contentSize,
      contentOffset,
      recipientCount: spec.recipients.length,
      hints: 0,
      messageSize: contentSize,
      sendopts: 0,
    });
  const arrival = spec.arrival ?? 1_800_000_000;
  buffer.append(size(0, 0));
  add(RecordType.Time, `${arrival} 0`);
  add(RecordType.Attribute, `create_time=${arrival}`);
  if (spec.filter !== undefined) add(RecordType.Filter, spec.filter);
  for (const attribute of spec.attributes ?? []) add(RecordType.Attribute, attribute);
  add(RecordType.Sender, spec.sender ?? "sender@example.com");
  if (spec.verp !== undefined) add(RecordType.Verp, spec.verp);
  if (spec.redirect !== undefined) add(RecordType.Redirect, spec.redirect);
  if (spec.warnAt !== undefined) add(RecordType.Warning, fixedNumber(spec.warnAt));
  for (const recipient of spec.recipients) {
    for (const attribute of spec.recipientAttributes ?? []) add(RecordType.Attribute, attribute);
    add(RecordType.OriginalRecipient, recipient);
    add(RecordType.Recipient, recipient);
  }
  add(RecordType.Message, "");
  const contentOffset = buffer.length;
  add(RecordType.Normal, "Subject: test");
  add(RecordType.Normal, "");
  add(RecordType.Normal, "body");
  const tailOffset = buffer.length;
  add(RecordType.Extracted, "");
  add(RecordType.End, "");
  buffer.overwrite(0, size(tailOffset - contentOffset, contentOffset));
  writer.append(buffer.view());
  const bytes = buffer.toBytes();
  await writer.commit();
  return {
    id: writer.id,
    queue: "incoming",
    head: bytes.subarray(0, contentOffset),
    tail: bytes.subarray(tailOffset),
    tailOffset,
  };
}

/** A bounce service that keeps the logs in the queue and remembers what notices it was asked for. */
function fakeBounce(queue: Queue): BounceService & { readonly notices: string[]; fail: boolean } {
  const notices: string[] = [];
  return {
    notices,
    fail: false,
    append(log, id, _flags, recipient, action, detail) {
      return queue.appendLog(log, id, { recipient, action, status: detail.status, reason: detail.reason });
    },
    flush(kind, target) {
      if (this.fail) return Promise.reject(new Error("no space"));
      notices.push(`${kind} ${target.sender}`);
      queue.removeLog(kind, target.queueId);
      return Promise.resolve();
    },
    warn(target) {
      if (this.fail) return Promise.reject(new Error("no space"));
      notices.push(`warn ${target.sender}`);
      return Promise.resolve();
    },
    one: () => Promise.reject(new Error("not in these tests")),
  };
}

/** Everything that goes to a domain goes to the transport called like its last label, next hop the domain. */
export const routing: Routing = {
  resolve(_sender, address) {
    const domain = address.slice(address.lastIndexOf("@") + 1);
    const transport = domain.slice(domain.lastIndexOf(".") + 1);
    return { transport, nexthop: domain, recipient: address, addressClass: "default" };
  },
  verifyResolve(sender, address) {
    return this.resolve(sender, address);
  },
  rewriteInternal: (_context, address) => address,
};

/** A delivery that an agent was given and that the test answers. */
export interface Pending {
  readonly request: DeliveryRequest;
  /** Delivered to all. */
  sent(): Promise<void>;
  bounced(reason?: string): Promise<void>;
  deferred(reason?: string): Promise<void>;
  /** The destination did not answer. */
  dead(reason?: string): Promise<void>;
  answer(reply: DeliveryReply): void;
}

/** A queue manager with doubles all around. */
export class Bench {
  readonly clock = new FakeClock();
  readonly sink = memorySink();
  readonly bounce: ReturnType<typeof fakeBounce>;
  readonly pending: Pending[] = [];
  /** Every recipient that was delivered to, in order. */
  readonly delivered: string[] = [];
  /** Answer at once instead of waiting for the test. */
  automatic: "sent" | "deferred" | "bounced" | "dead" | undefined;
  limits: Record<string, number> = {};
  readonly missing = new Set<string>();
  manager: QueueManager;

  constructor(
    readonly settings = "",
    readonly queue: Queue = memoryQueue({ longIds: true }),
    route = routing,
  ) {
    this.bounce = fakeBounce(queue);
    this.manager = this.create(route);
  }

  /** A new manager on the same queue, as after a restart. */
  create(route = routing): QueueManager {
    const config = this.config();
    return createQueueManager({
      config,
      queue: this.queue,
      addressing: route,
      agentFor: (transport) => this.missing.has(transport) ? undefined : this.#agent(transport),
      processLimit: (transport) => this.limits[transport] ?? 100,
      bounce: this.bounce,
      log: new Logger(this.sink, "postfix/qmgr"),
      clock: this.clock,
    });
  }

  config() {
    return configFromText(`myhostname = mx.example.com\n${this.settings}`);
  }

  #recorder() {
    const log = new Logger(this.sink, "postfix/agent");
    const { queue, bounce, clock } = this;
    return createRecorder({ config: this.config(), queue, bounce, log, now: () => clock.now() });
  }

  #agent(transport: string): DeliveryAgent {
    if (transport === "retry" || transport === "error") {
      return createErrorAgent({ recorder: this.#recorder(), service: transport });
    }
    if (transport === "discard") return createDiscardAgent({ recorder: this.#recorder() });
    return { deliver: (request) => this.#deliver(request) };
  }

  #deliver(request: DeliveryRequest): Promise<DeliveryReply> {
    const { promise, resolve } = Promise.withResolvers<DeliveryReply>();
    const recorder = this.#recorder();
    const each = async (outcome: "sent" | "bounced" | "deferred", status: string, reason: string) => {
      let finished = true;
      for (const recipient of request.recipients) {
        const done = await recorder[outcome](request, recipient, "relay.test[192.0.2.1]:25", {
          status,
          reason,
        });
        if (outcome === "sent" && done) this.delivered.push(recipient.address);
        finished = done && finished;
      }
      return finished;
    };
    const pending: Pending = {
      request,
      answer: resolve,
      sent: async () => resolve({ finished: await each("sent", "2.0.0", "250 ok") }),
      bounced: async (reason = "no such user") =>
        resolve({ finished: await each("bounced", "5.1.1", reason) }),
      deferred: async (reason = "greylisted") =>
        resolve({ finished: await each("deferred", "4.2.0", reason) }),
      dead: async (reason = "connection refused") => {
        await each("deferred", "4.4.1", reason);
        resolve({ finished: false, destinationTrouble: { status: "4.4.1", reason } });
      },
    };
    if (this.automatic !== undefined) void pending[this.automatic]();
    else this.pending.push(pending);
    return promise;
  }

  /** Puts a message into incoming and hands it over. */
  async submit(spec: MessageSpec): Promise<string> {
    const message = await enqueue(this.queue, spec);
    this.manager.queued(message);
    return message.id;
  }

  /** Ids of the files in a queue. */
  ids(queue: "incoming" | "active" | "deferred" | "corrupt" | "hold"): string[] {
    return [...this.queue.scan(queue)];
  }

  lines(): string[] {
    return this.sink.lines();
  }

  /** Answers the oldest waiting delivery. */
  next(): Pending {
    const pending = this.pending.shift();
    if (pending === undefined) throw new Error("No delivery is waiting for an answer");
    return pending;
  }
}
