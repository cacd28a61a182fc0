/** Runs programs to their end, for tests. */

export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  /** What the program gets on standard input; nothing by default. */
  readonly input?: string | Uint8Array | undefined;
  readonly env?: Record<string, string>;
  readonly cwd?: string;
}

/** Runs a program and resolves when it has ended, whatever its exit code. Rejects if it can't be started. */
export async function runProgram(
  program: string,
  args: readonly string[],
  { input = "", ...options }: RunOptions = {},
): Promise<Ran> {
  const child = new Deno.Command(program, {
    ...options,
    args: [...args],
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const octets = typeof input === "string" ? new TextEncoder().encode(input) : Uint8Array.from(input);
  const writer = child.stdin.getWriter();
  // A program that does not read its input may be gone already.
  const written = writer.write(octets).then(() => writer.close()).catch(() => {});
  const { code, stdout, stderr } = await child.output();
  await written;
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, stdout: text(stdout), stderr: text(stderr) };
}
