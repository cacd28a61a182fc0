/**
 * Does another process run this program file? Files are compared, not names, so that processes with another root count
 * too. Not knowing counts as yes.
 */
export function inUse(program: string): boolean {
  let wanted: Deno.FileInfo;
  let processes: string[];
  try {
    wanted = Deno.statSync(program);
    processes = [...Deno.readDirSync("/proc")].map(({ name }) => name).filter((name) => /^\d+$/.test(name));
  } catch (error) {
    return !(error instanceof Deno.errors.NotFound);
  }
  return processes.some((pid) => {
    if (Number(pid) === Deno.pid) return false;
    try {
      const running = Deno.statSync(`/proc/${pid}/exe`);
      return running.ino === wanted.ino && running.dev === wanted.dev;
    } catch {
      // It ended meanwhile, or is the kernel's, or somebody else's.
      return false;
    }
  });
}
