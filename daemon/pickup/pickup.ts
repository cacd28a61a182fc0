import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";
import process from "node:process";
import type { Config } from "../../core/config/types.ts";
import { toExternal } from "../../core/address/mod.ts";
import { messageOf } from "../../core/errors/mod.ts";
import type { Logger } from "../../core/log/mod.ts";
import { type Queue, QueueFileError, RecordType } from "../../core/queue/mod.ts";
import { lookupUser } from "../../core/system/mod.ts";
import { type CleanupService, CleanupStatus } from "../cleanup/mod.ts";
import { SubmissionError, SubmissionFeed } from "./feed.ts";
import { pickupSettings } from "./settings.ts";

export interface PickupDeps {
  readonly config: Config;
  readonly queue: Pick<Queue, "scan" | "stat" | "path" | "remove">;
  readonly cleanup: CleanupService;
  /** In the name of `postfix/pickup`. */
  readonly log: Logger;
}

/** pickup(8): takes mail from the maildrop directory. */
export interface Pickup {
  /** Takes everything that is there; resolves when nothing more can be taken. Calls meanwhile mean one more pass. */
  wake(): Promise<void>;
}

const READY = 0o700;
const READABLE_BY_OTHERS = 0o004;
const CHUNK = 262144;
const HOUR = 3600;
const DAY = 24 * HOUR;

/** Makes the service for one configuration snapshot. Throws `ConfigError`. */
export function createPickup(deps: PickupDeps): Pickup {
  const settings = pickupSettings(deps.config);
  const external = deps.config.string("info_log_address_format") !== "internal";
  // Only root would ask the user database: everybody else is the mail system's user here.
  const ownerUid = process.geteuid?.() || (lookupUser(settings.mailOwner)?.uid ?? -1);
  const show = (address: string) => external && address !== "" ? toExternal(address) : address;

  /** True if the file is gone afterwards. */
  async function take(id: string): Promise<boolean> {
    const path = deps.queue.path("maildrop", id);
    const info = deps.queue.stat("maildrop", id);
    if (info === undefined) return false;
    if (!info.isFile) {
      deps.log.warning(`maildrop/${id}: uid ${info.uid}: not a regular file`);
      return false;
    }
    if ((info.mode & READY) !== READY) return false;
    if (info.links > 1) {
      // A name elsewhere would let its owner put the message back for ever.
      deps.log.warning(`maildrop/${id}: uid ${info.uid}: file has ${info.links} links`);
      deps.queue.remove("maildrop", id);
      return true;
    }
    let fd: number;
    try {
      fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    } catch (error) {
      deps.log.warning(`open maildrop/${id}: ${messageOf(error)}`);
      return false;
    }
    try {
      const opened = fstatSync(fd);
      if (!opened.isFile() || opened.ino !== info.inode) return false;
      const requeued = (info.uid === ownerUid || isRootsQueueFile(fd, info.uid)) &&
        (info.mode & READABLE_BY_OTHERS) === 0;
      const done = await hand(id, fd, {
        uid: info.uid,
        time: plausibleTime(id, info.mtime),
        requeued,
      });
      if (done) deps.queue.remove("maildrop", id);
      return done;
    } finally {
      closeSync(fd);
    }
  }

  /**
   * A mail system in one process that runs as root writes root's queue files; those are told from root's new mail by the
   * size record, with which every queue file begins and no submission.
   */
  function isRootsQueueFile(fd: number, uid: number): boolean {
    if (uid !== 0 || process.geteuid?.() !== 0) return false;
    const first = new Uint8Array(1);
    return readSync(fd, first, 0, 1, 0) === 1 && first[0] === RecordType.Size;
  }

  function plausibleTime(id: string, mtime: number): number {
    const now = Date.now() / 1000;
    if (mtime > now + 2 * HOUR) {
      deps.log.warning(`${id}: message dated ${Math.round(mtime - now)} seconds into the future`);
      return now;
    }
    if (now - mtime > DAY) {
      deps.log.warning(`${id}: message has been queued for ${Math.floor((now - mtime) / DAY)} days`);
    }
    // The time of a requeued message is that of its next attempt.
    return Math.min(mtime, now);
  }

  /** Feeds an open maildrop file to cleanup. True if the file has served its purpose. */
  async function hand(
    id: string,
    fd: number,
    origin: { uid: number; time: number; requeued: boolean },
  ): Promise<boolean> {
    const message = deps.cleanup.begin(origin.requeued ? settings.requeuedFlags : settings.newMailFlags);
    const feed = new SubmissionFeed(message, {
      ...settings,
      uid: origin.uid,
      time: origin.time,
      onSender: (sender) =>
        deps.log.info(
          `${message.queueId}: uid=${origin.uid} from=<${show(sender)}>` +
            (origin.requeued ? ` orig_id=${id}` : ""),
          "pickup",
          {
            queueId: message.queueId,
            uid: origin.uid,
            from: sender,
            origId: origin.requeued ? id : undefined,
          },
        ),
    });
    try {
      await copy(fd, feed);
    } catch (error) {
      message.abort();
      if (!(error instanceof SubmissionError)) throw error;
      deps.log.warning(`uid=${origin.uid}: ${error.message}`);
      return true;
    }
    const { status, reason } = await message.finish();
    if (status === CleanupStatus.Ok) return true;
    if ((status & (CleanupStatus.Bad | CleanupStatus.NoRecipients)) === 0) return false;
    if (reason === "") {
      deps.log.warning(`maildrop/${id}: error writing ${message.queueId}: status ${status}`);
    }
    return true;
  }

  async function pass(): Promise<boolean> {
    let removed = false;
    for (const id of [...deps.queue.scan("maildrop")]) {
      try {
        if (await take(id)) removed = true;
      } catch (error) {
        // No room or no rights for a queue file: the mail stays where it is until the next wake-up.
        const text = messageOf(error);
        if (error instanceof QueueFileError) deps.log.warning(`maildrop/${id}: ${text}`);
        else deps.log.error(`maildrop/${id}: unexpected failure, mail is kept: ${text}`);
      }
    }
    return removed;
  }

  let running: Promise<void> | undefined;
  let again = false;

  async function run(): Promise<void> {
    try {
      do again = false; while (await pass() || again);
    } catch (error) {
      deps.log.warning(`cannot scan maildrop: ${messageOf(error)}`);
    } finally {
      running = undefined;
    }
  }

  return {
    wake() {
      again = true;
      return running ??= run();
    },
  };
}

async function copy(fd: number, feed: SubmissionFeed): Promise<void> {
  let buffer = new Uint8Array(CHUNK);
  let filled = 0;
  while (!feed.complete) {
    if (filled === buffer.length) {
      const grown = new Uint8Array(buffer.length * 2);
      grown.set(buffer);
      buffer = grown;
    }
    const count = readSync(fd, buffer, filled, buffer.length - filled, null);
    if (count === 0) throw new SubmissionError("unexpected end of file");
    filled += count;
    const used = await feed.push(buffer.subarray(0, filled));
    buffer.copyWithin(0, used, filled);
    filled -= used;
  }
}
