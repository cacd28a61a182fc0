import { ByteBuffer } from "./byte_buffer.ts";

/**
 * Buffers that are used again and again: making and clearing memory for each message costs more than filling it. Who
 * takes one gives it back when nobody has a view of it any more; one that is never given back is garbage, no harm.
 */
export class BufferPool {
  readonly #free: ByteBuffer[] = [];

  /**
   * @param capacity room of a new buffer, bytes
   * @param keep a buffer that has outgrown this room (bytes) gives it up when it comes back
   * @param most so many are kept
   */
  constructor(
    private readonly capacity: number,
    private readonly keep: number,
    private readonly most: number,
  ) {}

  /** An empty buffer. */
  take(): ByteBuffer {
    return this.#free.pop() ?? new ByteBuffer(this.capacity);
  }

  /** Takes back a buffer that came from here. */
  give(buffer: ByteBuffer): void {
    if (this.#free.length >= this.most || buffer.memory.length > this.keep) return;
    buffer.clear(this.keep);
    this.#free.push(buffer);
  }
}
