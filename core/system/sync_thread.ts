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
  /**
   * So many files at a time are synced by threads of the C library: the flush of the disk's cache that each file needs is
   * then shared with others, and the next ones need not wait. With fewer files that costs more than it saves.
   */
  const PARALLEL = 16;
  /** Files that those threads have at a time; a power of two. */
  const AT_ONCE = 64;
  /** Room for a struct aiocb, and where its members are: the same in the C libraries there are. */
  const BLOCK = 256;
  const [FILE, NOTIFY] = [0, 44] as const;
  const SIGEV_NONE = 1;
  const O_SYNC = 0o4010000;
  const EINPROGRESS = 115;
  const symbols = {
    fsync: { parameters: ["i32"], result: "i32" },
    sync_file_range: { parameters: ["i32", "i64", "i64", "u32"], result: "i32" },
    __errno_location: { parameters: [], result: "pointer" },
    calloc: { parameters: ["usize", "usize"], result: "pointer" },
    aio_fsync: { parameters: ["i32", "pointer"], result: "i32", optional: true },
    aio_error: { parameters: ["pointer"], result: "i32", optional: true },
    aio_suspend: { parameters: ["buffer", "i32", "pointer"], result: "i32", optional: true },
  } as const;
  type Libc = Deno.DynamicLibrary<typeof symbols>["symbols"];
  const open = (names: readonly string[]): Libc => {
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

  /** fsync(2) by the C library's threads; undefined where it has none. */
  const helpersOf = ({ calloc, aio_fsync, aio_error, aio_suspend }: Libc) => {
    if (aio_fsync === null || aio_error === null || aio_suspend === null) return undefined;
    // Never freed: the library's threads may write to it when this one is gone.
    const memory = calloc(BigInt(AT_ONCE), BigInt(BLOCK));
    if (memory === null) return undefined;
    const fields = new Int32Array(Deno.UnsafePointerView.getArrayBuffer(memory, AT_ONCE * BLOCK));
    const blocks = Array.from(
      { length: AT_ONCE },
      (_, slot) => Deno.UnsafePointer.offset(memory, slot * BLOCK),
    );
    const lists = blocks.map((block) => BigUint64Array.of(Deno.UnsafePointer.value(block)));
    return {
      /** False if it was not taken. */
      begin(slot: number, fd: number): boolean {
        fields[(slot * BLOCK + FILE) / 4] = fd;
        fields[(slot * BLOCK + NOTIFY) / 4] = SIGEV_NONE;
        return aio_fsync(O_SYNC, blocks[slot]!) === 0;
      },
      /** The error's number or 0; undefined if it has not ended. */
      result(slot: number): number | undefined {
        const error = aio_error(blocks[slot]!);
        return error === EINPROGRESS ? undefined : error;
      },
      wait(slot: number): void {
        aio_suspend(lists[slot]!, 1, null);
      },
    };
  };

  scope.onmessage = ({ data }) => {
    const libc = open(data.libraries);
    const errno = new Int32Array(Deno.UnsafePointerView.getArrayBuffer(libc.__errno_location()!, 4));
    const shared = new Int32Array(data.memory);
    const helpers = helpersOf(libc);
    /** Files up to `done` are synced, those up to `begun` are with the helpers. */
    let done = 0;
    let begun = 0;
    /** What the helpers did not take was synced here; by slot. */
    const refused = new Array<boolean>(AT_ONCE).fill(false);
    const place = (number: number): number => number & (room - 1);
    const slotOf = (number: number): number => number & (AT_ONCE - 1);
    const descriptor = (number: number): number => shared[FILES + place(number)]!;

    const startWriting = (count: number): void => {
      for (let index = 0; index < count; index++) {
        libc.sync_file_range(descriptor(begun + index), 0n, 0n, SYNC_FILE_RANGE_WRITE);
      }
    };
    const syncHere = (number: number): void => {
      const status = libc.fsync(descriptor(number));
      shared[ERRORS + place(number)] = status === 0 ? 0 : errno[0]!;
    };
    const begin = (count: number): void => {
      startWriting(count);
      for (let index = 0; index < count; index++, begun = (begun + 1) | 0) {
        refused[slotOf(begun)] = !helpers!.begin(slotOf(begun), descriptor(begun));
        if (refused[slotOf(begun)]) syncHere(begun);
      }
    };
    /** Takes over what the helpers have finished, in the order in which it was asked for. */
    const collect = (): void => {
      for (; done !== begun; done = (done + 1) | 0) {
        if (refused[slotOf(done)]) continue;
        const error = helpers!.result(slotOf(done));
        if (error === undefined) return;
        shared[ERRORS + place(done)] = error;
      }
    };

    scope.postMessage(done);
    for (;;) {
      const calls = Atomics.load(shared, CALLS);
      if (Atomics.load(shared, ENDED) !== 0) break;
      const waiting = (Atomics.load(shared, ASKED) - begun) | 0;
      const underWay = (begun - done) | 0;
      if (underWay > 0 || (waiting >= PARALLEL && helpers !== undefined)) {
        begin(Math.min(waiting, AT_ONCE - underWay));
        if (!refused[slotOf(done)]) helpers!.wait(slotOf(done));
        collect();
      } else if (waiting > 0) {
        if (waiting > 1) startWriting(waiting);
        for (let index = 0; index < waiting; index++, begun = (begun + 1) | 0) syncHere(begun);
        done = begun;
      } else {
        // Returns at once if there was a call since the look at the counter.
        Atomics.wait(shared, CALLS, calls);
        continue;
      }
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
