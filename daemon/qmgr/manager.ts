/** The queue manager: from queued to gone or deferred (qmgr(8)). docs/queue-manager.md tells how and why. */
import { messageOf } from "../../core/errors/mod.ts";
import { parseEnvelope, type QueuedMessage, QueueFileError } from "../../core/queue/mod.ts";
import type { Envelope, Recipient } from "../../core/queue/types.ts";
import { createRecorder, lineStyle, logAddress } from "../delivery/mod.ts";
import { DeliveryFlag } from "../delivery/types.ts";
import { Assignment } from "./assignment.ts";
import { systemClock } from "./clock.ts";
import { complete, type CompletionDeps, type Outcome, saveCorrupt } from "./completion.ts";
import { Dispatcher } from "./dispatcher.ts";
import { type Admission, Intake } from "./intake.ts";
import { ACTIVE, ActiveMessage, traceFlags } from "./message.ts";
import { inDeliveryOrder } from "./recipient_order.ts";
import { recoverActive } from "./recovery.ts";
import { type Decision, route, type RouteContext } from "./routing.ts";
import { ineffectiveParameters, qmgrSettings } from "./settings.ts";
import type { QueueManager, QueueManagerDeps, QueueManagerStats, Timer } from "./types.ts";

/** Larger envelopes than this are read from the file piece by piece although they were handed over. */
const LARGEST_HAND_OVER = 256 * 1024;

/** Makes the queue manager. Throws `ConfigError` for bad parameters. */
export function createQueueManager(deps: QueueManagerDeps): QueueManager {
  const { queue, log, bounce } = deps;
  const clock = deps.clock ?? systemClock;
  let current = deps;
  let settings = qmgrSettings(deps.config);
  let recorder = makeRecorder();
  if (deps.config.seconds("bounce_queue_lifetime") > deps.config.seconds("maximal_queue_lifetime")) {
    log.warning(
      "bounce_queue_lifetime is larger than maximal_queue_lifetime - adjusting bounce_queue_lifetime",
    );
  }
  for (const name of ineffectiveParameters(deps.config)) {
    log.warning(`main.cf: ${name} is accepted and has no effect: the scheduler has no use for it`);
  }

  const active = new Map<string, ActiveMessage>();
  /** Files in active that could not be moved or removed: tried again with every queue run. */
  const stranded = new Map<string, ActiveMessage>();
  const counts = { recipients: 0, probes: 0, removed: 0, deferred: 0, corrupt: 0 };
  let runTimer: Timer | undefined;
  let stopping = false;
  /** Ends of messages that wait for a notice. */
  const ending = new Set<Promise<void>>();

  const completion: CompletionDeps = { queue, bounce, log, clock, settings, style: lineStyle(deps.config) };
  const routeContext = { addressing: deps.addressing, settings, pendingProbes: () => counts.probes };
  const dispatcher = new Dispatcher({
    config: deps.config,
    settings,
    agentFor: deps.agentFor,
    processLimit: deps.processLimit,
    clock,
    log,
    recorder: () => recorder,
    through,
  });
  const intake = new Intake({
    queue,
    clock,
    log,
    hasRoom,
    isActive: (id) => active.has(id),
    batchSize,
    admit,
    corrupt: (id) => {
      counts.corrupt += 1;
      saveCorrupt(completion, id);
    },
  });

  function makeRecorder() {
    return createRecorder({
      config: current.config,
      queue,
      bounce,
      log,
      now: () => clock.now(),
      ...(deps.flushAdd === undefined ? {} : { flushAdd: deps.flushAdd }),
      ...(deps.verify === undefined ? {} : { verify: deps.verify }),
    });
  }

  function hasRoom(): boolean {
    return active.size < settings.activeLimit;
  }

  /**
   * So many recipients of a message may be read at once: half of what is free, so that one mailing list leaves room
   * for the next, and in any case a few, so that no message waits for another one's recipients.
   */
  function batchSize(): number {
    const free = settings.recipientLimit - counts.recipients;
    return Math.max(settings.recipientMinimum, Math.floor(free / 2));
  }

  function queued(message: QueuedMessage): void {
    if (stopping || message.queue !== "incoming" || active.has(message.id)) return;
    if (!hasRoom()) dispatcher.warnOfClog(active.size);
    // What is not taken in here is found by a scan, and only there its turn comes.
    const large = message.head.length + message.tail.length > LARGEST_HAND_OVER;
    if (large || intake.backlog || !hasRoom()) return intake.leave();
    let envelope;
    try {
      envelope = parseEnvelope(message.head, message.tail, message.tailOffset, message.id);
    } catch (error) {
      if (!(error instanceof QueueFileError)) throw error;
      // The file itself decides whether it is damaged.
      return intake.leave();
    }
    intake.handOver(message.id, envelope);
  }

  function admit(admission: Admission): void {
    const { id, envelope } = admission;
    const message = new ActiveMessage(id, envelope, clock.now(), traceFlags(envelope, settings));
    message.forceExpired = admission.forceExpire;
    message.unthrottle = admission.unthrottle;
    message.asked = admission.asked;
    active.set(id, message);
    if ((message.traceFlags & DeliveryFlag.ProbeMta) !== 0) counts.probes += 1;
    log.info(
      `${id}: from=<${
        logAddress(envelope.sender, completion.style)
      }>, size=${envelope.messageSize}, nrcpt=${envelope.recipientCount} (queue active)`,
      "active",
      { queue_id: id, from: envelope.sender, size: envelope.messageSize, nrcpt: envelope.recipientCount },
    );
    warnOfCount(id, envelope);
    // Its recipients have a reason in the log of the last attempt; they need no new one.
    if (admission.forceExpire && admission.hadDeferLog) {
      message.deferred = true;
      message.unread = undefined;
      finish(message);
    } else if (envelope.redirect !== undefined) {
      // Everybody's mail goes to one address, once.
      message.unread = undefined;
      take(message, envelope.recipients.slice(0, 1));
    } else {
      take(message, envelope.recipients);
    }
  }

  /** More recipients than the size record says: the file was tampered with, but they are all delivered to. */
  function warnOfCount(id: string, envelope: Envelope): void {
    // A smaller number is ordinary: a Milter took recipients back, or not all were read yet.
    const missing = envelope.recipientCount - envelope.recipients.length - envelope.doneCount;
    if (missing < 0) log.warning(`${id}: rcpt count mismatch (${missing})`);
  }

  /** Routes recipients that were just read and hands them on. */
  function take(message: ActiveMessage, given: readonly Recipient[]): void {
    const recipients = inDeliveryOrder(given);
    message.outstanding += recipients.length;
    counts.recipients += recipients.length;
    message.routing = true;
    const assignment = new Assignment();
    for (let index = 0; index < recipients.length; index++) {
      const decision = route(routeContext, message, recipients[index]!);
      if (decision instanceof Promise) {
        void takeSlowly(message, recipients, index, decision, assignment);
        return;
      }
      settle(message, decision, assignment);
    }
    handOn(message, assignment);
  }

  /** Goes on where a table made us wait for an answer. */
  async function takeSlowly(
    message: ActiveMessage,
    recipients: readonly Recipient[],
    from: number,
    first: Promise<Decision>,
    assignment: Assignment,
  ): Promise<void> {
    for (let index = from; index < recipients.length; index++) {
      const recipient = recipients[index]!;
      try {
        settle(message, await (index === from ? first : route(routeContext, message, recipient)), assignment);
      } catch (error) {
        log.warning(`${message.id}: cannot route <${recipient.address}>: ${messageOf(error)}`);
        const detail = { status: "4.3.0", reason: "address resolver failure" };
        settle(message, { kind: "deferred", recipient, detail }, assignment);
      }
    }
    handOn(message, assignment);
  }

  function settle(message: ActiveMessage, decision: Decision, assignment: Assignment): void {
    if (decision.kind === "deliver") dispatcher.assign(assignment, message, decision);
    else void dispatcher.record(message, [decision.recipient], decision.kind, decision.detail);
  }

  function handOn(message: ActiveMessage, assignment: Assignment): void {
    message.routing = false;
    dispatcher.commit(assignment);
    // There was nobody left to deliver to in what was read.
    if (message.outstanding > 0) return;
    if (message.unread !== undefined) readOn(message);
    else finish(message);
  }

  function through(message: ActiveMessage, recipients: number): void {
    message.outstanding -= recipients;
    counts.recipients -= recipients;
    if (message.routing) return;
    if (message.unread !== undefined && message.outstanding <= settings.recipientMinimum) {
      readOn(message);
    } else if (message.outstanding === 0) {
      finish(message);
    }
    if (intake.waiting) intake.pump();
  }

  /** Reads the next recipients of a message that has more than fit into memory at once. */
  function readOn(message: ActiveMessage): void {
    const from = message.unread!;
    try {
      const { recipients, next } = queue.readRecipients(ACTIVE, message.id, from, batchSize());
      message.unread = next;
      take(message, recipients);
    } catch (error) {
      // The rest of them is read with the next attempt.
      log.warning(`${message.id}: cannot read more recipients: ${messageOf(error)}`);
      message.unread = undefined;
      message.deferred = true;
      if (message.outstanding === 0) finish(message);
    }
  }

  function finish(message: ActiveMessage): void {
    const outcome = complete(completion, message);
    if (!(outcome instanceof Promise)) return ended(message, outcome);
    const end: Promise<void> = outcome
      .catch((error): Outcome => {
        log.error(`${message.id}: ${messageOf(error)}`);
        return "stranded";
      })
      .then((result) => {
        ending.delete(end);
        ended(message, result);
      });
    ending.add(end);
  }

  function ended(message: ActiveMessage, outcome: Outcome): void {
    if (outcome === "stranded") {
      stranded.set(message.id, message);
      return;
    }
    active.delete(message.id);
    counts[outcome] += 1;
    if ((message.traceFlags & DeliveryFlag.ProbeMta) !== 0) counts.probes -= 1;
    if (intake.waiting) intake.pump();
  }

  function retryStranded(): void {
    for (const [id, message] of stranded) {
      stranded.delete(id);
      finish(message);
    }
  }

  function scheduleRun(): void {
    runTimer?.cancel();
    runTimer = clock.after(settings.runDelay, () => {
      retryStranded();
      intake.scan("deferred");
      scheduleRun();
    });
  }

  function trigger(request: string): void {
    if (stopping) return;
    const asked = request.includes("F");
    if (asked) dispatcher.forgive();
    // The flush service says F first, and I once it has put the files of a site into incoming.
    intake.remember({ asked, ignoreTimes: request.includes("A") });
    if (/[WI]/.test(request)) intake.scan("incoming");
    if (request.includes("D")) intake.scan("deferred");
  }

  function reload(changes: Parameters<QueueManager["reload"]>[0]): void {
    const changed = { ...current, ...changes };
    const newSettings = qmgrSettings(changed.config);
    current = changed;
    settings = newSettings;
    recorder = makeRecorder();
    Object.assign(completion, { settings, style: lineStyle(changed.config) });
    Object.assign(routeContext, { settings, addressing: changed.addressing } satisfies Partial<RouteContext>);
    Object.assign(dispatcher.deps, {
      settings,
      config: changed.config,
      agentFor: changed.agentFor,
      processLimit: changed.processLimit,
    });
    dispatcher.configure();
    if (runTimer !== undefined) scheduleRun();
    intake.scan("incoming");
    intake.scan("deferred");
  }

  async function stop(seconds: number): Promise<void> {
    stopping = true;
    runTimer?.cancel();
    dispatcher.stop();
    await intake.stop();
    const quiet = (async () => {
      await dispatcher.idle();
      await Promise.all(ending);
    })();
    let timer: Timer | undefined;
    const bound = new Promise<void>((resolve) => timer = clock.after(seconds, resolve));
    await Promise.race([quiet, bound]);
    timer?.cancel();
  }

  return {
    queued,
    trigger,
    start() {
      recoverActive(queue, log, clock);
      intake.scan("incoming");
      intake.scan("deferred");
      scheduleRun();
    },
    stop,
    reload,
    stats: (): QueueManagerStats => ({
      active: active.size,
      recipients: counts.recipients,
      busy: dispatcher.busy,
      removed: counts.removed,
      deferred: counts.deferred,
      corrupt: counts.corrupt,
      transports: dispatcher.stats(),
    }),
  };
}
