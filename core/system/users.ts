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

function text(view: Deno.UnsafePointerView, offset: number): string {
  const pointer = view.getPointer(offset);
  if (pointer === null) return "";
  const bytes: number[] = [];
  const chars = new Deno.UnsafePointerView(pointer);
  for (let at = 0;; at++) {
    const byte = chars.getUint8(at);
    if (byte === 0) break;
    bytes.push(byte);
  }
  return new TextDecoder().decode(Uint8Array.from(bytes));
}

/** A user by name or number, from every source the system has (getpwnam(3)); undefined if there is none. */
export function lookupUser(who: string | number): SystemUser | undefined {
  if (typeof who === "string" && (who === "" || who.includes("\0"))) return undefined;
  const found = typeof who === "string" ? libc().getpwnam(cString(who)) : libc().getpwuid(who);
  if (found === null) return undefined;
  const view = new Deno.UnsafePointerView(found);
  return {
    name: text(view, 0),
    uid: view.getUint32(16),
    gid: view.getUint32(20),
    gecos: text(view, 24),
    home: text(view, 32),
    shell: text(view, 40),
    password: text(view, 8),
  };
}

/** The strings of an array of pointers that ends with a null pointer. */
function memberNames(array: Deno.PointerValue): string[] {
  if (array === null) return [];
  const view = new Deno.UnsafePointerView(array);
  const names: string[] = [];
  for (let at = 0; view.getPointer(at) !== null; at += 8) names.push(text(view, at));
  return names;
}

/** A group by name or number (getgrnam(3)); undefined if there is none. */
export function lookupGroup(which: string | number): SystemGroup | undefined {
  if (typeof which === "string" && (which === "" || which.includes("\0"))) return undefined;
  const found = typeof which === "string" ? libc().getgrnam(cString(which)) : libc().getgrgid(which);
  if (found === null) return undefined;
  const view = new Deno.UnsafePointerView(found);
  return {
    name: text(view, 0),
    gid: view.getUint32(16),
    password: text(view, 8),
    members: memberNames(view.getPointer(24)),
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
