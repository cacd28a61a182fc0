/** Entry of the packed program for calls of postmap and postalias: loads the command with itself, which saves a step. */
import "./postmap.ts";
import { runPacked } from "./dispatch.ts";

await runPacked();
