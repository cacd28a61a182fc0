import { decodeText } from "../bytes/mod.ts";
import { cString, libc } from "./libc.ts";

export interface SystemUser {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  readonly gecos: string;
  readonly home: string;
  readonly shell: string;
  /** The password field, `x` where passwords are kept elsewhere. */
  readonly password: string;
}

export interface SystemGroup {
  readonly name: string;
  readonly gid: number;
  /** The password field, `x` where passwords are kept elsewhere. */
  readonly password: string;
  /** Names of the members that the group lists. */
  readonly members: readonly string[];
}

/** Most bytes that the strings of one entry may have: groups with thousands of members. */
const ROOM = 1 << 20;
const ERANGE = 34;

/** Where the C library puts the strings of an entry; the struct points into it. */
interface StringRoom {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly pointer: Deno.PointerValue;
  readonly address: bigint;
}

let smallRoom: StringRoom | undefined;
let largeRoom: StringRoom | undefined;

function newRoom(size: number): StringRoom {
  const bytes = new Uint8Array(size);
  const pointer = Deno.UnsafePointer.of(bytes);
  return { bytes, pointer, address: Deno.UnsafePointer.value(pointer) };
}

/** Makes the memory for lookups, which a process that gave up root can't do any more. */
export function prepareUserLookups(): void {
  libc();
  smallRoom ??= newRoom(4096);
  largeRoom ??= newRoom(ROOM);
}

/** An entry of the user or group database: the struct, and the room that its strings are in. */
interface Entry {
  readonly view: DataView;
  readonly room: StringRoom;
}

/** Calls one of the reentrant lookups; undefined if there is no such entry. */
function find(
  call: (struct: Uint8Array<ArrayBuffer>, room: StringRoom, found: BigUint64Array<ArrayBuffer>) => number,
): Entry | undefined {
  prepareUserLookups();
  const struct = new Uint8Array(48);
  const found = new BigUint64Array(1);
  for (const room of [smallRoom!, largeRoom!]) {
    const status = call(struct, room, found);
    if (status === ERANGE) continue;
    return status === 0 && found[0] !== 0n ? { view: new DataView(struct.buffer), room } : undefined;
  }
  throw new Error(`An entry of the user or group database has more than ${ROOM} bytes`);
}

/** The string that the pointer at `offset` of the struct leads to. */
function text({ view, room }: Entry, offset: number): string {
  const pointer = view.getBigUint64(offset, true);
  if (pointer === 0n) return "";
  const start = Number(pointer - room.address);
  return decodeText(room.bytes.subarray(start, room.bytes.indexOf(0, start)));
}

/** The strings of the pointer list that the pointer at `offset` of the struct leads to. */
function members({ view, room }: Entry, offset: number): string[] {
  const list = Number(view.getBigUint64(offset, true) - room.address);
  const pointers = new DataView(room.bytes.buffer);
  const names: string[] = [];
  for (let at = list; pointers.getBigUint64(at, true) !== 0n; at += 8) {
    names.push(text({ view: pointers, room }, at));
  }
  return names;
}

/** A user by name or number, from every source the system has (getpwnam(3)); undefined if there is none. */
export function lookupUser(who: string | number): SystemUser | undefined {
  if (typeof who === "string" && (who === "" || who.includes("\0"))) return undefined;
  const entry = find((struct, { bytes, pointer }, found) =>
    typeof who === "string"
      ? libc().getpwnam_r(cString(who), struct, pointer, BigInt(bytes.length), found)
      : libc().getpwuid_r(who, struct, pointer, BigInt(bytes.length), found)
  );
  if (entry === undefined) return undefined;
  return {
    name: text(entry, 0),
    password: text(entry, 8),
    uid: entry.view.getUint32(16, true),
    gid: entry.view.getUint32(20, true),
    gecos: text(entry, 24),
    home: text(entry, 32),
    shell: text(entry, 40),
  };
}

/** A group by name or number (getgrnam(3)); undefined if there is none. */
export function lookupGroup(which: string | number): SystemGroup | undefined {
  if (typeof which === "string" && (which === "" || which.includes("\0"))) return undefined;
  const entry = find((struct, { bytes, pointer }, found) =>
    typeof which === "string"
      ? libc().getgrnam_r(cString(which), struct, pointer, BigInt(bytes.length), found)
      : libc().getgrgid_r(which, struct, pointer, BigInt(bytes.length), found)
  );
  if (entry === undefined) return undefined;
  return {
    name: text(entry, 0),
    password: text(entry, 8),
    gid: entry.view.getUint32(16, true),
    members: members(entry, 24),
  };
}

/** All groups of a user, the primary one included (getgrouplist(3)). */
export function userGroups(name: string, gid: number): number[] {
  let room = 64;
  for (;;) {
    const groups = new Uint32Array(room);
    const count = new Int32Array([room]);
    const result = libc().getgrouplist(cString(name), gid, groups, count);
    const found = count[0]!;
    if (result >= 0) return [...groups.subarray(0, found)];
    room = Math.max(found, room * 2);
    if (room > 65536) throw new Error(`User "${name}" is in more than 65536 groups`);
  }
}
