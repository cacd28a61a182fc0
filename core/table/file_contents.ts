import { decodeText } from "../bytes/mod.ts";
import { reasonOf } from "../errors/mod.ts";

/** The value of an entry that names files (`-F`), or why there is none. */
export type FileContents = { readonly base64: string } | { readonly problem: string };

/** Reads the files that a value lists, joins them with newlines and encodes the result (postmap(1), `-F`). */
export function fileContents(value: string): FileContents {
  const paths = value.split(/[, \t\r\n]+/).filter((path) => path !== "");
  if (paths.length === 0) return { problem: `empty pathname list: >>${value}<<'` };
  const parts: Uint8Array[] = [];
  for (const path of paths) {
    if (parts.length > 0) parts.push(NEWLINE);
    try {
      parts.push(Deno.readFileSync(path));
    } catch (error) {
      return { problem: `open ${path}: ${reasonOf(error)}` };
    }
  }
  let length = 0;
  for (const part of parts) length += part.length;
  const joined = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return { base64: joined.toBase64() };
}

const NEWLINE = Uint8Array.of(0x0a);

/** The value as a table keeps it: itself, or what `fileContents` makes of it where values are names of files. */
export function keptValue(
  value: string,
  flags: { readonly fileContents: boolean },
): { readonly value: string } | { readonly problem: string } {
  if (!flags.fileContents) return { value };
  const contents = fileContents(value);
  return "problem" in contents ? contents : { value: contents.base64 };
}

/** The content that a stored value stands for; undefined if it is not base64. */
export function decodeFileContents(value: string): string | undefined {
  try {
    return decodeText(Uint8Array.fromBase64(value));
  } catch {
    return undefined;
  }
}
