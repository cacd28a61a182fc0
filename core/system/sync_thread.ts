/** What the thread answers: 0, or the number of the error, for each file of a round. */
type Answer = readonly number[];

/**
 * What runs in the thread. It starts from the text of this function, since the program may be one bundled file: nothing
 * from outside may be used in it.
 */
function syncRounds(libraries: readonly string[]): void {
  const SYNC_FILE_RANGE_WRITE = 2;
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
  const libc = open(libraries);
  const errno = new Int32Array(Deno.UnsafePointerView.getArrayBuffer(libc.__errno_location()!, 4));
  const scope = globalThis as unknown as {
    onmessage: (event: MessageEvent<readonly number[]>) => void;
    postMessage: (message: Answer | "ready") => void;
  };
  scope.onmessage = ({ data }) => {
    if (data.length > 1) { for (const fd of data) libc.sync_file_range(fd, 0n, 0n, SYNC_FILE_RANGE_WRITE); }
    scope.postMessage(data.map((fd) => libc.fsync(fd) === 0 ? 0 : errno[0]!));
  };
  scope.postMessage("ready");
}

/**
 * A thread that syncs files for the main one. A round of many files costs two messages, where asking the runtime costs
 * a change of threads for each file.
 */
export class SyncThread {
  readonly #worker: Worker;
  #ready = false;
  #answer: ((answer: Answer) => void) | undefined;
  #failed: ((error: Error) => void) | undefined;

  /** @param libraries names of the C library, tried in turn */
  constructor(libraries: readonly string[]) {
    const text = `(${syncRounds})(${JSON.stringify(libraries)})`;
    const url = URL.createObjectURL(new Blob([text], { type: "text/javascript" }));
    this.#worker = new Worker(url, { type: "module" });
    this.#worker.onmessage = ({ data }: MessageEvent<Answer | "ready">) => {
      if (data === "ready") {
        this.#ready = true;
        URL.revokeObjectURL(url);
        return;
      }
      const answer = this.#answer;
      this.#answer = this.#failed = undefined;
      answer?.(data);
    };
    this.#worker.onerror = (event) => {
      event.preventDefault();
      this.#ready = false;
      this.#failed?.(new Error(`The thread that syncs files ended: ${event.message}`));
    };
  }

  /** Has it started, and is it alive? */
  get ready(): boolean {
    return this.#ready;
  }

  /** One fsync(2) for each open file: 0 or the number of the error. One round at a time. */
  sync(fds: readonly number[]): Promise<Answer> {
    return new Promise((resolve, reject) => {
      this.#answer = resolve;
      this.#failed = reject;
      this.#worker.postMessage(fds);
    });
  }

  close(): void {
    this.#ready = false;
    this.#worker.terminate();
  }
}
