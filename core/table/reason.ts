/**
 * The system's words for a failed file operation, such as `No such file or directory`, without the runtime's
 * additions.
 */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const system = /^(.*?) \(os error \d+\)/.exec(error.message);
  return system === null ? error.message : system[1]!;
}
