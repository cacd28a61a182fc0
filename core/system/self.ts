/**
 * How this program starts another copy of itself: the compiled binary under its own path, or the same Deno with the
 * same main module.
 */
export function selfCommand(...args: string[]): { program: string; args: string[] } {
  if (Deno.build.standalone) return { program: Deno.execPath(), args };
  const main = new URL("../../main.ts", import.meta.url);
  const flags = "--enable-experimental-regexp-engine-on-excessive-backtracks";
  const config = new URL("../../deno.json", import.meta.url).pathname;
  return {
    program: Deno.execPath(),
    args: ["run", "-A", "--quiet", `--config=${config}`, `--v8-flags=${flags}`, main.pathname, ...args],
  };
}
