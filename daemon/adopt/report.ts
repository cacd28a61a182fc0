import {
  type Config,
  ConfigError,
  type MasterEntry,
  parameterTable,
  readMasterFile,
  serviceConfig,
} from "../../core/config/mod.ts";
import { tableTypes } from "../../core/table/mod.ts";
import { inspectInstallation } from "../admin/check/mod.ts";
import { roleOf } from "../master/mod.ts";
import { restrictionNames } from "../smtpd/mod.ts";
import data from "./knowledge.json" with { type: "json" };
import type { Note, Report, State } from "./types.ts";

interface Verdict {
  readonly state: State;
  readonly text: string;
  readonly remedy?: string;
}

interface ParameterRule extends Verdict {
  readonly name: RegExp;
  /** Applies only to values that match. */
  readonly only: RegExp | undefined;
  /** Does not apply to values that match. */
  readonly unless: RegExp | undefined;
}

interface RawRule {
  readonly name: string;
  readonly state: string;
  readonly text: string;
  readonly remedy?: string;
  readonly only?: string;
  readonly unless?: string;
}

/** The data file as rules. */
function compile(rules: readonly RawRule[]): ParameterRule[] {
  return rules.map(({ name, only, unless, state, text, remedy }) => ({
    name: new RegExp(name),
    only: only === undefined ? undefined : new RegExp(only),
    unless: unless === undefined ? undefined : new RegExp(unless),
    state: state as State,
    text,
    ...(remedy === undefined ? {} : { remedy }),
  }));
}

const parameterRules = compile(data.parameters);
const restrictionRules = compile(data.restrictions as readonly RawRule[]);
const programs = data.programs as Readonly<Record<string, Verdict | undefined>>;
const tables = data.tables as Readonly<Record<string, Verdict | undefined>>;
const chroot = data.services[0] as Verdict;

const RESTRICTION_LISTS =
  /^smtpd_(client|helo|sender|relay|recipient|data|end_of_data|etrn)_restrictions$|^local_header_rewrite_clients$/;
const TABLE = /(?:^|[\s,{=])(?:proxy:|debug:)*([a-z][a-z0-9_-]*):(?=[/{\w$])/g;
/** Words before a colon that are no table types. */
const NOT_TABLES = new Set([
  "inet",
  "unix",
  "fifo",
  "http",
  "https",
  "local",
  "smtp",
  "lmtp",
  "relay",
  "error",
  "retry",
]);
/** Parameters that list tables. */
const LISTS_TABLES =
  /_maps$|_map$|_database$|_checks$|_access$|_restrictions$|_networks$|_domains$|_clients$|_hosts$|^mydestination$|_filter$|_users$|_exceptions$/;

function ruleFor(rules: readonly ParameterRule[], name: string, value: string): Verdict | undefined {
  return rules.find((rule) =>
    rule.name.test(name) && (rule.only?.test(value) ?? true) && !(rule.unless?.test(value) ?? false)
  );
}

/** What becomes of a setting. */
function verdictOf(name: string, value: string): Verdict | undefined {
  const removed = parameterTable.findRemoved(name);
  if (removed === undefined) return ruleFor(parameterRules, name, value);
  const { removed: since, replacement } = removed;
  return {
    state: "no effect",
    text: `Postfix has not read it since ${since}`,
    remedy: replacement === undefined ? "take the line out" : `use ${replacement}`,
  };
}

function noteOf(
  kind: Note["kind"],
  name: string,
  verdict: Verdict,
  place: Pick<Note, "file" | "line">,
): Note {
  const { state, text, remedy } = verdict;
  return { kind, name, state, text, ...(remedy === undefined ? {} : { remedy }), ...place };
}

function placeOf(
  origin: { readonly file: string; readonly line?: number } | undefined,
): Pick<Note, "file" | "line"> {
  if (origin === undefined) return {};
  return { file: origin.file, ...(origin.line === undefined ? {} : { line: origin.line }) };
}

function serviceNotes(entry: MasterEntry): Note[] {
  const notes: Note[] = [];
  const name = `${entry.name}/${entry.type}`;
  const known = programs[entry.command];
  if (known !== undefined) {
    notes.push(
      noteOf("service", name, { ...known, text: `${entry.command}: ${known.text}` }, placeOf(entry.origin)),
    );
  } else if (roleOf(entry) === undefined) {
    notes.push(
      noteOf("service", name, {
        state: "missing",
        text: `program "${entry.command}" is not part of this mail system: the entry is ignored`,
      }, placeOf(entry.origin)),
    );
  }
  return notes;
}

/** What the settings of one configuration (main.cf, or a service's `-o`) amount to. */
function* settingNotes(config: Config, names: Iterable<string>, where: string | undefined): Generator<Note> {
  for (const name of names) {
    let value: string;
    try {
      value = config.string(name);
    } catch (error) {
      // The check of the installation says what is wrong with it.
      if (error instanceof ConfigError) continue;
      throw error;
    }
    if (value === "") continue;
    const place = where === undefined ? placeOf(config.origin(name)) : { file: where };
    const rule = verdictOf(name, value);
    if (rule !== undefined) yield noteOf("parameter", name, rule, place);
    for (const type of tableTypesIn(name, value)) {
      const known = tables[type];
      if (known !== undefined) yield noteOf("table", type, known, place);
      else if (!tableTypes().includes(type)) {
        yield noteOf(
          "table",
          type,
          { state: "missing", text: `${name}: there is no table type "${type}"` },
          place,
        );
      }
    }
    if (RESTRICTION_LISTS.test(name)) yield* restrictionNotes(value, place);
  }
}

function* restrictionNotes(value: string, place: Pick<Note, "file" | "line">): Generator<Note> {
  for (const word of value.split(/[\s,]+/)) {
    if (restrictionNames.includes(word.toLowerCase())) continue;
    const rule = ruleFor(restrictionRules, word, "");
    if (rule !== undefined) yield noteOf("restriction", word, rule, place);
  }
}

function tableTypesIn(parameter: string, value: string): string[] {
  if (!LISTS_TABLES.test(parameter)) return [];
  return [...new Set([...value.matchAll(TABLE)].map((match) => match[1]!))].filter((type) =>
    !NOT_TABLES.has(type)
  );
}

/** All table types that a configuration uses. */
function usedTypes(config: Config, entries: readonly MasterEntry[]): string[] {
  const used = new Set<string>();
  const add = (from: Config, names: Iterable<string>) => {
    for (const name of names) {
      try {
        for (const type of tableTypesIn(name, from.string(name))) used.add(type);
      } catch (error) {
        if (!(error instanceof ConfigError)) throw error;
      }
    }
  };
  add(config, config.names());
  for (const entry of entries) add(serviceConfig(config, entry), entry.overrides.map(([name]) => name));
  return [...used].sort();
}

function* allSettingNotes(config: Config, entries: readonly MasterEntry[]): Generator<Note> {
  yield* settingNotes(config, config.names(), undefined);
  for (const entry of entries) {
    if (entry.overrides.length === 0) continue;
    const where = `${entry.origin.file}: ${entry.name}/${entry.type}`;
    yield* settingNotes(serviceConfig(config, entry), entry.overrides.map(([name]) => name), where);
  }
}

/**
 * Parameters that are set and do nothing here, a sentence each with the place, for the log of a start. Throws
 * `ConfigError` if master.cf can't be read.
 */
export function settingsWithoutEffect(config: Config): string[] {
  const notes = withoutRepeats([...allSettingNotes(config, readMasterFile(config))]);
  return notes.filter(({ kind, state }) =>
    kind === "parameter" && (state === "no effect" || state === "missing")
  )
    .map(({ name, text, file, line }) => {
      const place = file === undefined ? "" : line === undefined ? `${file}: ` : `${file}, line ${line}: `;
      return `${place}${name} has no effect: ${text}`;
    });
}

/** The same note for several places is said once. */
function withoutRepeats(notes: readonly Note[]): Note[] {
  const seen = new Set<string>();
  return notes.filter(({ kind, name, text, file, line }) => {
    const key = [kind, name, text, file, line].join("\0");
    if (seen.has(key)) return false;
    seen.add(key);
    return true;
  });
}

/**
 * What of an existing configuration works here. Nothing is changed. Throws `ConfigError` if main.cf or master.cf can't be
 * read at all.
 */
export async function compatibilityReport(config: Config): Promise<Report> {
  const entries = readMasterFile(config);
  const notes: Note[] = [...entries.flatMap(serviceNotes)];
  const confined = entries.filter((entry) => entry.chroot);
  if (confined.length > 0) {
    notes.push(
      noteOf("service", `${confined.length} services with chroot = y`, chroot, placeOf(confined[0]!.origin)),
    );
  }
  notes.push(...allSettingNotes(config, entries));
  for (const { severity, text } of await inspectInstallation(config)) {
    // A port that real Postfix holds is free once that is stopped; missing programs were named above.
    if (/cannot listen on .*in use/.test(text) || /is not part of this mail system/.test(text)) continue;
    const state = severity === "fatal" ? "broken" : "differs";
    if (state === "broken") notes.push({ kind: "configuration", name: "check", state, text });
  }
  const relevant = withoutRepeats(notes).filter(({ state }) => state !== "works");
  const states = new Set(relevant.map(({ state }) => state));
  return {
    directory: config.directory,
    verdict: states.has("broken") ? "blocked" : states.has("missing") ? "with losses" : "ready",
    services: entries.length,
    parameters: config.names().length,
    tables: usedTypes(config, entries),
    notes: relevant,
  };
}

const HEADINGS: readonly (readonly [State, string])[] = [
  ["broken", "Must be mended first"],
  ["missing", "Not there"],
  ["differs", "Works in another way"],
  ["no effect", "Accepted, without effect"],
];

const VERDICTS: Readonly<Record<Report["verdict"], string>> = {
  ready: "This configuration works here.",
  "with losses": 'This configuration runs here, without what is listed under "Not there".',
  blocked: "This mail system would not start with this configuration.",
};

/** The report for people. */
export function formatReport(report: Report): string {
  const lines = [
    `${report.directory}: ${report.services} services, ${report.parameters} parameters set, ` +
    `tables: ${report.tables.join(", ") || "none"}`,
    VERDICTS[report.verdict],
  ];
  for (const [state, heading] of HEADINGS) {
    const notes = report.notes.filter((note) => note.state === state);
    if (notes.length === 0) continue;
    lines.push("", heading);
    for (const { name, text, remedy, file, line, kind } of notes) {
      lines.push(kind === "configuration" ? `  ${text}` : `  ${name}: ${text}`);
      if (remedy !== undefined) lines.push(`      do: ${remedy}`);
      if (file !== undefined) lines.push(`      ${file}${line === undefined ? "" : `:${line}`}`);
    }
  }
  return lines.join("\n") + "\n";
}
