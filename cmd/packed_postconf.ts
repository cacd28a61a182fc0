/** Entry of the packed program for calls of postconf: loads the command with itself, which saves a step. */
import "./postconf.ts";
import { runPacked } from "./dispatch.ts";

await runPacked();
