/** master.cf as the configuration tools show and edit it: checked fields, arguments in one normal form. */
import { splitNameValue } from "../logical_lines.ts";
import { MASTER_FIELDS, parseMasterLines, splitWords } from "../master_file.ts";
import { ConfigError, type Origin } from "../types.ts";
import { unbrace } from "../values.ts";
import { type CommandArgument, printArguments, printMasterFields } from "./printing.ts";

/** The name of a column. */
export type MasterField = typeof MASTER_FIELDS[number];

/** An entry of master.cf, cut into its columns. */
export interface MasterRow {
  /** The eight columns; the last is the command's name. */
  readonly fields: readonly string[];
  readonly args: readonly CommandArgument[];
  /** `-o name=value`, the last of each name. */
  readonly settings: ReadonlyMap<string, string>;
  readonly origin: Origin & { readonly line: number };
  readonly lastLine: number;
}

export type Warn = (text: string) => void;

/** Reads all entries. Throws `ConfigError` in postconf's words. */
export function parseMasterTable(text: string, file: string, warn: Warn): MasterRow[] {
  const lines = parseMasterLines(text, file, {
    warn,
    missing: (_, origin) => new ConfigError(`file ${file}: line ${origin.line}: bad field count`, origin),
  });
  return lines.map((line) => {
    checkFields(line.fields, line.text);
    const args = normalizeArguments(line.words, warn);
    return {
      fields: line.fields,
      args,
      settings: settingsOf(args),
      origin: line.origin,
      lastLine: line.lastLine,
    };
  });
}

/** An entry from one line of text, as given on a command line. */
export function parseMasterRow(text: string, warn: Warn): Pick<MasterRow, "fields" | "args"> | undefined {
  const words = splitWords(text);
  if (words.length < MASTER_FIELDS.length) return undefined;
  const fields = words.slice(0, MASTER_FIELDS.length);
  checkFields(fields, text);
  return { fields, args: normalizeArguments(words.slice(MASTER_FIELDS.length), warn) };
}

/** The settings among arguments. */
function settingsOf(args: readonly CommandArgument[]): Map<string, string> {
  const settings = new Map<string, string>();
  for (const argument of args) {
    if (argument.kind !== "setting") continue;
    const parts = splitNameValue(argument.text);
    if (parts.ok) settings.set(parts.name, parts.value);
  }
  return settings;
}

const FORMS: Readonly<Record<string, RegExp>> = {
  type: /^(inet|unix|unix-dgram|fifo|pass)$/,
  private: /^[yn-]$/,
  unprivileged: /^[yn-]$/,
  chroot: /^[yn-]$/,
  wakeup: /^(-|[0-9]+\??)$/,
  process_limit: /^(-|[0-9]+)$/,
};

/** Throws `ConfigError` for a column that can't have its value. `context` is shown in the message. */
function checkFields(fields: readonly string[], context: string): void {
  MASTER_FIELDS.forEach((name, index) => checkField(name, fields[index] ?? "", context));
}

/** The same for one column. */
export function checkField(name: MasterField, value: string, context: string): void {
  const form = FORMS[name];
  if (form !== undefined && !form.test(value)) {
    throw new ConfigError(`invalid ${name} field "${value}" in "${context}"`);
  }
}

/**
 * Brings arguments into one form: braces off, `-oname=value` as `-o` and operand, `{ name = value }` as `name=value`.
 * The first word that is no option ends the options.
 */
export function normalizeArguments(words: readonly string[], warn: Warn): CommandArgument[] {
  const bare = words.map((word) => bareWord(word, warn));
  const args: CommandArgument[] = [];
  let at = 0;
  for (; at < bare.length; at++) {
    const word = bare[at]!;
    if (!word.startsWith("-") || word === "--") break;
    const place = word === "-" || word.startsWith("-o") ? 1 : word.indexOf("o");
    const isSetting = word.startsWith("-o") || (place > 1 && place === word.length - 1);
    if (!isSetting) {
      args.push({ kind: "option", text: word });
      continue;
    }
    if (place > 1) args.push({ kind: "option", text: word.slice(0, place) });
    const inline = word.slice(place + 1);
    if (inline === "" && at + 1 === bare.length) {
      args.push({ kind: "option", text: "-o" });
    } else {
      if (inline === "") at += 1;
      args.push({
        kind: "setting",
        text: normalizeSetting(
          inline === "" ? bare[at]! : bareWord(inline, warn),
          inline === "" ? words[at]! : inline,
          warn,
        ),
      });
    }
  }
  for (; at < bare.length; at++) args.push({ kind: "operand", text: bare[at]! });
  return args;
}

function bareWord(word: string, warn: Warn): string {
  const inner = unbrace(word);
  if (inner?.problem !== undefined) warn(`master.cf: ${inner.problem}`);
  return inner === undefined ? word : inner.text;
}

/** `{ name = value }` becomes `name=value`; what was not in braces stays as it is. */
function normalizeSetting(text: string, source: string, warn: Warn): string {
  if (!source.startsWith("{")) return text;
  const parts = splitNameValue(text);
  if (!parts.ok) {
    warn(`master.cf: ${parts.problem}: "${text}"`);
    return text;
  }
  return `${parts.name}=${parts.value}`;
}

/** The entry as a line of master.cf. */
export function printMasterRow(row: Pick<MasterRow, "fields" | "args">, fold: boolean): string {
  return printArguments(printMasterFields(row.fields), row.args, fold);
}

/** What `postconf -M`, `-F` and `-P` take as argument: `service/type/field`, each part a name or `*`. */
export function matchesPattern(parts: readonly string[], pattern: readonly string[]): boolean {
  return parts.every((part, index) =>
    pattern[index] === undefined || pattern[index] === "*" || pattern[index] === part
  );
}

/**
 * Cuts a pattern at its slashes; empty parts are dropped. `undefined` if it has fewer or more parts than it may, begins
 * with a slash, or has a `*` that is not all of its part.
 */
export function splitPattern(text: string, least: number, most: number): string[] | undefined {
  const parts = text.split("/").filter((part) => part !== "");
  if (text.startsWith("/") || parts.length < least || parts.length > most) return undefined;
  return parts.some((part) => part !== "*" && part.includes("*")) ? undefined : parts;
}
