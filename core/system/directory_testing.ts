/** Does something in a new directory, which is removed afterwards with all that is in it. For tests. */
export async function inDirectory(work: (directory: string) => void | Promise<void>): Promise<void> {
  const directory = Deno.makeTempDirSync({ prefix: "postel-test-" });
  try {
    await work(directory);
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
}
