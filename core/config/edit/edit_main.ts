/** Editing main.cf in place (postconf -e, -# and -X). */
import { isSpace } from "../logical_lines.ts";
import { rewriteFile } from "./rewrite_file.ts";

/** What is to become of parameters. A name may stand in one of them only. */
export interface MainEdits {
  /** New values; a name that isn't in the file is added at its end. */
  readonly set?: ReadonlyMap<string, string>;
  /** To be turned into comments. */
  readonly comment?: ReadonlySet<string>;
  /** To be taken out. */
  readonly remove?: ReadonlySet<string>;
}

/** Edits DIRECTORY/main.cf under Postfix's lock. Throws `ConfigError`. */
export function editMain(directory: string, edits: MainEdits, warn: (text: string) => void): void {
  const path = `${directory}/main.cf`;
  rewriteFile(path, (text) => editMainText(text, edits, path, warn));
}

/** The same on text. Comments stay where they are, even those inside a value that is replaced. */
export function editMainText(
  text: string,
  edits: MainEdits,
  path: string,
  warn: (text: string) => void,
): string {
  const result: string[] = [];
  const seen = new Set<string>();
  let fate: "keep" | "drop" | "comment" = "keep";
  for (const line of physicalLines(text)) {
    if (isCommentOrBlank(line)) {
      result.push(line);
      continue;
    }
    if (!isSpace(line.charCodeAt(0))) {
      const name = /^([^ \t\r\n\v\f=]+)[ \t\r\n\v\f]*=/.exec(line)?.[1];
      const value = name === undefined ? undefined : edits.set?.get(name);
      fate = name === undefined
        ? "keep"
        : value !== undefined || edits.remove?.has(name)
        ? "drop"
        : edits.comment?.has(name)
        ? "comment"
        : "keep";
      if (fate !== "keep") {
        if (seen.has(name!)) warn(`${path}: multiple entries for "${name}"`);
        seen.add(name!);
      }
      if (value !== undefined) result.push(`${name} = ${value}\n`);
    }
    if (fate === "keep") result.push(line);
    else if (fate === "comment") result.push(`#${line}`);
  }
  const added = [...edits.set ?? []].filter(([name]) => !seen.has(name));
  if (added.length > 0) endLastLine(result);
  for (const [name, value] of added) result.push(`${name} = ${value}\n`);
  return result.join("");
}

/** Lines with their line ends; the last may have none. */
export function physicalLines(text: string): string[] {
  return text.match(/[^\n]*\n|[^\n]+$/g) ?? [];
}

/** Neither starts nor continues an entry. */
export function isCommentOrBlank(line: string): boolean {
  return /^[ \t\r\n\v\f]*(#|$)/.test(line);
}

/** Gives a last line without a line end one, so that what is added starts a line of its own. */
export function endLastLine(lines: string[]): void {
  const last = lines.at(-1);
  if (last !== undefined && !last.endsWith("\n")) lines[lines.length - 1] = `${last}\n`;
}
