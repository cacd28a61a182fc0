/**
 * Entry of the packed program. Its launcher gives its own path and the name it was called under as the first two
 * arguments, since a script has no `argv[0]` to pass on. The compiled form has its own name and needs neither.
 */
import { runMain, startedAs } from "./dispatch.ts";

if (Deno.build.standalone) Deno.exit(await runMain(startedAs(), Deno.args));
const [, name = "", ...args] = Deno.args;
Deno.exit(await runMain(name, args));
