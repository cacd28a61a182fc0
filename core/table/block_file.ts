/** The file was replaced or rewritten since it was opened: open it again and start over. */
export class FileChanged extends Error {
  override readonly name = "FileChanged";
}

/** Somebody is rewriting the file in place right now: wait. */
export class FileBusy extends Error {
  override readonly name = "FileBusy";
}

/** The file is not what its name says, or it is damaged. The message says in what way. */
export class BadFormat extends Error {
  override readonly name = "BadFormat";
}

/** Fewest blocks kept in memory: more than one lookup ever has in use at a time. */
const FEWEST_SLOTS = 64;

/**
 * Maps a whole file into memory: the bytes, which stay mapped until the process ends; undefined where that can't be done.
 * Somebody who shortens a mapped file kills its reader, so daemons don't map.
 */
export type MapFile = (path: string, size: number) => Uint8Array<ArrayBuffer> | undefined;

/** So many single reads cost more than reading the whole file, where there is room for it. */
const MANY_MISSES = 500;

/**
 * Random access to a file through blocks of equal size that are kept in one buffer. The buffer is outside the heap and
 * never grows; a block that is not in it costs one positioned read, and the least recently used ones give way.
 *
 * Real Postfix rewrites Berkeley DB files in place under an exclusive lock, so a read takes a shared lock for a moment
 * and makes sure that the file is still the one that the blocks in memory came from.
 */
export class BlockFile {
  readonly size: number;
  /** All blocks in memory; `at` says where one begins. */
  bytes: Uint8Array<ArrayBuffer> = new Uint8Array(0);
  view: DataView<ArrayBuffer> = new DataView(this.bytes.buffer);
  blockSize = 0;
  /** Number of whole or begun blocks in the file. */
  blockCount = 0;
  /** Looks after each read whether the file is still the one that the reader began with; throws `FileChanged`. */
  verify: (() => void) | undefined;

  readonly #file: Deno.FsFile;
  readonly #opened: Deno.FileInfo;
  #mapping: Uint8Array<ArrayBuffer> | undefined;
  /** Where each block is, when there is not room for all; otherwise a block's number is its slot. */
  #where: Map<number, number> | undefined;
  /** Which slots hold their block, when there is room for all. */
  #loaded = new Uint8Array(0);
  #misses = 0;
  #holds: Int32Array = new Int32Array(0);
  #used: Uint8Array = new Uint8Array(0);
  #hand = 0;
  #closed = false;

  /**
   * Opens the file. Throws the system's error, or `FileBusy`.
   * @param cacheBytes most bytes kept in memory
   * @param locking take a shared flock(2) lock around reads and look whether the file has changed
   * @param map maps the file, if it is to be mapped; then `together` must be around all lookups
   */
  constructor(
    readonly path: string,
    readonly cacheBytes: number,
    readonly locking: boolean,
    private readonly map?: MapFile,
  ) {
    this.#file = Deno.openSync(path);
    this.#opened = this.#file.statSync();
    this.size = this.#opened.size;
  }

  /** Is all of the file in memory as it is on disk, changes included? */
  get mapped(): boolean {
    return this.#mapping !== undefined;
  }

  /** Is the file under the path still the one that was opened, unchanged? */
  get current(): boolean {
    const { dev, ino, size, mtime } = Deno.statSync(this.path);
    const opened = this.#opened;
    return ino === opened.ino && size === opened.size && dev === opened.dev &&
      mtime?.getTime() === opened.mtime?.getTime();
  }

  /**
   * Sets the block size, which the file's header tells, and maps the file or empties the buffer.
   *
   * A large mapping counts as memory of the process, so that each buffer made after it is reason for a garbage collection:
   * readers make theirs before. Throws `FileChanged`.
   */
  useBlocks(size: number): void {
    this.blockSize = size;
    this.blockCount = Math.ceil(this.size / size);
    if (this.#mapWhole()) return;
    const wanted = Math.max(FEWEST_SLOTS, Math.floor(this.cacheBytes / size));
    const slots = Math.max(1, Math.min(wanted, this.blockCount));
    this.bytes = new Uint8Array(slots * size);
    this.view = new DataView(this.bytes.buffer);
    this.#hand = 0;
    this.#misses = 0;
    if (slots >= this.blockCount) {
      this.#where = undefined;
      this.#loaded = new Uint8Array(slots);
    } else {
      this.#where = new Map();
      this.#holds = new Int32Array(slots).fill(-1);
      this.#used = new Uint8Array(slots);
    }
  }

  /** Maps the file, if it is to be mapped and can be. */
  #mapWhole(): boolean {
    const mapping = this.size === 0 ? undefined : this.map?.(this.path, this.size);
    if (mapping === undefined) return false;
    if (!this.current) throw new FileChanged("the file was replaced");
    this.#mapping = this.bytes = mapping;
    this.view = new DataView(mapping.buffer);
    return true;
  }

  /** Offset in `bytes` of the block with that number. Valid until `FEWEST_SLOTS` other blocks were asked for. */
  at(block: number): number {
    if (this.#mapping !== undefined) {
      this.#requireInside(block);
      return block * this.blockSize;
    }
    if (this.#where === undefined) {
      return this.#loaded[block] === 1 ? block * this.blockSize : this.#loadInPlace(block);
    }
    const slot = this.#where.get(block);
    if (slot !== undefined) {
      this.#used[slot] = 1;
      return slot * this.blockSize;
    }
    return this.#load(block);
  }

  /** Reads a block that has a slot of its own; after many of them, everything that is left at one go. */
  #loadInPlace(block: number): number {
    this.#requireInside(block);
    this.#misses += 1;
    const offset = block * this.blockSize;
    if (this.#misses < MANY_MISSES) {
      this.#readBlocks(offset, this.blockSize, offset);
      this.#loaded[block] = 1;
    } else this.loadAll();
    return offset;
  }

  /** Reads all of the file now, as it is at this moment, if there is room for it. */
  loadAll(): void {
    if (this.#where !== undefined || this.#mapping !== undefined) return;
    this.#readBlocks(0, this.size, 0);
    this.#loaded.fill(1);
  }

  #load(block: number): number {
    this.#requireInside(block);
    const slot = this.#freeSlot();
    const offset = slot * this.blockSize;
    this.#readBlocks(offset, this.blockSize, block * this.blockSize);
    this.#holds[slot] = block;
    this.#used[slot] = 1;
    this.#where!.set(block, slot);
    return offset;
  }

  #requireInside(block: number): void {
    if (!(block >= 0 && block < this.blockCount)) {
      throw new BadFormat(`page ${block} is outside the file`);
    }
  }

  /** Reads up to `length` bytes at `position`, as far as the file goes, and makes sure that they belong together. */
  #readBlocks(offset: number, length: number, position: number): void {
    const wanted = Math.min(length, this.size - position);
    this.guarded(() => {
      if (this.read(this.bytes, offset, wanted, position) < wanted) {
        throw new FileChanged("the file became shorter");
      }
      this.verify?.();
    });
  }

  #freeSlot(): number {
    const slots = this.#holds.length;
    for (;;) {
      const slot = this.#hand;
      this.#hand = slot + 1 === slots ? 0 : slot + 1;
      if (this.#used[slot] !== 0) {
        this.#used[slot] = 0;
        continue;
      }
      const old = this.#holds[slot]!;
      if (old >= 0) {
        this.#where!.delete(old);
        this.#holds[slot] = -1;
      }
      return slot;
    }
  }

  /** Runs `work` under the shared lock and makes sure that the file is unchanged. */
  guarded<T>(work: () => T): T {
    if (!this.locking) return work();
    if (!this.#file.tryLockSync(false)) throw new FileBusy(this.path);
    try {
      if (!this.current) throw new FileChanged("the file was rewritten");
      return work();
    } finally {
      this.#file.unlockSync();
    }
  }

  /**
   * Runs lookups that belong together. In a mapped file no cooperating writer changes anything meanwhile: the work is done
   * under the lock or, where writers need none, thrown away with `FileChanged` if they got ahead of it.
   */
  together<T>(work: () => T): T {
    if (this.#mapping === undefined) return work();
    return this.guarded(() => {
      const result = work();
      this.verify?.();
      return result;
    });
  }

  /** Reads into `target`; the number of bytes got is smaller than `length` only at the end of the file. */
  read(target: Uint8Array<ArrayBuffer>, offset: number, length: number, position: number): number {
    this.#file.seekSync(position, Deno.SeekMode.Start);
    let got = 0;
    while (got < length) {
      const count = this.#file.readSync(target.subarray(offset + got, offset + length));
      if (count === null) break;
      got += count;
    }
    return got;
  }

  /** The first bytes of the file, fewer if it is shorter. */
  header(length: number): Uint8Array<ArrayBuffer> {
    const bytes = new Uint8Array(length);
    return bytes.subarray(0, this.guarded(() => this.read(bytes, 0, length, 0)));
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#file.close();
  }
}
