/** The C library's words for the errors that operations on files and sockets meet. */
const WORDS: Readonly<Record<string, string>> = {
  EACCES: "Permission denied",
  EBUSY: "Device or resource busy",
  ECONNREFUSED: "Connection refused",
  ECONNRESET: "Connection reset by peer",
  EDQUOT: "Disk quota exceeded",
  EFBIG: "File too large",
  EHOSTUNREACH: "No route to host",
  EIO: "Input/output error",
  EISDIR: "Is a directory",
  ELOOP: "Too many levels of symbolic links",
  EMFILE: "Too many open files",
  ENAMETOOLONG: "File name too long",
  ENFILE: "Too many open files in system",
  ENETUNREACH: "Network is unreachable",
  ENODEV: "No such device",
  ENOENT: "No such file or directory",
  ENOMEM: "Cannot allocate memory",
  ENOSPC: "No space left on device",
  ENOTDIR: "Not a directory",
  ENXIO: "No such device or address",
  EPERM: "Operation not permitted",
  EROFS: "Read-only file system",
  ETIMEDOUT: "Connection timed out",
};

/**
 * The system's words for a failed operation on a file or socket, such as `No such file or directory`, without the runtime's
 * additions.
 */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const code = (error as { code?: unknown }).code;
  if (typeof code === "string" && WORDS[code] !== undefined) return WORDS[code];
  const system = /^(.*?) \(os error \d+\)/.exec(error.message);
  return system === null ? error.message : system[1]!;
}

/** Did the system refuse an operation on a file? The runtime's errors say so in different ways. */
export function isSystemError(error: unknown): boolean {
  return error instanceof Error &&
    (typeof (error as { code?: unknown }).code === "string" || /\(os error \d+\)/.test(error.message));
}
