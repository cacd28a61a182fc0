/**
 * Which names mean something in a configuration: Postfix's own, those that a service of master.cf brings with it, and
 * those that somebody refers to (user-defined parameters, restriction classes, prefixes of tables).
 */
import { expandMacros } from "../macro.ts";
import { MacroError, scanMacros } from "../macro_syntax.ts";
import { parameterTable } from "../parameter_table.ts";
import { splitList } from "../values.ts";
import { scanClients } from "./database_clients.ts";
import type { MasterRow, Warn } from "./master_table.ts";

const CLASSES = "smtpd_restriction_classes";

/** What the names are looked for in. */
export interface NamesSource {
  /** Configuration directory as it is shown. */
  readonly directory: string;
  /** `name`, unexpanded value. */
  readonly main: ReadonlyMap<string, string>;
  /** Names that main.cf tries to set though they can't be, with the value. */
  readonly readOnly: ReadonlyMap<string, string>;
  readonly rows: readonly MasterRow[];
}

/** The names that a configuration may use besides the parameters of the table. */
export interface Names {
  /** Names that services bring: name and default. */
  readonly services: ReadonlyMap<string, string>;
  /** User-defined names that are set in main.cf. */
  readonly user: ReadonlySet<string>;
  /** The same for each entry of master.cf, in order. */
  readonly entries: readonly ReadonlySet<string>[];
}

/** Names that services of master.cf bring with them. */
export function serviceNames(rows: readonly MasterRow[]): Map<string, string> {
  const names = new Map<string, string>();
  for (const row of rows) {
    const program = row.fields[7]!.replace(/^.*\//, "");
    for (const entry of parameterTable.derived) {
      if (!entry.services_of.includes(program)) continue;
      const name = row.fields[0]! + entry.suffix;
      names.set(name, parameterTable.find(name)?.default ?? entry.default);
    }
  }
  return names;
}

/** Finds all names; warns of references to names that nobody sets and of attempts to set what can't be set. */
export function findNames(source: NamesSource, warn: Warn): Names {
  return new NameFinder(source, warn).find();
}

class NameFinder {
  readonly #services: Map<string, string>;
  readonly #user = new Set<string>();
  readonly #entries: Set<string>[];

  constructor(private readonly source: NamesSource, private readonly warn: Warn) {
    this.#services = serviceNames(source.rows);
    this.#entries = source.rows.map(() => new Set<string>());
  }

  find(): Names {
    this.source.rows.forEach((row, index) => this.#scanEntry(row, index));
    this.#scanMain();
    this.#scanDefaults();
    return { services: this.#services, user: this.#user, entries: this.#entries };
  }

  #isKnown(name: string): boolean {
    return parameterTable.find(name) !== undefined || this.#services.has(name);
  }

  #mainValue(name: string): string | undefined {
    return this.source.main.get(name) ?? parameterTable.find(name)?.default ?? this.#services.get(name);
  }

  #scanEntry(row: MasterRow, index: number): void {
    const own = this.#entries[index]!;
    const file = `${this.source.directory}/master.cf`;
    const mark = (name: string): boolean => {
      if (row.settings.has(name)) own.add(name);
      else if (this.source.main.has(name)) this.#user.add(name);
      else return false;
      return true;
    };
    const undefinedNames = new Set<string>();
    const need = (name: string) => {
      if (!mark(name) && !this.#isKnown(name) && !undefinedNames.has(name)) {
        undefinedNames.add(name);
        this.warn(`${file}: undefined parameter: ${name}`);
      }
    };
    const lookup = (name: string) => row.settings.get(name) ?? this.#mainValue(name);
    const classes = row.settings.get(CLASSES);
    if (classes !== undefined) this.#classes(classes, lookup).forEach(need);
    for (const name of [...row.settings.keys()].sort()) {
      const value = row.settings.get(name)!;
      if (parameterTable.find(name)?.class === "readonly") {
        this.warn(`${file}: read-only parameter assignment: ${name}=${value}`);
      }
      this.#scanValue(name, value, need);
      this.#scanTables(name, value, lookup, mark, "master.cf");
    }
  }

  #scanMain(): void {
    const file = `${this.source.directory}/main.cf`;
    const { main, readOnly } = this.source;
    const mark = (name: string): boolean => {
      let found = false;
      if (main.has(name)) {
        this.#user.add(name);
        found = true;
      }
      this.source.rows.forEach((row, index) => {
        if (!row.settings.has(name)) return;
        this.#entries[index]!.add(name);
        found = true;
      });
      return found;
    };
    const undefinedNames = new Set<string>();
    const need = (name: string) => {
      if (!mark(name) && !this.#isKnown(name) && !undefinedNames.has(name)) {
        undefinedNames.add(name);
        this.warn(`${file}: undefined parameter: ${name}`);
      }
    };
    const lookup = (name: string) => this.#mainValue(name);
    const classes = main.get(CLASSES);
    if (classes !== undefined) this.#classes(classes, lookup).forEach(need);
    for (const name of [...main.keys(), ...readOnly.keys()].sort()) {
      const value = main.get(name);
      if (value === undefined) {
        this.warn(`${file}: read-only parameter assignment: ${name}=${readOnly.get(name)}`);
        continue;
      }
      this.#scanValue(name, value, need);
      this.#scanTables(name, value, lookup, mark, "main.cf");
    }
  }

  /** A default makes the names that it refers to known, without a complaint about those that nobody sets. */
  #scanDefaults(): void {
    const unknown = [
      ...new Set(
        [this.source.main, ...this.source.rows.map((row) => row.settings)]
          .flatMap((settings) => [...settings.keys()]).filter((name) => !this.#isKnown(name)),
      ),
    ];
    if (unknown.length === 0) return;
    for (const parameter of parameterTable.all) {
      const { name, type, default: text } = parameter;
      if (type === "raw" || this.source.main.has(name) || !unknown.some((other) => text.includes(other))) {
        continue;
      }
      scanMacros(text, (other) => {
        if (this.source.main.has(other)) this.#user.add(other);
        this.source.rows.forEach((row, index) => {
          if (row.settings.has(other)) this.#entries[index]!.add(other);
        });
      });
    }
  }

  #classes(value: string, lookup: (name: string) => string | undefined): string[] {
    try {
      return splitList(expandMacros(value, lookup));
    } catch (error) {
      if (!(error instanceof MacroError)) throw error;
      // The same value is scanned as any other, which reports the mistake.
      return [];
    }
  }

  #scanValue(name: string, value: string, found: (name: string) => void): void {
    if (parameterTable.find(name)?.type === "raw") return;
    try {
      scanMacros(value, found);
    } catch (error) {
      if (!(error instanceof MacroError)) throw error;
      this.warn(error.message);
    }
  }

  #scanTables(
    name: string,
    value: string,
    lookup: (name: string) => string | undefined,
    found: (name: string) => void,
    file: string,
  ): void {
    if (!this.#isKnown(name)) return;
    let expanded: string;
    try {
      expanded = expandMacros(value, lookup);
    } catch (error) {
      if (!(error instanceof MacroError)) throw error;
      this.warn(error.message);
      throw new MacroError("macro processing error");
    }
    scanClients(expanded, { found, warn: this.warn, file });
  }
}

/** Warns of settings that nothing reads and of those that have a successor, main.cf first, each file's by name. */
export function warnOfUnused(
  source: NamesSource,
  names: Names,
  files: { readonly main: boolean; readonly master: boolean },
  warn: Warn,
): void {
  let anyDeprecated = false;
  const check = (file: string, settings: ReadonlyMap<string, string>, user: ReadonlySet<string>) => {
    for (const name of [...settings.keys()].sort()) {
      const known = parameterTable.find(name);
      if (known === undefined && !names.services.has(name) && !user.has(name)) {
        const advice = REMOVED_ADVICE.get(name);
        if (advice === undefined) warn(`${file}: unused parameter: ${name}=${settings.get(name)}`);
        else {
          anyDeprecated = true;
          warn(`${file}: support for parameter ${name} has been removed; instead, ${advice}`);
        }
      } else if (known?.advice !== undefined) {
        anyDeprecated = true;
        warn(`${file}: support for parameter "${name}" will be removed; instead, ${known.advice}`);
      }
    }
  };
  if (files.main) check(`${source.directory}/main.cf`, source.main, names.user);
  if (files.master) {
    source.rows.forEach((row, index) =>
      check(`${source.directory}/master.cf`, row.settings, names.entries[index]!)
    );
  }
  if (anyDeprecated) warn("See https://www.postfix.org/DEPRECATION_README.html for details");
}

/** Names that Postfix 3.11 knows as removed, with its advice. */
const REMOVED_ADVICE: ReadonlyMap<string, string> = new Map([["deleted-test-only", "do not specify"]]);
