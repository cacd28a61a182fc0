/** Bytes collected before they are written. */
const BUFFER = 1 << 20;

/**
 * Writes pages one after the other from a given page number on, many with one system call. Each page starts as zeros.
 */
export class PageStream {
  bytes: Uint8Array<ArrayBuffer>;
  view: DataView<ArrayBuffer>;
  /** Number of the next page. */
  next: number;
  #position: number;
  #filled = 0;

  constructor(private readonly file: Deno.FsFile, private readonly pageSize: number, firstPage: number) {
    this.next = firstPage;
    this.#position = firstPage * pageSize;
    this.bytes = new Uint8Array(Math.max(BUFFER, pageSize));
    this.view = new DataView(this.bytes.buffer);
  }

  /** Begins the next page; returns its offset in `bytes`, which is valid until the next call. */
  begin(): number {
    if (this.#filled + this.pageSize > this.bytes.length) this.flush();
    const base = this.#filled;
    this.bytes.fill(0, base, base + this.pageSize);
    this.#filled += this.pageSize;
    this.next += 1;
    return base;
  }

  /** Writes out what is held back. Throws the system's error; a full disk shows here. */
  flush(): void {
    writeAll(this.file, this.bytes, this.#filled, this.#position);
    this.#position += this.#filled;
    this.#filled = 0;
  }
}

/** Writes the first `length` bytes at `position`. Throws the system's error. */
export function writeAll(
  file: Deno.FsFile,
  bytes: Uint8Array<ArrayBuffer>,
  length: number,
  position: number,
): void {
  file.seekSync(position, Deno.SeekMode.Start);
  for (let done = 0; done < length;) done += file.writeSync(bytes.subarray(done, length));
}
