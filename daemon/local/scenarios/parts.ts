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
