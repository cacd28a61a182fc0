/**
 * Postel, a Postfix-compatible mail system in one program. The name it was started under (`postqueue`, `sendmail`, ...)
 * or its first argument picks the command; each command's module loads only when it is used.
 */
import { runMain, startedAs } from "./cmd/dispatch.ts";

if (import.meta.main) {
  const code = await runMain(startedAs(), Deno.args);
  Deno.exit(code);
}
