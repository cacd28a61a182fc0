import { messageOf } from "../errors/mod.ts";
import { QueueFileError } from "./types.ts";

/** What a failed file operation means: `missing` or `io`, with the operation and the path in the message. */
export function fileError(error: unknown, doing: string): QueueFileError {
  if (error instanceof QueueFileError) return error;
  const reason = messageOf(error);
  return new QueueFileError(
    `Cannot ${doing}: ${reason}`,
    error instanceof Deno.errors.NotFound ? "missing" : "io",
  );
}

/** Creates the missing directories above a file, mode 0700. */
export function makeParents(path: string): void {
  Deno.mkdirSync(path.slice(0, path.lastIndexOf("/")), { recursive: true, mode: 0o700 });
}
