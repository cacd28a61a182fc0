import { domainToUnicode } from "node:url";
import { type Config, expandMacros, MacroError } from "../config/mod.ts";
import { BUILTIN_TEMPLATES } from "./builtin_templates.ts";

/** What a notice is about. */
export type TemplateName = "failure" | "delay" | "success" | "verify";

const TEMPLATE_NAMES: readonly TemplateName[] = ["failure", "delay", "success", "verify"];

/** The words of one kind of notice. */
export interface Template {
  readonly charset: string;
  readonly from: string;
  readonly subject: string;
  /** Subject of the postmaster's copy; failure and delay notices have one. */
  readonly postmasterSubject: string;
  /** Lines of text with `$name` unexpanded. */
  readonly text: readonly string[];
  /** Where it stands, for messages. */
  readonly origin: string;
  readonly name: TemplateName;
}

export type Templates = Readonly<Record<TemplateName, Template>>;

/** What is wrong with a template file is told here; the template in question is not used. */
export type TemplateWarning = (text: string) => void;

interface Block {
  readonly name: string;
  readonly lines: readonly string[];
}

const LABELS: Readonly<Record<string, "charset" | "from" | "subject" | "postmasterSubject">> = {
  "charset": "charset",
  "from": "from",
  "subject": "subject",
  "postmaster-subject": "postmasterSubject",
};

/**
 * Reads the text of a `bounce_template_file` (bounce(5)). Templates and headers that it does not have are the
 * built-in ones; a template that is wrong is left out with a warning.
 * @param origin the file's name, for warnings
 */
export function parseTemplates(
  text: string,
  origin: string,
  warn: TemplateWarning,
  base: Templates,
): Templates {
  const templates: Record<TemplateName, Template> = { ...base };
  for (const block of readBlocks(text, origin, warn)) {
    const name = block.name.replace(/_template$/, "") as TemplateName;
    const template = readTemplate(name, block.lines, origin, warn, base[name]);
    if (template !== undefined) templates[name] = template;
  }
  return templates;
}

function readBlocks(text: string, origin: string, warn: TemplateWarning): Block[] {
  const blocks: Block[] = [];
  const lines = text.split("\n");
  if (lines.at(-1) === "") lines.pop();
  let at = 0;
  while (at < lines.length) {
    const line = lines[at++]!;
    const place = `${origin}, line ${at}`;
    if (line.startsWith("#") || line.trim() === "") continue;
    const start = /^([^\s=]+)\s*=\s*<<\s*(\S+)\s*$/.exec(line);
    if (start === null) {
      warn(`${place}: expected "template_name = <<EOF", found "${line}" -- ignoring this line`);
      continue;
    }
    const [, name, marker] = start as unknown as [string, string, string];
    const end = lines.indexOf(marker, at);
    const content = lines.slice(at, end === -1 ? undefined : end);
    at = end === -1 ? lines.length : end + 1;
    if (end === -1) warn(`${place}: missing "${marker}" end marker`);
    if (!TEMPLATE_NAMES.some((known) => name === `${known}_template`)) {
      warn(`${place}: unknown template name: ${name} -- ignoring this template`);
      continue;
    }
    blocks.push({ name, lines: content });
  }
  return blocks;
}

function readTemplate(
  name: TemplateName,
  lines: readonly string[],
  origin: string,
  warn: TemplateWarning,
  base: Template,
): Template | undefined {
  const headers: Partial<Record<(typeof LABELS)[string], string>> = {};
  const refuse = (problem: string) => {
    warn(`${origin}: ${problem} in ${name} template -- ignoring this template`);
    return undefined;
  };
  let at = 0;
  for (; at < lines.length; at++) {
    const line = lines[at]!;
    const header = /^([!-9;-~]+)[ \t]*:[ \t]*(.*?)[ \t]*$/s.exec(line);
    if (header === null) {
      if (line === "") at++;
      break;
    }
    const [, label, value] = header as unknown as [string, string, string];
    const field = LABELS[label.toLowerCase()];
    if (field === undefined) return refuse(`unknown "${label}" header label`);
    if (value === "") return refuse(`empty "${label}" header value`);
    // deno-lint-ignore no-control-regex -- the ASCII range
    if (/[^\x01-\x7f]/.test(value)) return refuse(`non-ASCII "${label}" header value`);
    headers[field] = value;
  }
  const text = lines.slice(at);
  const charset = headers.charset ?? "us-ascii";
  // deno-lint-ignore no-control-regex -- the ASCII range
  if (charset.toLowerCase() === "us-ascii" && text.some((line) => /[^\x00-\x7f]/.test(line))) {
    return refuse('8-bit message text with "us-ascii" charset');
  }
  return {
    name,
    origin,
    charset,
    from: headers.from ?? base.from,
    subject: headers.subject ?? base.subject,
    postmasterSubject: headers.postmasterSubject ?? base.postmasterSubject,
    text,
  };
}

/** The built-in templates; the form of `From:` is what `header_from_format` says. */
export function builtinTemplates(config: Config): Templates {
  const standard = config.string("header_from_format") === "standard";
  const empty = (name: TemplateName): Template => ({
    name,
    origin: "[built-in]",
    charset: "us-ascii",
    from: "MAILER-DAEMON",
    subject: "",
    postmasterSubject: "",
    text: [],
  });
  const base: Templates = {
    failure: empty("failure"),
    delay: empty("delay"),
    success: empty("success"),
    verify: empty("verify"),
  };
  const text = standard ? BUILTIN_TEMPLATES : BUILTIN_TEMPLATES.replaceAll(
    "Mail Delivery System <MAILER-DAEMON>",
    "MAILER-DAEMON (Mail Delivery System)",
  );
  return parseTemplates(text, "[built-in]", () => {}, base);
}

/** Seconds in the units that `$delay_warning_time_hours` and its like name. */
const UNITS: Readonly<Record<string, number>> = {
  seconds: 1,
  minutes: 60,
  hours: 3600,
  days: 86400,
  weeks: 604800,
};

/** A number of this size should be told in a larger unit. */
const UNREADABLE = 1000;

const TIME_NAME = /^(delay_warning_time|maximal_queue_lifetime)_(.*)$/;

/**
 * The text with `$name` and its other forms replaced by main.cf values. Time values take a unit as suffix
 * (`$delay_warning_time_hours`); host names are shown in Unicode if `smtputf8_enable` says so.
 */
export function expandTemplate(template: Template, config: Config, warn: TemplateWarning): string[] {
  const { origin, name: kind } = template;
  const timeValue = (name: string, parameter: string, unit: string): string => {
    const divisor = UNITS[unit];
    if (divisor === undefined) {
      warn(`${origin}: unrecognized suffix "${unit}" in ${kind} template parameter "${name}"`);
      return "";
    }
    const seconds = config.seconds(parameter);
    const value = Math.floor(seconds / divisor);
    const doubt = seconds > 0 && value === 0
      ? ["zero result", "reduce"]
      : value >= UNREADABLE
      ? [`excessive result "${value}"`, "increase"]
      : undefined;
    if (doubt !== undefined) {
      warn(`${origin}: ${doubt[0]} in ${kind} template conversion of parameter "${name}"`);
      warn(`please ${doubt[1]} time unit "${unit}" of "${name}" in ${kind} template`);
      warn("for instructions see the bounce(5) manual");
    }
    return String(value);
  };
  const lookup = (name: string): string | undefined => {
    const time = TIME_NAME.exec(name);
    if (time !== null) return timeValue(name, time[1]!, time[2]!);
    if ((name === "myhostname" || name === "mydomain") && config.bool("smtputf8_enable")) {
      return domainToUnicode(config.string(name)) || config.string(name);
    }
    return config.raw(name);
  };
  return template.text.map((line) => {
    try {
      return expandMacros(
        line,
        lookup,
        () => warn(`${origin}: undefined $name in ${kind} template: ${line}`),
      );
    } catch (error) {
      if (!(error instanceof MacroError)) throw error;
      warn(`${origin}: ${error.message} in ${kind} template`);
      return line;
    }
  });
}

/** All templates as `postconf -t` prints them. */
export function formatTemplates(templates: Templates): string {
  return TEMPLATE_NAMES.map((name) => {
    const { charset, from, subject, postmasterSubject, text } = templates[name];
    return [
      `${name}_template = <<EOF`,
      `Charset: ${charset}`,
      `From: ${from}`,
      `Subject: ${subject}`,
      ...(postmasterSubject === "" ? [] : [`Postmaster-Subject: ${postmasterSubject}`]),
      "",
      ...text,
      "EOF",
      "",
    ].join("\n");
  }).join("\n");
}

/** Their texts, expanded, as `postconf -b` prints them. */
export function formatExpandedTemplates(templates: Templates, config: Config, warn: TemplateWarning): string {
  return TEMPLATE_NAMES.map((name) =>
    [`expanded_${name}_text = <<EOF`, ...expandTemplate(templates[name], config, warn), "EOF", ""].join("\n")
  ).join("\n");
}
