/** Editing master.cf in place (postconf -M, -F and -P with -e, -# and -X). */
import { isSpace, logicalLines } from "../logical_lines.ts";
import { MASTER_FIELDS, splitWords } from "../master_file.ts";
import {
  checkField,
  type MasterField,
  type MasterRow,
  matchesPattern,
  normalizeArguments,
  parseMasterRow,
  printMasterRow,
  type Warn,
} from "../show/master_table.ts";
import type { CommandArgument } from "../show/printing.ts";
import { ConfigError } from "../types.ts";
import { endLastLine, isCommentOrBlank, physicalLines } from "./edit_main.ts";
import { rewriteFile } from "./rewrite_file.ts";

type RowText = Pick<MasterRow, "fields" | "args">;

/** One change. `service` and `type` may be `*`. */
export type MasterEdit =
  & { readonly service: string; readonly type: string; /** As the user wrote it. */ readonly request: string }
  & (
    | { readonly kind: "entry"; readonly row: RowText }
    | { readonly kind: "comment" }
    | { readonly kind: "remove" }
    | { readonly kind: "field"; readonly field: MasterField; readonly value: string }
    | { readonly kind: "setting"; readonly name: string; readonly value: string }
    | { readonly kind: "remove-setting"; readonly name: string }
  );

/** Edits DIRECTORY/master.cf under Postfix's lock. Throws `ConfigError`; the file is then as it was. */
export function editMaster(directory: string, edits: readonly MasterEdit[], warn: Warn): void {
  const path = `${directory}/master.cf`;
  rewriteFile(path, (text) => editMasterText(text, edits, path, warn));
}

/**
 * The same on text. A changed entry is printed anew in its place; all other lines stay as they are, whatever is wrong
 * with them: so a file that is broken can be mended.
 */
export function editMasterText(text: string, edits: readonly MasterEdit[], path: string, warn: Warn): string {
  const rows = new Map(rowsOf(text, path, warn).map((row) => [row.line, row]));
  const matched = new Set<MasterEdit>();
  const result: string[] = [];
  let fate: "keep" | "drop" | "comment" = "keep";
  physicalLines(text).forEach((line, index) => {
    if (isCommentOrBlank(line)) {
      result.push(line);
      return;
    }
    const row = rows.get(index + 1);
    if (row !== undefined) {
      const outcome = applyEdits(row, edits, matched);
      fate = typeof outcome === "string" ? outcome : "drop";
      if (typeof outcome !== "string") result.push(`${printMasterRow(outcome, true)}\n`);
    } else if (!isSpace(line.charCodeAt(0))) {
      fate = "keep";
    }
    if (fate === "keep") result.push(line);
    else if (fate === "comment") result.push(`#${line}`);
  });
  for (const edit of edits) {
    if (matched.has(edit)) continue;
    if (edit.kind === "entry") {
      endLastLine(result);
      result.push(`${printMasterRow(edit.row, true)}\n`);
    } else if (edit.kind === "field" || edit.kind === "setting" || edit.kind === "remove-setting") {
      warn(`unmatched service_name/type: "${edit.request}"`);
    }
  }
  return result.join("");
}

/** An entry of the file. */
interface FileRow {
  /** Number of its first line. */
  readonly line: number;
  readonly service: string;
  readonly type: string;
  /** Its columns and arguments, checked. Throws `ConfigError`. */
  parse(): RowText;
}

function rowsOf(text: string, path: string, warn: Warn): FileRow[] {
  return logicalLines(text).map(({ line, text }) => {
    const problem = (what: string) =>
      new ConfigError(`file ${path}: line ${line}: ${what}`, { file: path, line });
    const [service, type] = splitWords(text);
    if (service === undefined || type === undefined) {
      throw problem("specify service name and type on the same line");
    }
    return {
      line,
      service,
      type,
      parse() {
        const row = parseMasterRow(text, warn);
        if (row === undefined) throw problem("bad field count");
        return row;
      },
    };
  });
}

/** What becomes of an entry: a new one, or the fate of its lines. */
function applyEdits(
  row: FileRow,
  edits: readonly MasterEdit[],
  matched: Set<MasterEdit>,
): RowText | "keep" | "drop" | "comment" {
  let outcome: RowText | "keep" | "drop" | "comment" = "keep";
  for (const edit of edits) {
    if (!concerns(edit, row)) continue;
    // A new entry takes the place of the first that it replaces, and leaves no second one of its name.
    if (edit.kind === "entry") outcome = matched.has(edit) ? "drop" : edit.row;
    else if (edit.kind === "comment") outcome = "comment";
    else if (edit.kind === "remove") outcome = "drop";
    else outcome = changed(typeof outcome === "string" ? row.parse() : outcome, edit);
    matched.add(edit);
  }
  return outcome;
}

/** Patterns are matched with the entry as it stands in the file, whatever earlier edits made of it. */
function concerns(edit: MasterEdit, { service, type }: FileRow): boolean {
  if (matchesPattern([service, type], [edit.service, edit.type])) return true;
  return edit.kind === "entry" && edit.row.fields[0] === service && edit.row.fields[1] === type;
}

function changed(row: RowText, edit: MasterEdit): RowText {
  switch (edit.kind) {
    case "field":
      return withField(row, edit.field, edit.value);
    case "setting":
      return { fields: row.fields, args: withSetting(row.args, edit.name, `${edit.name}=${edit.value}`) };
    case "remove-setting":
      return { fields: row.fields, args: row.args.filter((argument) => !isSettingOf(argument, edit.name)) };
    default:
      return row;
  }
}

function withField(row: RowText, field: MasterField, value: string): RowText {
  if (field !== "command") {
    const fields = row.fields.map((old, index) => MASTER_FIELDS[index] === field ? value : old);
    return { fields, args: row.args };
  }
  const [command, ...words] = splitWords(value);
  return { fields: [...row.fields.slice(0, 7), command!], args: normalizeArguments(words, () => {}) };
}

/** Throws `ConfigError` for a value that the column can't have. */
export function checkNewField(field: MasterField, value: string): void {
  if (value === "" || (field !== "command" && /\s/.test(value))) {
    throw new ConfigError(`invalid ${field} field "${value}" in "${value}"`);
  }
  checkField(field, value, value);
}

function isSettingOf(argument: CommandArgument, name: string): boolean {
  return argument.kind === "setting" && argument.text.split("=", 1)[0]!.trim() === name;
}

/** A new setting goes behind the last option, before the operands. */
function withSetting(args: readonly CommandArgument[], name: string, text: string): CommandArgument[] {
  if (args.some((argument) => isSettingOf(argument, name))) {
    return args.map((argument) => isSettingOf(argument, name) ? { kind: "setting", text } : argument);
  }
  const at = args.findIndex((argument) => argument.kind === "operand");
  const place = at < 0 ? args.length : at;
  return [...args.slice(0, place), { kind: "setting", text }, ...args.slice(place)];
}
