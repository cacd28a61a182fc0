/** The sockets of the queue process: Postfix's own protocols, those of our other processes, and those of users' commands. */
import type { MasterEntry } from "../../core/config/types.ts";
import type { LogSink } from "../../core/log/mod.ts";
import type { LogName } from "../../core/queue/types.ts";
import { serveBounce } from "../bounce/mod.ts";
import { serveCleanup } from "../cleanup/mod.ts";
import { serveDelivery } from "../delivery/mod.ts";
import { serveGreylist } from "../greylist/mod.ts";
import { createSubmission } from "../pickup/mod.ts";
import type { QueueManager } from "../qmgr/mod.ts";
import { serveRewrite } from "../rewrite/mod.ts";
import { listenForUsers, userAccess } from "../showq/mod.ts";
import { serveVerify } from "../verify/mod.ts";
import { receiveHandovers } from "./handover.ts";
import { GREYLIST_SOCKET, HANDOVER_SOCKET } from "./names.ts";
import { roleOf } from "./plan.ts";
import { servePostlog } from "./postlog.ts";
import type { QueueServices } from "./queue_services.ts";
import { type Snapshot, socketPath } from "./snapshot.ts";
import { serveSocket, serveTrigger } from "./sockets.ts";

/** Seconds without progress after which a user's command is dropped. */
const USER_IDLE_SECONDS = 60;

const latin1 = new TextDecoder("latin1");

/** What the sockets are for. */
export interface QueueSocketsDeps {
  /** The snapshot at the start: sockets stay as they are through a reload. */
  readonly first: Snapshot;
  /** The services of the snapshot that is in force. */
  readonly current: () => QueueServices;
  readonly manager: QueueManager;
  readonly sink: LogSink;
}

interface Closing {
  close(): void | Promise<void>;
}

/** Which log the socket of a bounce service stands for. */
function logNameOf(entry: MasterEntry): LogName {
  return entry.name === "defer" || entry.name === "trace" ? entry.name : "bounce";
}

/** Opens the socket of one entry; returns what closes it. */
function serveEntry({ first, current, manager, sink }: QueueSocketsDeps, entry: MasterEntry): Closing[] {
  const path = socketPath(first.config, entry);
  const { log } = first.views.of(entry);
  const open: Closing[] = [];
  switch (entry.command) {
    case "pickup":
      open.push(serveTrigger(path, () => void current().pickup.wake(), log));
      break;
    case "qmgr":
    case "oqmgr":
      open.push(serveTrigger(path, (bytes) => manager.trigger(latin1.decode(bytes)), log));
      break;
    case "cleanup":
      open.push(serveSocket(path, (connection) => {
        const { cleanups, cleanup } = current();
        // A reload may have taken the entry away; its socket stays until the next start.
        return serveCleanup(connection, cleanups.named(entry.name) ?? cleanup);
      }, log));
      break;
    case "showq":
      open.push(serveSocket(path, (connection) => current().showq.serve(connection), log));
      break;
    case "flush":
      open.push(serveSocket(path, (connection) => current().flush.serve(connection), log));
      break;
    case "verify":
      open.push(serveSocket(path, (connection) => serveVerify(connection, current().verify), log));
      break;
    case "trivial-rewrite":
      open.push(
        serveSocket(
          path,
          (connection) => serveRewrite(connection, { addressing: () => current().snapshot.addressing, log }),
          log,
        ),
      );
      break;
    case "postlogd":
      if (first.config.string("maillog_file") !== "") open.push(servePostlog(path, sink));
      break;
    case "smtp":
    case "lmtp":
    case "error":
    case "discard":
      // The queue manager calls these directly; local(8) in another process hands recipients on.
      open.push(serveSocket(path, async (connection) => {
        const agent = current().agents.get(entry.name);
        if (agent !== undefined) await serveDelivery(connection, agent);
      }, log));
      break;
    case "bounce":
      open.push(
        serveSocket(
          path,
          (connection) =>
            serveBounce(connection, current().bounce, logNameOf(entry), (text) => log.warning(text)),
          log,
        ),
      );
      break;
  }
  return open;
}

/** The timer of an entry whose service is woken regularly (the `wakeup` column of master.cf). */
function wakeRegularly(current: () => QueueServices, { command, wakeup }: MasterEntry): Closing[] {
  const action = command === "pickup"
    ? () => void current().pickup.wake()
    : command === "flush"
    ? () => void current().flush.refresh()
    : undefined;
  if (action === undefined || wakeup <= 0) return [];
  const timer = setInterval(action, wakeup * 1000);
  return [{ close: () => clearInterval(timer) }];
}

/** Where the other processes of this system hand over what belongs to the queue process. */
function serveProcesses({ first, current, manager }: QueueSocketsDeps): Closing[] {
  const directory = first.config.string("queue_directory");
  return [
    serveSocket(
      `${directory}/${HANDOVER_SOCKET}`,
      (connection) =>
        receiveHandovers(connection, (message) => manager.queued(message), () => manager.trigger("I")),
      first.logAs("qmgr"),
    ),
    serveSocket(
      `${directory}/${GREYLIST_SOCKET}`,
      (connection) => serveGreylist(connection, current().greylist),
      first.logAs("greylist"),
    ),
  ];
}

/** The sockets that unprivileged users' commands reach. */
async function serveUsers({ first, current }: QueueSocketsDeps): Promise<Closing[]> {
  const directory = `${first.config.string("queue_directory")}/postel`;
  const log = first.logAs("showq");
  const allowed = (list: "authorized_mailq_users" | "authorized_flush_users") => async (uid: number) =>
    (await userAccess(current().snapshot.config, list, uid, log)).allowed;
  return [
    await createSubmission({
      path: `${directory}/submit`,
      services: () => {
        const { snapshot, pickupConfig, cleanups } = current();
        return { config: pickupConfig, cleanup: cleanups.for(pickupConfig), tables: snapshot.tables };
      },
      log: first.logAs("postdrop"),
      pickupLog: first.logAs("pickup"),
    }),
    await listenForUsers({
      path: `${directory}/showq`,
      allowed: allowed("authorized_mailq_users"),
      serve: (connection) => current().showq.serve(connection),
      log,
      idleTimeout: USER_IDLE_SECONDS,
    }),
    await listenForUsers({
      path: `${directory}/flush`,
      allowed: allowed("authorized_flush_users"),
      serve: (connection) => current().flush.serve(connection, true),
      log: first.logAs("flush"),
      idleTimeout: USER_IDLE_SECONDS,
    }),
  ];
}

/** Opens all sockets of the queue process. Resolves with what closes them, after the commands under way are through. */
export async function openQueueSockets(deps: QueueSocketsDeps): Promise<{ close(): Promise<void> }> {
  const mine = deps.first.entries.filter((entry) => entry.type !== "inet" && roleOf(entry) === "queue");
  const open = [
    ...mine.flatMap((entry) => [...serveEntry(deps, entry), ...wakeRegularly(deps.current, entry)]),
    ...serveProcesses(deps),
    ...await serveUsers(deps),
  ];
  return {
    async close() {
      await Promise.all(open.map((each) => each.close()));
    },
  };
}
