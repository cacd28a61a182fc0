import { servicePort } from "./service_port.ts";
import { reasonOf } from "../../errors/mod.ts";

/** Where MySQL programs look for options. */
const STANDARD_FILES = ["/etc/my.cnf", "/etc/mysql/my.cnf"];
/** How deep files may include files. */
const DEEPEST = 10;

/** What an option file says to a client, by option name with `-` for `_`; a later value replaces an earlier. */
export type MysqlOptions = ReadonlyMap<string, string>;

/**
 * Reads the options of `[client]` and of a further group.
 * @param file the only file to read; the standard ones if undefined
 * @param warn is told when a file that was named can't be read: the library of MySQL goes on without it
 */
export function readMysqlOptions(
  file: string | undefined,
  group: string,
  warn: (text: string) => void,
): MysqlOptions {
  const options = new Map<string, string>();
  const groups = new Set(["client", group]);
  if (file !== undefined) readFile(file, groups, options, 0, warn);
  else for (const standard of STANDARD_FILES) readFile(standard, groups, options, 0);
  return options;
}

function readFile(
  path: string,
  groups: ReadonlySet<string>,
  options: Map<string, string>,
  depth: number,
  warn?: (text: string) => void,
): void {
  let text: string;
  try {
    text = Deno.readTextFileSync(path);
  } catch (error) {
    warn?.(`open ${path}: ${reasonOf(error)}`);
    return;
  }
  let wanted = false;
  for (const raw of text.split("\n")) {
    const line = raw.trim();
    const section = /^\[(.*)\]$/.exec(line);
    const include = /^!include(dir)?\s+(\S+)$/.exec(line);
    if (section !== null) wanted = groups.has(section[1]!.trim());
    else if (include !== null && depth < DEEPEST) {
      for (const included of include[1] === undefined ? [include[2]!] : filesIn(include[2]!)) {
        readFile(included, groups, options, depth + 1);
      }
    } else if (wanted) setOption(line, options);
  }
}

function filesIn(directory: string): string[] {
  try {
    return [...Deno.readDirSync(directory)].filter((entry) => entry.name.endsWith(".cnf"))
      .map((entry) => `${directory}/${entry.name}`).sort();
  } catch {
    return [];
  }
}

function setOption(line: string, options: Map<string, string>): void {
  const match = /^([A-Za-z][\w-]*)\s*(?:=\s*(.*))?$/.exec(line);
  if (match === null) return;
  const value = match[2] ?? "";
  const quoted = /^(["'])(.*)\1/.exec(value);
  // A `#` begins a comment in the middle of a line too.
  options.set(match[1]!.replaceAll("_", "-"), quoted?.[2] ?? value.replace(/\s#.*$/, "").trim());
}

/** The port that the options name, if any. */
export function portOf(options: MysqlOptions): number | undefined {
  return servicePort(options.get("port") ?? "");
}
