/** What to do with an entry whose key is there already: keep the first, or let the last one win. */
export type DuplicatePolicy = "keep" | "replace";

/** The place of an index that is no entry's. */
const NOWHERE = 0xffffffff;

/**
 * The entries of a table that is being built. Keys and values are ranges of one byte array, so that a million entries
 * are a few typed arrays and not a million objects.
 */
export class EntryStore {
  /** Holds all keys and values. */
  arena: Uint8Array<ArrayBuffer>;
  /** Bytes of the arena in use. */
  used: number;
  /** Number of entries, those that were replaced included; `live` tells. */
  count = 0;
  keyAt: Uint32Array<ArrayBuffer> = new Uint32Array(1024);
  keyLength: Uint32Array<ArrayBuffer> = new Uint32Array(1024);
  valueAt: Uint32Array<ArrayBuffer> = new Uint32Array(1024);
  valueLength: Uint32Array<ArrayBuffer> = new Uint32Array(1024);
  /** Hash of each key by the function that was given. */
  hashes: Uint32Array<ArrayBuffer> = new Uint32Array(1024);

  #slots: Uint32Array<ArrayBuffer> = new Uint32Array(4096).fill(NOWHERE);
  #replaced = 0;

  /**
   * @param arena bytes that entries may refer to from the start, such as a whole source file
   * @param used how many of them are in use
   * @param hash a hash function over part of an array
   */
  constructor(
    arena: Uint8Array<ArrayBuffer>,
    used: number,
    private readonly hash: (bytes: Uint8Array, start: number, end: number) => number,
  ) {
    this.arena = arena;
    this.used = used;
  }

  /** Number of entries that count. */
  get size(): number {
    return this.count - this.#replaced;
  }

  /** Was the entry not replaced by a later one? */
  live(index: number): boolean {
    return this.keyAt[index] !== NOWHERE;
  }

  /** Copies bytes into the arena and returns where they begin. */
  append(bytes: Uint8Array): number {
    const at = this.used;
    if (at + bytes.length > this.arena.length) {
      if (at + bytes.length >= NOWHERE) throw new RangeError("A table can't have more than 4 GB of text");
      const grown = new Uint8Array(Math.max(at + bytes.length, Math.min(NOWHERE, this.arena.length * 2)));
      grown.set(this.arena.subarray(0, at));
      this.arena = grown;
    }
    this.arena.set(bytes, at);
    this.used = at + bytes.length;
    return at;
  }

  /**
   * Adds an entry whose key and value are in the arena. Returns false if the key was there already and the policy is
   * to keep the first entry.
   */
  add(
    keyAt: number,
    keyLength: number,
    valueAt: number,
    valueLength: number,
    policy: DuplicatePolicy,
  ): boolean {
    const hash = this.hash(this.arena, keyAt, keyAt + keyLength);
    if (this.count * 2 >= this.#slots.length) this.#growSlots();
    const slot = this.#slotOf(hash, this.arena, keyAt, keyLength);
    const old = this.#slots[slot]!;
    if (old !== NOWHERE) {
      if (policy === "keep") return false;
      this.keyAt[old] = NOWHERE;
      this.#replaced += 1;
    }
    if (this.count === this.keyAt.length) this.#growColumns();
    const index = this.count++;
    this.keyAt[index] = keyAt;
    this.keyLength[index] = keyLength;
    this.valueAt[index] = valueAt;
    this.valueLength[index] = valueLength;
    this.hashes[index] = hash;
    this.#slots[slot] = index;
    return true;
  }

  /** Adds an entry from outside the arena. */
  addBytes(key: Uint8Array, value: Uint8Array, policy: DuplicatePolicy): boolean {
    const keyAt = this.append(key);
    const valueAt = this.append(value);
    return this.add(keyAt, key.length, valueAt, value.length, policy);
  }

  /** Takes an entry out; false if the key is not there. */
  remove(key: Uint8Array): boolean {
    const slot = this.#slotOf(this.hash(key, 0, key.length), key, 0, key.length);
    const index = this.#slots[slot]!;
    if (index === NOWHERE || this.keyAt[index] === NOWHERE) return false;
    this.keyAt[index] = NOWHERE;
    // An index without a key stays in the slot, so that the search for others goes on behind it.
    this.#replaced += 1;
    return true;
  }

  /** Indexes of the entries that count, in the order they came in. */
  order(): Uint32Array<ArrayBuffer> {
    const order = new Uint32Array(this.size);
    let filled = 0;
    for (let index = 0; index < this.count; index++) {
      if (this.keyAt[index] !== NOWHERE) order[filled++] = index;
    }
    return order;
  }

  /** The slot that holds the key, or the empty one where it belongs. */
  #slotOf(hash: number, bytes: Uint8Array, at: number, length: number): number {
    const slots = this.#slots;
    const mask = slots.length - 1;
    let slot = spread(hash) & mask;
    for (;;) {
      const index = slots[slot]!;
      if (index === NOWHERE || (this.hashes[index] === hash && this.#sameKey(index, bytes, at, length))) {
        return slot;
      }
      slot = (slot + 1) & mask;
    }
  }

  #sameKey(index: number, bytes: Uint8Array, at: number, length: number): boolean {
    const start = this.keyAt[index]!;
    if (this.keyLength[index] !== length || start === NOWHERE) return false;
    for (let offset = 0; offset < length; offset++) {
      if (this.arena[start + offset] !== bytes[at + offset]) return false;
    }
    return true;
  }

  #growSlots(): void {
    const slots = new Uint32Array(this.#slots.length * 4).fill(NOWHERE);
    const mask = slots.length - 1;
    for (const index of this.#slots) {
      if (index === NOWHERE) continue;
      let slot = spread(this.hashes[index]!) & mask;
      while (slots[slot] !== NOWHERE) slot = (slot + 1) & mask;
      slots[slot] = index;
    }
    this.#slots = slots;
  }

  #growColumns(): void {
    this.keyAt = doubled(this.keyAt);
    this.keyLength = doubled(this.keyLength);
    this.valueAt = doubled(this.valueAt);
    this.valueLength = doubled(this.valueLength);
    this.hashes = doubled(this.hashes);
  }
}

/** Mixes the high bits into the low ones, which pick the slot. */
function spread(hash: number): number {
  const mixed = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  return mixed ^ (mixed >>> 13);
}

function doubled(column: Uint32Array): Uint32Array<ArrayBuffer> {
  const grown = new Uint32Array(column.length * 2);
  grown.set(column);
  return grown;
}
