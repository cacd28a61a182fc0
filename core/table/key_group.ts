/**
 * Lines whose keys are looked up together, so that the processor waits for several of them at a time: in a large file
 * most of the time of a lookup is spent waiting for memory.
 */
export class KeyGroup {
  /**
   * Most keys in a group: more than the processor can wait for at a time. With many more the loops would be compiled twice,
   * once to replace one that is running.
   */
  static readonly MOST = 32;

  count = 0;
  /** Where each line begins in the input; the place behind the last one follows. */
  readonly starts: Uint32Array = new Uint32Array(KeyGroup.MOST + 1);
  /** Where each key's value begins in the file, behind the stored key; 0 for a key that is not there. */
  readonly valueAt: Uint32Array = new Uint32Array(KeyGroup.MOST);
  readonly valueLength: Uint32Array = new Uint32Array(KeyGroup.MOST);

  // What the lookup notes of each key on its way: the hash, where its slot and then its record are.
  readonly hashes: Int32Array = new Int32Array(KeyGroup.MOST);
  readonly slots: Uint32Array = new Uint32Array(KeyGroup.MOST);
  readonly records: Uint32Array = new Uint32Array(KeyGroup.MOST);
}

/** Bytes together with a view of the same range. */
export interface ViewedBytes {
  readonly bytes: Uint8Array;
  readonly view: DataView;
}
