/** Below the ports that the kernel gives to outgoing connections, so that none of these can take one meanwhile. */
const LOWEST = 12_000;
const HIGHEST = 32_000;
/** A port that was asked for longer ago, in milliseconds, may be given out again. */
const TAKEN_FOR = 600_000;
/** Which ports were given out, by tests that run at the same time too: a file each. */
const REGISTER = "/tmp/postel-test-ports";

/**
 * A TCP port of 127.0.0.1 that nobody listens on and that no other test was given. Processes that share their ports would
 * otherwise answer each other's clients.
 */
export function freePort(): number {
  try {
    Deno.mkdirSync(REGISTER);
    // Tests run under several users; the sticky bit keeps them from each other's files.
    Deno.chmodSync(REGISTER, 0o1777);
  } catch (error) {
    if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
  }
  for (;;) {
    const port = LOWEST + Math.floor(Math.random() * (HIGHEST - LOWEST));
    if (!takePort(`${REGISTER}/${port}`)) continue;
    try {
      Deno.listen({ hostname: "127.0.0.1", port }).close();
      return port;
    } catch (error) {
      if (!(error instanceof Deno.errors.AddrInUse)) throw error;
    }
  }
}

function takePort(path: string): boolean {
  try {
    Deno.writeTextFileSync(path, "", { createNew: true });
    return true;
  } catch (error) {
    if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
  }
  try {
    if (Date.now() - Deno.statSync(path).mtime!.getTime() > TAKEN_FOR) Deno.removeSync(path);
  } catch {
    // Somebody else was faster, or it is another user's.
  }
  return false;
}
