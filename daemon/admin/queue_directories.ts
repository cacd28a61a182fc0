/** Directories of the queue whose files belong to the mail system too. */
export const OWN_QUEUES: readonly string[] = [
  "active",
  "bounce",
  "corrupt",
  "defer",
  "deferred",
  "flush",
  "hold",
  "incoming",
  "saved",
  "trace",
];

/** Directories of its sockets. */
export const SOCKET_DIRECTORIES: readonly string[] = ["private", "public"];
