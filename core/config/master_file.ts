/** master.cf: reading its lines and what they mean (master(5)). */
import { abbreviate, readConfigFile } from "./load.ts";
import { isSpace, logicalLines, splitNameValue } from "./logical_lines.ts";
import { type Config, ConfigError, type MasterEntry, type Origin } from "./types.ts";
import { unbrace } from "./values.ts";

/** Columns before the command's arguments. */
const FIELD_COUNT = 8;

/** One entry as it stands in the file. */
export interface MasterLine {
  /** Service, type, private, unprivileged, chroot, wakeup, process limit, command. */
  readonly fields: readonly string[];
  /** Words behind the command; text in braces is one word, with its braces. */
  readonly words: readonly string[];
  readonly origin: Origin & { readonly line: number };
  /** Number of the entry's last line. */
  readonly lastLine: number;
  /** The whole logical line. */
  readonly text: string;
}

/** Splits at white space; `{ ... }` stays together. Unbalanced braces run to the end of the line. */
export function splitWords(text: string): string[] {
  const words: string[] = [];
  let start = -1;
  let depth = 0;
  for (let at = 0; at < text.length; at++) {
    if (depth === 0 && isSpace(text.charCodeAt(at))) {
      if (start >= 0) words.push(text.slice(start, at));
      start = -1;
      continue;
    }
    if (start < 0) start = at;
    if (text[at] === "{") depth += 1;
    else if (text[at] === "}" && depth > 0) depth -= 1;
  }
  if (start >= 0) words.push(text.slice(start));
  return words;
}

/** All entries of a master.cf, fields unchecked except for their number. */
export function parseMasterLines(
  text: string,
  file: string,
  options: {
    warn?: (text: string) => void;
    missing: (field: number, origin: Origin & { line: number }) => ConfigError;
  },
): MasterLine[] {
  const lines = logicalLines(
    text,
    (line) =>
      options.warn?.(`${file}: logical line must not start with whitespace: "${abbreviate(line.text)}"`),
  );
  return lines.map((line) => {
    const words = splitWords(line.text);
    const origin = { file, line: line.line };
    if (words.length < FIELD_COUNT) throw options.missing(words.length, origin);
    return {
      fields: words.slice(0, FIELD_COUNT),
      words: words.slice(FIELD_COUNT),
      origin,
      lastLine: line.lastLine,
      text: line.text,
    };
  });
}

/** Names of the columns, in order; `command` includes the arguments. */
export const MASTER_FIELDS = [
  "service",
  "type",
  "private",
  "unprivileged",
  "chroot",
  "wakeup",
  "process_limit",
  "command",
] as const;

function problem(origin: Origin, text: string): ConfigError {
  return new ConfigError(`${origin.file}: line ${origin.line}: ${text}`, origin);
}

/**
 * The services of master.cf, without those that `master_service_disable` names. Throws `ConfigError` with file and line.
 * @param warn is told of entries that replace an earlier one
 */
export function readMasterFile(config: Config, warn?: (text: string) => void): MasterEntry[] {
  const file = `${config.directory}/master.cf`;
  return masterEntriesFromText(readConfigFile(file), file, config, warn);
}

/** The same, from text; for tests and for a file that is about to be written. */
export function masterEntriesFromText(
  text: string,
  file: string,
  config: Config,
  warn?: (text: string) => void,
): MasterEntry[] {
  const lines = parseMasterLines(text, file, {
    ...(warn === undefined ? {} : { warn }),
    missing: (field, origin) => problem(origin, `missing "${MASTER_FIELDS[field]}" field`),
  });
  const disabled = config.list("master_service_disable");
  const entries = new Map<string, MasterEntry>();
  for (const line of lines) {
    const entry = masterEntry(line, config);
    if (isDisabled(entry, disabled)) continue;
    const key = `${entry.name}/${entry.type}`;
    if (entries.has(key)) {
      warn?.(`duplicate master.cf entry for service "${entry.name}" (${entry.type}) -- using the last entry`);
    }
    entries.set(key, entry);
  }
  return [...entries.values()];
}

const TYPES: readonly MasterEntry["type"][] = ["inet", "unix", "unix-dgram", "fifo", "pass"];

/** Gives one line its meaning. Throws `ConfigError`. */
function masterEntry(line: MasterLine, config: Config): MasterEntry {
  const [name, typeText, isPrivate, unprivileged, chroot, wakeup, limit, command] = line.fields as [
    string,
    string,
    string,
    string,
    string,
    string,
    string,
    string,
  ];
  const type = TYPES.find((known) => known === typeText);
  if (type === undefined) {
    throw problem(line.origin, `bad transport type: ${typeText}: specify one of ${TYPES.join(", ")}`);
  }
  const flag = (field: string, text: string, whenDash: boolean): boolean => {
    if (text === "-") return whenDash;
    if (text !== "y" && text !== "n") {
      throw problem(line.origin, `field "${field}": bad value: "${text}": specify y, n or -`);
    }
    return text === "y";
  };
  const number = (field: string, text: string, pattern: RegExp): number => {
    if (!pattern.test(text) || parseInt(text, 10) >= 2 ** 31) {
      throw problem(line.origin, `field "${field}": bad value: "${text}": specify a number or -`);
    }
    return parseInt(text, 10);
  };
  if (type === "inet" && isPrivate !== "n") {
    throw problem(line.origin, "inet service cannot be private: put n in the third column");
  }
  if (type !== "inet" && (name.includes("/") || name === "." || name === "..")) {
    throw problem(line.origin, `bad service name: "${name}": it names a socket and can't contain "/"`);
  }
  const { options, overrides } = serviceOptions(line);
  return {
    name,
    type,
    private: flag("private", isPrivate, true),
    unprivileged: flag("unprivileged", unprivileged, true),
    chroot: flag("chroot", chroot, config.expand("${{$compatibility_level} <level {1}}") === "true"),
    wakeup: wakeup === "-" ? 0 : number("wakeup", wakeup, /^[0-9]+\??$/),
    wakeupIfUsed: wakeup.endsWith("?"),
    processLimit: limit === "-"
      ? config.int("default_process_limit")
      : number("process_limit", limit, /^[0-9]+$/),
    processLimitIsDefault: limit === "-",
    command,
    arguments: options,
    overrides,
    origin: line.origin,
  };
}

/** Takes `-o name=value` out of the arguments. The first word that is no option ends them, as in getopt(3). */
function serviceOptions(
  line: MasterLine,
): { options: string[]; overrides: (readonly [string, string])[] } {
  const words = line.words.map((word) => {
    const inner = unbrace(word);
    if (inner === undefined) return word;
    if (inner.problem !== undefined) throw problem(line.origin, inner.problem);
    return inner.text;
  });
  const options: string[] = [];
  const overrides: (readonly [string, string])[] = [];
  let at = 0;
  for (; at < words.length; at++) {
    const word = words[at]!;
    if (!word.startsWith("-") || word === "-" || word === "--") break;
    if (!word.startsWith("-o")) {
      options.push(word);
      continue;
    }
    let setting = word.slice(2);
    if (setting === "") {
      at += 1;
      if (at === words.length) {
        throw problem(line.origin, "option -o requires an argument: specify -o name=value");
      }
      setting = words[at]!;
    }
    const inner = unbrace(setting);
    if (inner?.problem !== undefined) throw problem(line.origin, inner.problem);
    const parts = splitNameValue(inner === undefined ? setting : inner.text);
    if (!parts.ok) throw problem(line.origin, `-o: ${parts.problem}: "${setting}"`);
    overrides.push([parts.name, parts.value]);
  }
  return { options: [...options, ...words.slice(at)], overrides };
}

/** Does `master_service_disable` name the service? Items are a type, `name/type` or `all`; `!` negates; first match wins. */
function isDisabled(entry: Pick<MasterEntry, "name" | "type">, patterns: readonly string[]): boolean {
  for (const item of patterns) {
    const negated = item.startsWith("!");
    const pattern = (negated ? item.slice(1) : item).toLowerCase();
    const hit = pattern === "all" || pattern === "static:all" || pattern === entry.type ||
      pattern === `${entry.name}/${entry.type}`.toLowerCase();
    if (hit) return !negated;
  }
  return false;
}
