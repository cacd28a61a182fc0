/**
 * The socket where users' commands hand in mail when no set-gid postdrop(1) is installed. It speaks postdrop's protocol
 * (docs/ipc.md); who the user is says the kernel. The message goes straight through cleanup: the status is sent when
 * it is in the queue.
 */
import { ByteBuffer, writeAll } from "../../core/bytes/mod.ts";
import { toExternal } from "../../core/address/mod.ts";
import type { Config } from "../../core/config/types.ts";
import { announcement } from "../../core/ipc/mod.ts";
import type { Logger } from "../../core/log/mod.ts";
import { QueueFileError } from "../../core/queue/mod.ts";
import type { TableSet } from "../../core/table/mod.ts";
import { type CleanupResult, type CleanupService, CleanupStatus } from "../cleanup/mod.ts";
import { listenForUsers, type UserServerOptions } from "../showq/mod.ts";
import { SubmissionError, SubmissionFeed } from "./feed.ts";
import { PostdropFilter } from "./postdrop_filter.ts";
import { postReply } from "./post.ts";
import { senderRights, submitRefusal } from "./submit_rights.ts";
import { pickupSettings } from "./settings.ts";

/** What may be another one after a reload. */
export interface SubmissionServices {
  readonly config: Config;
  readonly tables: TableSet;
  readonly cleanup: CleanupService;
}

export interface SubmissionDeps {
  /** Of the socket: `$queue_directory/postel/submit`. */
  readonly path: string;
  /** Asked at the start of every conversation. */
  readonly services: () => SubmissionServices;
  /** In the name of `postfix/postdrop`: refusals. */
  readonly log: Logger;
  /** In the name of `postfix/pickup`: `ID: uid=... from=<...>`. */
  readonly pickupLog: Logger;
}

export interface SubmissionServer {
  /** Takes no new conversations; running ones end by themselves. */
  close(): Promise<void>;
}

type UserConnection = Parameters<UserServerOptions["serve"]>[0];

const CHUNK = 65536;

/** Starts to listen. Rejects if the socket can't be made. */
export async function createSubmission(deps: SubmissionDeps): Promise<SubmissionServer> {
  return await listenForUsers({
    path: deps.path,
    allowed: () => true,
    serve: (connection) => serveSubmission(connection, deps),
    log: deps.log,
    idleTimeout: deps.services().config.seconds("ipc_timeout"),
  });
}

async function serveSubmission(connection: UserConnection, deps: SubmissionDeps): Promise<void> {
  const { config, tables, cleanup } = deps.services();
  const { uid } = connection;
  const settings = pickupSettings(config);
  let message;
  try {
    message = cleanup.begin(settings.newMailFlags);
  } catch (error) {
    if (!(error instanceof QueueFileError)) throw error;
    deps.log.warning(`uid=${uid}: ${error.message}`);
    return await reply(connection, { status: CleanupStatus.Write, reason: "" });
  }
  const external = config.string("info_log_address_format") !== "internal";
  const feed = new SubmissionFeed(message, {
    ...settings,
    uid,
    time: Date.now() / 1000,
    onSender: (sender) =>
      deps.pickupLog.info(
        `${message.queueId}: uid=${uid} from=<${external && sender !== "" ? toExternal(sender) : sender}>`,
        "pickup",
        { queueId: message.queueId, uid, from: sender },
      ),
  });
  const warn = (text: string) => deps.log.warning(text);
  const filter = new PostdropFilter({
    uid,
    recordLimit: settings.recordLimit,
    maySendAs: senderRights(config, () => tables, uid, warn),
    warn,
  });
  try {
    await writeAll(connection, announcement("postdrop", [["queue_id", message.queueId]]));
    const refusal = await submitRefusal(config, () => tables, uid, warn);
    if (refusal !== undefined) {
      deps.log.warning(refusal);
      return await reply(connection, { status: CleanupStatus.Deny, reason: refusal });
    }
    if (!(await receive(connection, filter, feed))) return;
    const { status, reason } = filter.verdict;
    await reply(connection, status === CleanupStatus.Ok ? await message.finish() : { status, reason });
  } catch (error) {
    if (!(error instanceof SubmissionError)) throw error;
    deps.log.warning(error.message);
    await reply(connection, { status: CleanupStatus.Bad, reason: "" });
  } finally {
    message.abort();
  }
}

/** Moves records from the user through the checks to cleanup. False if the user went away before the end. */
async function receive(
  connection: UserConnection,
  filter: PostdropFilter,
  feed: SubmissionFeed,
): Promise<boolean> {
  let buffer = new Uint8Array(CHUNK);
  let filled = 0;
  const passed = new ByteBuffer(CHUNK);
  while (!filter.complete) {
    if (filled === buffer.length) {
      const grown = new Uint8Array(buffer.length * 2);
      grown.set(buffer);
      buffer = grown;
    }
    const count = await connection.read(buffer.subarray(filled));
    if (count === null) return false;
    filled += count;
    const used = await filter.push(buffer.subarray(0, filled), passed);
    buffer.copyWithin(0, used, filled);
    filled -= used;
    await feed.push(passed.view());
    passed.clear(CHUNK * 2);
  }
  return true;
}

async function reply(connection: UserConnection, result: CleanupResult): Promise<void> {
  await writeAll(connection, postReply(result));
}
