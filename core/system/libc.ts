/**
 * C functions, bound on first use so that commands which need none pay nothing. A process that gives up root binds
 * them before and may call them afterwards, but it can follow no pointers any more: everything that a call returns
 * goes into memory of ours.
 */

const SYMBOLS = {
  __errno_location: { parameters: [], result: "pointer" },
  __xpg_strerror_r: { parameters: ["i32", "buffer", "usize"], result: "i32" },
  getpwnam_r: { parameters: ["buffer", "buffer", "pointer", "usize", "buffer"], result: "i32" },
  getpwuid_r: { parameters: ["u32", "buffer", "pointer", "usize", "buffer"], result: "i32" },
  getgrnam_r: { parameters: ["buffer", "buffer", "pointer", "usize", "buffer"], result: "i32" },
  getgrgid_r: { parameters: ["u32", "buffer", "pointer", "usize", "buffer"], result: "i32" },
  getgrouplist: { parameters: ["buffer", "u32", "buffer", "buffer"], result: "i32" },
  geteuid: { parameters: [], result: "u32" },
  getegid: { parameters: [], result: "u32" },
  getgroups: { parameters: ["i32", "buffer"], result: "i32" },
  setgroups: { parameters: ["usize", "buffer"], result: "i32" },
  setresgid: { parameters: ["u32", "u32", "u32"], result: "i32" },
  setresuid: { parameters: ["u32", "u32", "u32"], result: "i32" },
  setfsuid: { parameters: ["u32"], result: "i32" },
  setfsgid: { parameters: ["u32"], result: "i32" },
  setgroupsCall: { name: "syscall", parameters: ["i64", "u32", "buffer"], result: "i32" },
  setresCall: { name: "syscall", parameters: ["i64", "u32", "u32", "u32"], result: "i32" },
  signal: { parameters: ["i32", "pointer"], result: "pointer" },
  execvp: { parameters: ["buffer", "buffer"], result: "i32" },
  chroot: { parameters: ["buffer"], result: "i32" },
  flock: { parameters: ["i32", "i32"], result: "i32" },
  ioctl: { parameters: ["i32", "u64", "buffer"], result: "i32" },
  fcntl: { parameters: ["i32", "i32", "buffer"], result: "i32" },
  getsockopt: { parameters: ["i32", "i32", "i32", "buffer", "buffer"], result: "i32" },
  setsockopt: { parameters: ["i32", "i32", "i32", "buffer", "u32"], result: "i32" },
  socket: { parameters: ["i32", "i32", "i32"], result: "i32" },
  connect: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  send: { parameters: ["i32", "buffer", "usize", "i32"], result: "isize" },
  close: { parameters: ["i32"], result: "i32" },
  open: { parameters: ["buffer", "i32"], result: "i32" },
  openMode: { name: "open", parameters: ["buffer", "i32", "u32"], result: "i32" },
  write: { parameters: ["i32", "buffer", "usize"], result: "isize" },
  pwrite: { parameters: ["i32", "buffer", "usize", "i64"], result: "isize" },
  fchmod: { parameters: ["i32", "u32"], result: "i32" },
  fsync: { parameters: ["i32"], result: "i32", nonblocking: true },
  unlink: { parameters: ["buffer"], result: "i32" },
  rename: { parameters: ["buffer", "buffer"], result: "i32" },
  chmod: { parameters: ["buffer", "u32"], result: "i32" },
  access: { parameters: ["buffer", "i32"], result: "i32" },
  sync_file_range: { parameters: ["i32", "i64", "i64", "u32"], result: "i32" },
  openat: { parameters: ["i32", "buffer", "i32"], result: "i32" },
  pread: { parameters: ["i32", "buffer", "usize", "i64"], result: "isize" },
  getdents64: { name: "syscall", parameters: ["i64", "i64", "buffer", "usize"], result: "i64" },
  renameat2: { parameters: ["i32", "buffer", "i32", "buffer", "u32"], result: "i32", optional: true },
  renameat2Call: {
    name: "syscall",
    parameters: ["i64", "i64", "buffer", "i64", "buffer", "i64"],
    result: "i64",
  },
  faccessat: { parameters: ["i32", "buffer", "i32", "i32"], result: "i32" },
  unlinkat: { parameters: ["i32", "buffer", "i32"], result: "i32" },
  fchmodat: { parameters: ["i32", "buffer", "u32", "i32"], result: "i32" },
  statx: { parameters: ["i32", "buffer", "i32", "u32", "buffer"], result: "i32" },
  memchr: { parameters: ["buffer", "i32", "usize"], result: "usize" },
  regcomp: { parameters: ["buffer", "buffer", "i32"], result: "i32" },
  regexec: { parameters: ["buffer", "buffer", "usize", "buffer", "i32"], result: "i32" },
  regerror: { parameters: ["i32", "buffer", "buffer", "usize"], result: "usize" },
  regfree: { parameters: ["buffer"], result: "void" },
} as const;

type Libc = Deno.DynamicLibrary<typeof SYMBOLS>["symbols"];

let bound: Libc | undefined;
/** The C library's errno of this thread. */
let errorNumber: Int32Array | undefined;

/** Names of the C library, the usual one first. */
export const C_LIBRARIES: readonly string[] = [
  "libc.so.6",
  Deno.build.arch === "aarch64" ? "libc.musl-aarch64.so.1" : "libc.musl-x86_64.so.1",
];

/** The C library. Throws on systems where it can't be loaded. */
export function libc(): Libc {
  if (bound !== undefined) return bound;
  for (const name of C_LIBRARIES) {
    try {
      bound = Deno.dlopen(name, SYMBOLS).symbols;
      errorNumber = new Int32Array(Deno.UnsafePointerView.getArrayBuffer(bound.__errno_location()!, 4));
      return bound;
    } catch {
      // The next name is for another C library.
    }
  }
  throw new Error("Cannot load the C library (tried libc.so.6 and musl): Postel needs Linux");
}

let encoder: TextEncoder | undefined;

/** A NUL-terminated copy. Throws on text with a NUL inside, which C would cut short. */
export function cString(text: string): Uint8Array<ArrayBuffer> {
  if (text.includes("\0")) throw new TypeError("A name with a NUL character can't be given to the system");
  encoder ??= new TextEncoder();
  return encoder.encode(text + "\0");
}

/** The number of the last error of this thread. */
export function errno(): number {
  libc();
  return errorNumber?.[0] ?? 0;
}

/** What the system calls an error number: `No space left on device` for 28. */
export function errorText(code: number): string {
  const room = new Uint8Array(256);
  const known = libc().__xpg_strerror_r(code, room, BigInt(room.length)) === 0;
  return known ? new TextDecoder().decode(room.subarray(0, room.indexOf(0))) : `error ${code}`;
}

/** `flock: Resource temporarily unavailable`, for the call that just failed. */
export function systemError(call: string, code: number = errno()): Error & { code: number } {
  return Object.assign(new Error(`${call}: ${errorText(code)}`), { code });
}

/** Numbers of the errors that callers branch on (Linux). */
export const Errno = { ENOENT: 2, EPERM: 1, EINTR: 4, EAGAIN: 11, EACCES: 13, EEXIST: 17 } as const;
