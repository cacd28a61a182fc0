/** What a wake-up says when there is nothing special to say. */
const WAKEUP = "W";

/**
 * Wakes a service up through its socket (or FIFO) at `path`: sends `request` and waits until the service has taken it
 * and closed, at most `timeout` milliseconds. Throws if nobody listens there; a slow service is not an error, since
 * the bytes are in its hands by then.
 */
export async function trigger(path: string, request: string = WAKEUP, timeout = 2000): Promise<void> {
  if (Deno.statSync(path).isFifo) return await triggerFifo(path, request);
  const connection = await Deno.connect({ transport: "unix", path });
  try {
    // Unlike on a FIFO, the bytes end with a NUL here.
    await connection.write(new TextEncoder().encode(request + "\0"));
    await closedWithin(connection, timeout);
  } finally {
    connection.close();
  }
}

async function triggerFifo(path: string, request: string): Promise<void> {
  // Loaded here because it is rare and would cost every command 10 ms.
  const { closeSync, constants, openSync, writeSync } = await import("node:fs");
  // Without a reader, opening for writing would wait for one.
  const fd = openSync(path, constants.O_WRONLY | constants.O_NONBLOCK);
  try {
    writeSync(fd, new TextEncoder().encode(request));
  } finally {
    closeSync(fd);
  }
}

async function closedWithin(connection: Deno.Conn, timeout: number): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const expired = new Promise<null>((resolve) => timer = setTimeout(() => resolve(null), timeout));
  const closed = connection.read(new Uint8Array(1)).catch(() => null);
  try {
    await Promise.race([closed, expired]);
  } finally {
    clearTimeout(timer);
  }
}
