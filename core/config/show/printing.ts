/** How the configuration tools print: one line a value, folded lines, or JSON (postconf(1)). */
import { isSpace } from "../logical_lines.ts";

/** Longest folded line. */
const LINE_LIMIT = 80;
const INDENT = "    ";

export interface PrintOptions {
  /** `-f` */
  readonly fold?: boolean;
  /** `-j` */
  readonly json?: boolean;
  /** `-h` */
  readonly hideName?: boolean;
  /** `-H` */
  readonly hideValue?: boolean;
}

/** `name = value`, with white space runs as one blank; JSON keeps the value as it is. Without line end. */
export function printSetting(name: string, value: string, options: PrintOptions): string {
  if (options.json) return printJson(name, value);
  if (options.hideValue) return name;
  const words = value.split(/[ \t\r\n]+/).filter((word) => word !== "");
  const label = options.hideName ? "" : `${name} =`;
  if (!options.fold) return [...(label === "" ? [] : [label]), ...words].join(" ");
  return foldWords(label, words);
}

function foldWords(label: string, words: readonly string[]): string {
  let text = label;
  let length = label.length;
  words.forEach((word, index) => {
    if (index === 0 && label === "") {
      text = word;
      length = word.length;
    } else if (length + 1 + word.length <= LINE_LIMIT) {
      text += ` ${word}`;
      length += 1 + word.length;
    } else {
      text += `\n${INDENT}${word}`;
      length = INDENT.length + word.length;
    }
  });
  return text;
}

/** `{"name": "value"}`: one object a line, as Postfix 3.11 prints. */
export function printJson(name: string, value: string): string {
  return `{${jsonString(name)}: ${jsonString(value)}}`;
}

/** Octets that are not UTF-8 pass through as they are, so JSON.stringify (which escapes lone surrogates) can't do it. */
function jsonString(text: string): string {
  // deno-lint-ignore no-control-regex -- JSON forbids control characters
  const escaped = text.replace(/["\\\x00-\x1f\x7f]/g, (character) => {
    switch (character) {
      case '"':
        return '\\"';
      case "\\":
        return "\\\\";
      case "\b":
        return "\\b";
      case "\f":
        return "\\f";
      case "\n":
        return "\\n";
      case "\r":
        return "\\r";
      case "\t":
        return "\\t";
      default:
        return `\\u${character.charCodeAt(0).toString(16).toUpperCase().padStart(4, "0")}`;
    }
  });
  return `"${escaped}"`;
}

/** One argument of a master.cf command. */
export interface CommandArgument {
  /** `setting` is the operand of `-o`; `option` any other option; `operand` what follows the options. */
  readonly kind: "setting" | "option" | "operand";
  readonly text: string;
}

/** Columns at which the fields of a master.cf entry start. */
const FIELD_STARTS = [0, 11, 17, 25, 33, 41, 49, 57];

/** Seven fields in their columns and the command. */
export function printMasterFields(fields: readonly string[]): string {
  let text = "";
  fields.forEach((field, index) => {
    if (index > 0) text = `${text} `.padEnd(FIELD_STARTS[index]!);
    text += field;
  });
  return text;
}

/**
 * Adds the arguments to what is printed before them: `-o` settings each on a line of its own if folded. As in Postfix,
 * a word that follows at most four columns and is no setting gets no blank before it: `postconf -Fh` prints `pipeflags=R`.
 */
export function printArguments(before: string, args: readonly CommandArgument[], fold: boolean): string {
  let text = before;
  let length = before.length - (before.lastIndexOf("\n") + 1);
  let afterSetting = false;
  for (const argument of args) {
    const word = inBraces(argument.text);
    const printed = argument.kind === "setting" ? `-o ${word}` : word;
    const apart = argument.kind === "setting" || afterSetting || length > INDENT.length;
    const newLine = apart && fold &&
      (argument.kind === "setting" || afterSetting || length + 1 + printed.length >= LINE_LIMIT);
    const space = newLine ? `\n${INDENT}` : apart ? " " : "";
    text += space + printed;
    length = (newLine ? INDENT.length : length + space.length) + printed.length;
    afterSetting = argument.kind === "setting";
  }
  return text;
}

/** Words with white space go into braces, unless they start with one. */
function inBraces(word: string): string {
  for (let at = 0; at < word.length; at++) {
    if (isSpace(word.charCodeAt(at))) return word.startsWith("{") ? word : `{${word}}`;
  }
  return word;
}

/** `service/type/command = smtpd -v`: the label and the first word may stand on different lines. */
export function printCommand(
  label: string,
  command: string,
  args: readonly CommandArgument[],
  options: PrintOptions,
): string {
  const start = `${label} = `;
  if (options.json) return printJson(label, printArguments(start + command, args, false).slice(start.length));
  if (options.hideValue) return label;
  const fold = options.fold === true;
  if (options.hideName) return printArguments(command, args, fold);
  const tooLong = fold && start.length + command.length > LINE_LIMIT;
  return printArguments(tooLong ? `${start}\n${INDENT}${command}` : `${start}${command}`, args, fold);
}
