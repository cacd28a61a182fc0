import { C_LIBRARIES, errorText, libc } from "./libc.ts";
import { type SyncedFile, SyncThread } from "./sync_thread.ts";

/** Start writing dirty pages and do not wait (sync_file_range(2)). */
const SYNC_FILE_RANGE_WRITE = 2;

/** Files in a round from which on a thread is worth its memory. */
const BUSY_ROUND = 4;

/**
 * fsync(2) for many files at a time. Files that ask while a round is under way form the next one: their data is sent
 * to the disk first, so that the file system's journal takes all of them with one commit, and then each is synced. The
 * promise of each file resolves after its own fsync. Twenty writers cost half the processor time of twenty single
 * calls (measured on ext4).
 */
export class GroupSync {
  #waiting: SyncedFile[] = [];
  #running = false;
  #thread: SyncThread | undefined;
  #mayStartThread = false;

  /** Starts a thread for the rounds, in a process that syncs much. Do it before root and its permissions are given up. */
  startThread(): void {
    this.#thread ??= new SyncThread(C_LIBRARIES, (files) => files.forEach((file) => this.#wait(file)));
  }

  /** Has the thread started once there is enough for it to do: for a process that may be idle and keeps its permissions. */
  startThreadWhenBusy(): void {
    this.#mayStartThread = true;
  }

  /** Ends the thread, if there is one; files can be synced without it. */
  close(): void {
    const thread = this.#thread;
    this.#thread = undefined;
    this.#mayStartThread = false;
    thread?.close();
  }

  /**
   * Syncs an open file; the caller keeps the descriptor open until then. Rejects when the system reports an error.
   */
  sync(fd: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const file: SyncedFile = {
        fd,
        ended: (error) => {
          if (error === 0) resolve();
          else reject(new Error(`fsync: the file could not be written to disk${reason(error)}`));
        },
      };
      if (this.#thread?.ready === true) this.#thread.sync(file);
      else this.#wait(file);
    });
  }

  #wait(file: SyncedFile): void {
    this.#waiting.push(file);
    if (!this.#running) void this.#run();
  }

  async #run(): Promise<void> {
    this.#running = true;
    while (this.#waiting.length > 0) {
      // Files of the same turn of the event loop belong to one round.
      await Promise.resolve();
      const round = this.#waiting;
      this.#waiting = [];
      if (this.#mayStartThread && round.length >= BUSY_ROUND) {
        this.#mayStartThread = false;
        this.startThread();
      }
      await finishRound(round);
    }
    this.#running = false;
  }
}

/** An error whose number the runtime keeps to itself. */
const UNKNOWN_ERROR = -1;

function reason(error: number): string {
  return error === UNKNOWN_ERROR ? "" : `: ${errorText(error)}`;
}

async function finishRound(round: readonly SyncedFile[]): Promise<void> {
  if (round.length > 1) {
    for (const { fd } of round) libc().sync_file_range(fd, 0n, 0n, SYNC_FILE_RANGE_WRITE);
  }
  const [first, ...rest] = round;
  await finish(first!);
  // The commit is done; what is left for the others need not hold up the next round.
  for (const file of rest) void finish(file);
}

/** The runtime makes the call in a thread of its own, whose errno can't be asked for. */
async function finish({ fd, ended }: SyncedFile): Promise<void> {
  ended(await libc().fsync(fd) === 0 ? 0 : UNKNOWN_ERROR);
}
