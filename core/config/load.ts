/** Finding and reading main.cf. */
import { decodeText } from "../bytes/mod.ts";
import { reasonOf } from "../errors/mod.ts";
import { type LogicalLine, logicalLines, splitNameValue } from "./logical_lines.ts";
import { READ_ONLY } from "./parameter_table.ts";
import { type Setting, Snapshot } from "./snapshot.ts";
import { type Config, ConfigError } from "./types.ts";

/** Where the configuration is when nobody says otherwise. */
export const DEFAULT_DIRECTORY = "/etc/postfix";

export interface LoadOptions {
  /** Else the environment variable MAIL_CONFIG, else /etc/postfix. */
  readonly directory?: string;
  /** `name`, `value` pairs that come before main.cf, as `-o name=value` does. */
  readonly overrides?: Iterable<readonly [string, string]>;
  /** For `$process_name`; the program's own name otherwise. */
  readonly programName?: string;
  /** Is told of harmless oddities, in Postfix's words. */
  readonly warn?: (text: string) => void;
}

/** Reads main.cf. Throws `ConfigError` if it is missing, unreadable or has a line that is no `name = value`. */
export function loadConfig(options: LoadOptions = {}): Config {
  const directory = configDirectory(options.directory);
  return snapshotFromText(readConfigFile(`${directory}/main.cf`), { ...options, directory });
}

/** The directory that `-c`, MAIL_CONFIG or the default name, absolute, checked as far as the caller needs it. */
export function configDirectory(given?: string): string {
  const directory = given ?? Deno.env.get("MAIL_CONFIG") ?? DEFAULT_DIRECTORY;
  if (directory === "") throw new ConfigError("the name of the configuration directory is empty");
  const absolute = directory.startsWith("/") ? directory : `${Deno.cwd()}/${directory}`;
  if (given === undefined && absolute !== DEFAULT_DIRECTORY && hasBorrowedRights()) requireListed(absolute);
  return absolute;
}

/** Does the process have rights that its caller lacks (set-user-id or set-group-id)? */
function hasBorrowedRights(): boolean {
  let status: string;
  try {
    status = Deno.readTextFileSync("/proc/self/status");
  } catch {
    return false;
  }
  return ["Uid", "Gid"].some((label) => {
    const [, real, effective] = status.slice(status.indexOf(`\n${label}:`) + 1).split("\t", 3);
    return real !== effective;
  });
}

/** A directory from the environment must be one that the default main.cf allows (alternate_config_directories). */
function requireListed(directory: string): void {
  const config = snapshotFromText(readConfigFile(`${DEFAULT_DIRECTORY}/main.cf`), {
    directory: DEFAULT_DIRECTORY,
  });
  const allowed = [
    ...config.list("alternate_config_directories"),
    ...config.list("multi_instance_directories"),
  ];
  if (!allowed.includes(directory)) {
    throw new ConfigError(
      `unauthorized configuration directory name: ${directory}: ` +
        `list it in alternate_config_directories or multi_instance_directories in ${DEFAULT_DIRECTORY}/main.cf`,
    );
  }
}

/** A configuration file's text. Throws `ConfigError` in Postfix's words. */
export function readConfigFile(path: string): string {
  try {
    // Text is read in a fraction of the time; it has U+FFFD where octets are not UTF-8.
    const text = Deno.readTextFileSync(path);
    return text.includes("\ufffd") ? decodeText(Deno.readFileSync(path)) : text;
  } catch (error) {
    throw new ConfigError(`open ${path}: ${reasonOf(error)}`, { file: path });
  }
}

/** A configuration from text alone, for tests and `--dry-run`: no file is read. */
export function configFromText(mainCf: string, options: LoadOptions = {}): Config {
  return snapshotFromText(mainCf, { ...options, directory: options.directory ?? DEFAULT_DIRECTORY });
}

/** One `name = value` of main.cf. */
export interface MainSetting {
  readonly name: string;
  readonly value: string;
  readonly line: number;
}

/** All settings of a main.cf in file order, repeats included. Throws `ConfigError`. */
export function parseMain(text: string, file: string, warn?: (text: string) => void): MainSetting[] {
  const stray = (line: LogicalLine) =>
    warn?.(`${file}: logical line must not start with whitespace: "${abbreviate(line.text)}"`);
  return logicalLines(text, stray).map((line) => {
    const parts = splitNameValue(line.text);
    if (!parts.ok) {
      throw new ConfigError(`${file}, line ${line.line}: ${parts.problem}: "${line.text}"`, {
        file,
        line: line.line,
      });
    }
    return { name: parts.name, value: parts.value, line: line.line };
  });
}

/** At most 30 characters of a line, for a message. */
export function abbreviate(text: string): string {
  return text.length > 30 ? `${text.slice(0, 30)}...` : text;
}

function snapshotFromText(text: string, options: LoadOptions & { directory: string }): Snapshot {
  const file = `${options.directory}/main.cf`;
  const settings = new Map<string, Setting>();
  for (const { name, value, line } of parseMain(text, file, options.warn)) {
    const earlier = settings.get(name);
    if (earlier !== undefined) {
      options.warn?.(`${file}, line ${line}: overriding earlier entry: ${name}=${earlier.value}`);
    }
    // What only the program itself knows can't be set: the line is read and has no effect.
    if (READ_ONLY.has(name)) continue;
    settings.set(name, { value, origin: { file, line } });
  }
  for (const [name, value] of options.overrides ?? []) settings.set(name, { value, origin: { file: "-o" } });
  const fixed = new Map([["config_directory", options.directory]]);
  if (options.programName !== undefined) fixed.set("process_name", options.programName);
  return new Snapshot({ directory: options.directory, settings, fixed });
}
