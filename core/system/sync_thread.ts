/** Files that may wait at a time; more are refused, and the caller syncs them itself. A power of two. */
const ROOM = 4096;

/** Where what stands in the memory that both threads share, in numbers of 32 bits. */
const CALLS = 0;
const ASKED = 1;
const ENDED = 2;
const FILES = 3;
const ERRORS = FILES + ROOM;

/** What the thread gets told at its start: the names of the C library, tried in turn, and the shared memory. */
interface Start {
  readonly libraries: readonly string[];
  readonly memory: SharedArrayBuffer;
}

/**
 * What runs in the thread. It starts from the text of this function, since the program may be one bundled file: nothing
 * from outside may be used in it.
 */
function syncRounds(room: number): void {
  const SYNC_FILE_RANGE_WRITE = 2;
  const [CALLS, ASKED, ENDED, FILES, ERRORS] = [0, 1, 2, 3, 3 + room] as const;
  const symbols = {
    fsync: { parameters: ["i32"], result: "i32" },
    sync_file_range: { parameters: ["i32", "i64", "i64", "u32"], result: "i32" },
    __errno_location: { parameters: [], result: "pointer" },
  } as const;
  const open = (names: readonly string[]): Deno.DynamicLibrary<typeof symbols>["symbols"] => {
    try {
      return Deno.dlopen(names[0]!, symbols).symbols;
    } catch (error) {
      if (names.length === 1) throw error;
      return open(names.slice(1));
    }
  };
  const scope = globalThis as unknown as {
    onmessage: (event: MessageEvent<Start>) => void;
    postMessage: (message: number) => void;
    close: () => void;
  };
  scope.onmessage = ({ data }) => {
    const libc = open(data.libraries);
    const errno = new Int32Array(Deno.UnsafePointerView.getArrayBuffer(libc.__errno_location()!, 4));
    const shared = new Int32Array(data.memory);
    let done = 0;
    scope.postMessage(done);
    for (;;) {
      const calls = Atomics.load(shared, CALLS);
      if (Atomics.load(shared, ENDED) !== 0) break;
      const asked = Atomics.load(shared, ASKED);
      const count = (asked - done) | 0;
      if (count === 0) {
        // Returns at once if there was a call since the look at the counter.
        Atomics.wait(shared, CALLS, calls);
        continue;
      }
      const at = (index: number): number => (done + index) & (room - 1);
      if (count > 1) {
        for (let index = 0; index < count; index++) {
          libc.sync_file_range(shared[FILES + at(index)]!, 0n, 0n, SYNC_FILE_RANGE_WRITE);
        }
      }
      for (let index = 0; index < count; index++) {
        const status = libc.fsync(shared[FILES + at(index)]!);
        shared[ERRORS + at(index)] = status === 0 ? 0 : errno[0]!;
      }
      done = asked;
      scope.postMessage(done);
    }
    scope.close();
  };
}

/** A file that is to be synced. */
export interface SyncedFile {
  /** Stays open until `ended` is called. */
  readonly fd: number;
  /** Called with 0, or the number of the error. */
  readonly ended: (error: number) => void;
}

/**
 * A thread that syncs files for the main one. It takes all that wait when it is free, without asking the main thread,
 * which may be busy: what is asked for during a round is the next round.
 */
export class SyncThread {
  readonly #worker: Worker;
  readonly #memory = new Int32Array(
    new SharedArrayBuffer((ERRORS + ROOM) * Int32Array.BYTES_PER_ELEMENT),
  );
  readonly #waiting: SyncedFile[] = [];
  readonly #lost: (files: SyncedFile[]) => void;
  /** How many files were asked for and how many are done; both wrap at 32 bits. */
  #asked = 0;
  #done = 0;
  #ready = false;

  /**
   * @param libraries names of the C library, tried in turn
   * @param lost called when the thread ends, with the files of which nothing is known
   */
  constructor(libraries: readonly string[], lost: (files: SyncedFile[]) => void) {
    this.#lost = lost;
    const url = URL.createObjectURL(
      new Blob([`(${syncRounds})(${ROOM})`], { type: "text/javascript" }),
    );
    this.#worker = new Worker(url, { type: "module" });
    this.#worker.onmessage = ({ data }: MessageEvent<number>) => {
      if (!this.#ready) {
        this.#ready = true;
        URL.revokeObjectURL(url);
      }
      this.#finish(data);
    };
    this.#worker.onerror = (event) => {
      event.preventDefault();
      this.#ready = false;
      lost(this.#waiting.splice(0));
    };
    const start: Start = { libraries, memory: this.#memory.buffer as SharedArrayBuffer };
    this.#worker.postMessage(start);
  }

  /** Has it started, is it alive, and is there room for another file? */
  get ready(): boolean {
    return this.#ready && this.#waiting.length < ROOM;
  }

  /** One fsync(2). Only while `ready`. */
  sync(file: SyncedFile): void {
    this.#waiting.push(file);
    this.#memory[FILES + (this.#asked & (ROOM - 1))] = file.fd;
    this.#asked = (this.#asked + 1) | 0;
    Atomics.store(this.#memory, ASKED, this.#asked);
    this.#call();
  }

  /** Wakes the thread. */
  #call(): void {
    Atomics.add(this.#memory, CALLS, 1);
    Atomics.notify(this.#memory, CALLS);
  }

  #finish(done: number): void {
    const count = (done - this.#done) | 0;
    const first = this.#done;
    this.#done = done;
    this.#waiting.splice(0, count).forEach(({ ended }, index) => {
      ended(this.#memory[ERRORS + ((first + index) & (ROOM - 1))]!);
    });
  }

  /** Ends the thread; what still waits goes to `lost`. */
  close(): void {
    this.#ready = false;
    Atomics.store(this.#memory, ENDED, 1);
    this.#call();
    this.#worker.terminate();
    this.#lost(this.#waiting.splice(0));
  }
}
