/** Entry of the packed program, and of the compiled one. */
import { runPacked } from "./dispatch.ts";

await runPacked();
