/** postconf -e, -# and -X: turns the operands into edits of main.cf or master.cf. */
import { checkNewField, editMain, editMaster, type MasterEdit } from "../core/config/edit/mod.ts";
import { splitNameValue } from "../core/config/mod.ts";
import { MASTER_FIELDS, type MasterField, parseMasterRow } from "../core/config/show/mod.ts";
import { PostconfFatal } from "./postconf_message.ts";
import type { PostconfOptions } from "./postconf_options.ts";

type Warn = (text: string) => void;

/** Makes the edits in one rewrite of the file. */
export function editConfiguration(directory: string, options: PostconfOptions, warn: Warn): void {
  if (options.operands.length === 0) {
    throw new PostconfFatal(
      options.given.has("e") ? "-e requires name=value argument" : "missing service argument",
    );
  }
  if (options.mode === "main") editParameters(directory, options, warn);
  else editMaster(directory, options.operands.map((operand) => masterEdit(operand, options, warn)), warn);
}

/** Refuses text that would not stay one line, or would be a comment. */
function checkInput(text: string, options: string, verb: string): string {
  const trimmed = text.replace(/^[ \t\r\n\v\f]+/, "");
  if (text.includes("\n")) throw new PostconfFatal(`${options} ${verb} no multi-line input`);
  if (trimmed.startsWith("#")) throw new PostconfFatal(`${options} ${verb} no comment input`);
  return trimmed;
}

function editParameters(directory: string, options: PostconfOptions, warn: Warn): void {
  const set = new Map<string, string>();
  const names = new Set<string>();
  for (const operand of options.operands) {
    const text = checkInput(operand, "-e, -X, or -#", "accepts");
    if (!options.given.has("e")) {
      const name = text.trimEnd();
      if (name === "") throw new PostconfFatal("-X or -# requires non-blank parameter names");
      if (name.includes("=")) throw new PostconfFatal("-X or -# requires parameter names without value");
      names.add(name);
      continue;
    }
    const { name, value } = nameAndValue(operand);
    const earlier = set.get(name);
    if (earlier !== undefined) warn(`ignoring earlier request: '${name} = ${earlier}'`);
    set.set(name, value);
  }
  const edits = options.given.has("e")
    ? { set }
    : options.given.has("#")
    ? { comment: names }
    : { remove: names };
  editMain(directory, edits, warn);
}

function nameAndValue(operand: string): { name: string; value: string } {
  const parts = splitNameValue(operand);
  if (!parts.ok) throw new PostconfFatal(`${parts.problem}: "${operand}"`);
  return parts;
}

function masterEdit(operand: string, options: PostconfOptions, warn: Warn): MasterEdit {
  checkInput(operand, "-Me, -Fe, -Pe, -X, or -#", "accept");
  const editing = options.given.has("e");
  const { name, value } = editing ? nameAndValue(operand) : { name: operand.trim(), value: "" };
  const parts = name.split("/").filter((part) => part !== "");
  const [service, type, third] = parts;
  const base = { service: service!, type: type!, request: operand };
  switch (options.mode) {
    case "entries": {
      if (parts.length !== 2) throw new PostconfFatal("-Me, -MX or -M# requires service_name/type");
      if (!editing) return { ...base, kind: options.given.has("#") ? "comment" : "remove" };
      const row = parseMasterRow(value, warn);
      if (row === undefined) throw new PostconfFatal(`bad field count: "${operand}"`);
      return { ...base, kind: "entry", row };
    }
    case "fields": {
      if (parts.length !== 3) throw new PostconfFatal("-Fe or -FX requires service_name/type/field_name");
      const field = MASTER_FIELDS.find((known): known is MasterField => known === third);
      if (field === undefined) throw new PostconfFatal(`invalid service attribute name: "${third}"`);
      checkNewField(field, value);
      return { ...base, kind: "field", field, value };
    }
    default: {
      if (parts.length !== 3) throw new PostconfFatal("-Pe or -PX requires service_name/type/parameter");
      if (!editing) return { ...base, kind: "remove-setting", name: third! };
      if (/[ \t\r]/.test(value)) throw new PostconfFatal("-Pe does not accept whitespace in parameter value");
      return { ...base, kind: "setting", name: third!, value };
    }
  }
}
