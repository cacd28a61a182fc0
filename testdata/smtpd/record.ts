/**
 * Records the dialogues of cases.ts from a real Postfix:
 *
 *     deno run -A testdata/smtpd/record.ts DIRECTORY FIRST_PORT [GROUP,GROUP...]
 *
 * DIRECTORY (made anew) gets a private instance that listens on 127.0.0.1 from FIRST_PORT on, one port per group.
 * Writes dialogues.json beside this file: per group and dialogue, what came back after each piece, and the log.
 */
import { PostfixInstance, recordDialogues } from "../recording.ts";
import { base, groups } from "./cases.ts";

const directory = Deno.args[0]!;
const firstPort = Number(Deno.args[1]);
const only = Deno.args[2]?.split(",");

const instance = new PostfixInstance(directory);
await instance.prepare();
await recordDialogues(instance, base, groups, firstPort, new URL("dialogues.json", import.meta.url), only);
