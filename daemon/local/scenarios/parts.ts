/** What scenarios are written with. */
import type { WorldMessage } from "../world_testing.ts";

const at = (name: string) => `${name}@example.com`;

/** One message to one local recipient with the case's own name in front. */
export function mail(id: string, to: string, more: Partial<WorldMessage> = {}): WorldMessage {
  return { id, to: [to.includes("@") ? to : at(to)], ...more };
}

/** Lines of a file; a command gets the quotes that it needs in an aliases file. */
export const lines = (...text: string[]) => text.map(quoted).join("\n") + "\n";

function quoted(line: string): string {
  const bar = /^(\S+ )?\|/.exec(line);
  if (bar === null) return line;
  const name = bar[1] ?? "";
  return `${name}"${line.slice(name.length).replace(/["\\]/g, "\\$&")}"`;
}

/**
 * A program that writes its arguments, its user, its directory and its input to a file in `out`, which is named by the
 * program, the message and the arguments.
 */
export const DUMP = lines(
  "#!/bin/sh",
  'for word in "$@"; do echo "[$word]"; done > {dir}/out/$$.part',
  "id -un >> {dir}/out/$$.part; pwd >> {dir}/out/$$.part",
  "cat >> {dir}/out/$$.part",
  "mv {dir}/out/$$.part {dir}/out/$$.done",
  'mv {dir}/out/$$.done "{dir}/out/$(basename $0) $(sed -n s/^Message-ID://p {dir}/out/$$.done) $*"',
);
