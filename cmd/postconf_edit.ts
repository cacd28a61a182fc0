/** postconf -e, -# and -X: turns the operands into edits of main.cf or master.cf. */
import { checkNewField, editMain, editMaster, type MasterEdit } from "../core/config/edit/mod.ts";
import { splitNameValue } from "../core/config/mod.ts";
import { MASTER_FIELDS, type MasterField, parseMasterRow, splitPattern } from "../core/config/show/mod.ts";
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
  else {
    const requests = options.operands.map((operand) => parseRequest(operand, options));
    editMaster(directory, requests.map((request) => masterEdit(request, options, warn)), warn);
  }
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
    const { name, value } = nameAndValue(text);
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

/** A request for an edit of master.cf, taken apart. */
interface MasterRequest {
  readonly text: string;
  /** Service, type, and column or parameter. */
  readonly parts: readonly string[];
  readonly value: string;
}

/** What names a place in master.cf that is to be edited, and how many parts that has. */
const FORMS = {
  entries: { parts: 2, name: "-Me, -MX or -M#", pattern: "service_name/type" },
  fields: { parts: 3, name: "-Fe or -FX", pattern: "service_name/type/field_name" },
  settings: { parts: 3, name: "-Pe or -PX", pattern: "service_name/type/parameter" },
} as const;

/** Looks at the form alone: what stands in the entry is looked at when all requests are known to be well-formed. */
function parseRequest(operand: string, options: PostconfOptions): MasterRequest {
  const text = checkInput(operand, "-Me, -Fe, -Pe, -X, or -#", "accept");
  const editing = options.given.has("e");
  if (!editing && text.includes("=")) throw new PostconfFatal("-X or -# requires names without value");
  const { name, value } = editing ? nameAndValue(text) : { name: text.trim(), value: "" };
  const form = FORMS[options.mode as keyof typeof FORMS];
  const parts = splitPattern(name, form.parts, form.parts);
  if (parts === undefined) throw new PostconfFatal(`${form.name} requires ${form.pattern}`);
  const third = parts[2];
  if (options.mode === "fields") {
    if (third === "*") throw new PostconfFatal("-Fe does not accept wild-card field name");
    if (masterField(third) === undefined) {
      throw new PostconfFatal(`invalid service attribute name: "${third}"`);
    }
    if (third !== "command" && /[ \t\r]/.test(value)) {
      throw new PostconfFatal("-Fe does not accept whitespace in non-command field");
    }
  } else if (options.mode === "settings") {
    if (third === "*") throw new PostconfFatal("-Pe does not accept wild-card parameter name");
    if (/[ \t\r]/.test(value)) throw new PostconfFatal("-Pe does not accept whitespace in parameter value");
  }
  return { text, parts, value };
}

function masterField(name: string | undefined): MasterField | undefined {
  return MASTER_FIELDS.find((known) => known === name);
}

function masterEdit(request: MasterRequest, options: PostconfOptions, warn: Warn): MasterEdit {
  const { text, value } = request;
  const [service, type, third] = request.parts as [string, string, string];
  const base = { service, type, request: text };
  const editing = options.given.has("e");
  switch (options.mode) {
    case "entries": {
      if (!editing) return { ...base, kind: options.given.has("#") ? "comment" : "remove" };
      const row = parseMasterRow(value, warn);
      if (row === undefined) throw new PostconfFatal(`bad field count: "${text}"`);
      return { ...base, kind: "entry", row };
    }
    case "fields": {
      const field = masterField(third)!;
      checkNewField(field, value);
      return { ...base, kind: "field", field, value };
    }
    default:
      return editing
        ? { ...base, kind: "setting", name: third, value }
        : { ...base, kind: "remove-setting", name: third };
  }
}
