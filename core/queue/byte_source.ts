import type { FileHandle, OpenFile } from "../system/mod.ts";
import { QueueFileError } from "./types.ts";

/** A stretch of a queue file in memory: `bytes[0]` is the file's byte `base`. */
export interface Window {
  readonly bytes: Uint8Array;
  readonly base: number;
}

/** Where the bytes of a queue file come from: an open file, memory, or the two ends that changed hands. */
export interface ByteSource {
  /**
   * A stretch that starts at or before `offset` and reaches at least `wanted` bytes behind it, unless the file ends
   * before that. Valid until the next call.
   */
  window(offset: number, wanted: number): Window;
  close(): void;
}

/** Bytes in memory. */
export function memorySource(bytes: Uint8Array): ByteSource {
  const whole = { bytes, base: 0 };
  return { window: () => whole, close() {} };
}

/** The two ends of a queue file without the content between them. */
export function endsSource(head: Uint8Array, tail: Uint8Array, tailOffset: number): ByteSource {
  const front = { bytes: head, base: 0 };
  const back = { bytes: tail, base: tailOffset };
  return {
    window(offset) {
      if (offset < head.length) return front;
      if (offset >= tailOffset) return back;
      throw new QueueFileError(
        `Byte ${offset} lies inside the content, which was not handed over`,
        "missing",
      );
    },
    close() {},
  };
}

const NOTHING = new Uint8Array(0);
const FIRST_CHUNK = 16384;
const CHUNK = 65536;

/** What is needed of an open file: a `FileHandle` has it. */
type PlacedReads = Pick<FileHandle, "size" | "readAt" | "close">;

/** Memory for first pieces, used again for the next file; so much is kept. */
const rooms: Uint8Array<ArrayBuffer>[] = [];
const MOST_ROOMS = 64;

/** An open file, read in pieces of 64 KB (the first one smaller). Closing the source closes the file. */
export function handleSource(file: PlacedReads): ByteSource {
  let buffer = rooms.pop() ?? new Uint8Array(FIRST_CHUNK);
  let base = 0;
  let length = 0;
  return {
    window(offset, wanted) {
      if (offset < base || offset + wanted > base + length) {
        let room = length === 0 ? FIRST_CHUNK : CHUNK;
        // A damaged length field must not make us ask for more memory than the file has bytes.
        if (wanted > room) room = Math.max(room, Math.min(wanted, file.size() - offset));
        if (room > buffer.length) buffer = new Uint8Array(room);
        base = offset;
        length = 0;
        while (length < buffer.length) {
          const count = file.readAt(buffer.subarray(length), offset + length);
          if (count === 0) break;
          length += count;
          if (length >= wanted) break;
        }
      }
      return { bytes: buffer.subarray(0, length), base };
    },
    close() {
      file.close();
      if (buffer.length === FIRST_CHUNK && rooms.length < MOST_ROOMS) rooms.push(buffer);
      // What is asked for behind the end must not see another file's bytes.
      buffer = NOTHING;
      length = 0;
    },
  };
}

/** The same for a file of the runtime's, which may be a pipe as long as it is read from its start to its end. */
export function fileSource(file: Deno.FsFile): ByteSource {
  let position = 0;
  return handleSource({
    size: () => file.statSync().size,
    readAt(buffer, offset) {
      // Seeking is skipped where the file already stands there.
      if (offset !== position) file.seekSync(offset, Deno.SeekMode.Start);
      const count = file.readSync(buffer) ?? 0;
      position = offset + count;
      return count;
    },
    close: () => file.close(),
  });
}

/** A file that was opened through a directory handle, read into `room`. Closing the source does not close the file. */
export function openFileSource(file: OpenFile, room: Uint8Array<ArrayBuffer>): ByteSource {
  let buffer = room;
  let base = 0;
  let length = 0;
  return {
    window(offset, wanted) {
      if (offset < base || offset + wanted > base + length) {
        if (wanted > buffer.length) {
          const rest = file.info().size - offset;
          buffer = new Uint8Array(Math.max(buffer.length, Math.min(wanted, rest)));
        }
        base = offset;
        length = file.readAt(buffer, offset);
      }
      return { bytes: buffer.subarray(0, length), base };
    },
    close() {},
  };
}
