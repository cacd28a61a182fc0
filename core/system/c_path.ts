const encoder = new TextEncoder();
const ROOM = 4096;
/** Calls take one or two paths; four rooms in turn leave a margin. */
const rooms = Array.from({ length: 4 }, () => new Uint8Array(ROOM));
let turn = 0;

/**
 * A path as C takes it, NUL-terminated, in memory that is used again four calls later: for functions that are called at
 * once. Throws on a path with a NUL inside, which C would cut short, and on one that the system would refuse as too long.
 */
export function cPath(path: string): Uint8Array<ArrayBuffer> {
  const room = rooms[turn]!;
  turn = (turn + 1) & 3;
  const length = path.length;
  if (length >= ROOM) throw new TypeError(`A path of ${length} characters can't be given to the system`);
  // Paths of queue files are ASCII and short: copying them here is cheaper than a call of the encoder.
  for (let at = 0; at < length; at++) {
    const code = path.charCodeAt(at);
    if (code === 0) throw new TypeError("A path with a NUL character can't be given to the system");
    if (code >= 0x80) return encoded(path, room);
    room[at] = code;
  }
  room[length] = 0;
  return room;
}

function encoded(path: string, room: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const { read, written } = encoder.encodeInto(path, room.subarray(0, ROOM - 1));
  if (path.includes("\0") || read < path.length) {
    throw new TypeError("A path with a NUL character or of more than 4 KB can't be given to the system");
  }
  room[written] = 0;
  return room;
}
