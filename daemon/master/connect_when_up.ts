/** So long a process that starts at the same time, or starts again after its end, is waited for (milliseconds). */
const LONGEST_WAIT = 10_000;
const PAUSE = 50;

/**
 * Connects to a UNIX socket of another process of this mail system, which may not have made it yet. Throws what the system
 * says when nobody has listened there for ten seconds, and at once for other errors.
 */
export async function connectWhenUp(path: string): Promise<Deno.UnixConn> {
  const deadline = performance.now() + LONGEST_WAIT;
  for (;;) {
    try {
      return await Deno.connect({ transport: "unix", path });
    } catch (error) {
      if (!isNotUp(error) || performance.now() >= deadline) throw error;
    }
    await new Promise((done) => setTimeout(done, PAUSE));
  }
}

/** No socket, or one that a process has left behind. */
function isNotUp(error: unknown): boolean {
  return error instanceof Deno.errors.NotFound || error instanceof Deno.errors.ConnectionRefused;
}
