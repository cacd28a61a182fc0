/** One run of the configuration tools over a directory: reading, showing, warning. */
import { type MainSetting, parseMain, readConfigFile } from "../load.ts";
import { splitNameValue } from "../logical_lines.ts";
import { expandMacros, MacroError } from "../macro.ts";
import { parameterTable } from "../parameter_table.ts";
import { type Setting, Snapshot } from "../snapshot.ts";
import { ConfigError } from "../types.ts";
import { MASTER_FIELDS } from "../master_file.ts";
import {
  type MasterField,
  type MasterRow,
  matchesPattern,
  parseMasterTable,
  printMasterRow,
  splitPattern,
  type Warn,
} from "./master_table.ts";
import { findNames, type Names, type NamesSource, serviceNames, warnOfUnused } from "./names.ts";
import {
  type CommandArgument,
  printArguments,
  printCommand,
  printJson,
  type PrintOptions,
  printSetting,
} from "./printing.ts";

export interface ShowOptions extends PrintOptions {
  /** `-n`: only what main.cf sets. */
  readonly onlySet?: boolean;
  /** `-x`: expand `$name`. */
  readonly expand?: boolean;
  /** `-C`; all classes if absent. */
  readonly classes?: ReadonlySet<"builtin" | "service" | "user">;
  /** `-v`: told of each parameter shown where its value comes from. */
  readonly trace?: (text: string) => void;
}

/** What a run works on. */
export class ConfigSession {
  readonly #directory: string;
  readonly #warn: Warn;
  readonly #source: NamesSource;
  readonly #names: Names;
  readonly #snapshot: Snapshot;
  readonly #lines: string[] = [];

  /**
   * @param directory as given; it is shown so
   * @param overrides `name=value`, as if main.cf had them
   * @param what `defaults`: main.cf isn't read; `main`: master.cf may be missing; `master`: it must not
   */
  constructor(
    directory: string,
    what: "defaults" | "main" | "master",
    overrides: readonly string[],
    warn: Warn,
  ) {
    this.#directory = directory;
    this.#warn = warn;
    const settings = new Map<string, Setting>();
    const readOnly = new Map<string, string>();
    if (what !== "defaults") {
      for (const setting of readSettings(`${directory}/main.cf`, warn)) {
        const place = isReadOnly(setting.name) ? readOnly : undefined;
        if (place !== undefined) place.set(setting.name, setting.value);
        else {settings.set(setting.name, {
            value: setting.value,
            origin: { file: `${directory}/main.cf`, line: setting.line },
          });}
      }
      for (const text of overrides) {
        const parts = splitNameValue(text);
        if (!parts.ok) throw new ConfigError(`invalid parameter override: ${text}: ${parts.problem}`);
        const { name, value } = parts;
        if (isReadOnly(name)) readOnly.set(name, value);
        else settings.set(name, { value, origin: { file: "-o" } });
      }
      settings.set("config_directory", { value: directory, origin: { file: "-c" } });
    }
    const rows = this.#readMaster(what === "master");
    this.#source = {
      directory,
      main: new Map([...settings].map(([name, setting]) => [name, setting.value])),
      readOnly,
      rows,
    };
    this.#snapshot = new Snapshot({ directory, settings, fixed: new Map([["process_name", "postconf"]]) });
    this.#names = what === "defaults"
      ? { services: serviceNames(rows), user: new Set(), entries: rows.map(() => new Set<string>()) }
      : rethrowMacroErrors(() => findNames(this.#source, warn), warn);
  }

  #readMaster(needed: boolean): MasterRow[] {
    const file = `${this.#directory}/master.cf`;
    let text: string;
    try {
      text = readConfigFile(file);
    } catch (error) {
      if (needed) throw error;
      this.#warn((error as Error).message);
      return [];
    }
    return parseMasterTable(text, file, this.#warn);
  }

  /** What was printed so far. */
  output(): string {
    return this.#lines.map((line) => line + "\n").join("");
  }

  /** All parameters, or those named. */
  showMain(wanted: readonly string[], options: ShowOptions): void {
    const listed = wanted.length > 0 ? wanted : this.#allNames(options);
    for (const name of listed) {
      if (!this.#isValid(name)) {
        this.#warn(`${name}: unknown parameter`);
        continue;
      }
      if (options.onlySet && !this.#source.main.has(name)) continue;
      const raw = this.#mainValue(name);
      const asItIs = !options.expand || parameterTable.find(name)?.type === "raw";
      const value = asItIs ? raw : this.#expand(raw, (other) => this.#lookup(other));
      this.#lines.push(printSetting(name, value, options));
      options.trace?.(`${name}: ${this.#place(name)}`);
    }
  }

  #place(name: string): string {
    const origin = this.#snapshot.origin(name);
    if (origin === undefined || !this.#source.main.has(name)) return "default";
    return origin.line === undefined ? origin.file : `${origin.file}, line ${origin.line}`;
  }

  #allNames(options: ShowOptions): string[] {
    const has = (kind: "builtin" | "service" | "user") => options.classes?.has(kind) ?? true;
    const names = new Set<string>();
    for (const { name, class: kind } of parameterTable.all) {
      if (this.#names.services.has(name)) continue;
      if (kind === "legacy") {
        if (has("user") && this.#source.main.has(name)) names.add(name);
      } else if (has("builtin")) names.add(name);
    }
    if (has("service")) { for (const name of this.#names.services.keys()) names.add(name); }
    if (has("user")) {
      for (const name of this.#names.user) if (!this.#isBuiltin(name)) names.add(name);
    }
    return [...names].sort();
  }

  #isBuiltin(name: string): boolean {
    return parameterTable.find(name) !== undefined || this.#names.services.has(name);
  }

  #isValid(name: string): boolean {
    return this.#isBuiltin(name) || this.#names.user.has(name);
  }

  #mainValue(name: string): string {
    return rethrowMacroErrors(() => this.#lookup(name) ?? "", this.#warn);
  }

  #lookup(name: string): string | undefined {
    if (this.#isBuiltin(name) || this.#source.main.has(name)) {
      return this.#snapshot.raw(name) ?? this.#names.services.get(name);
    }
    return undefined;
  }

  #expand(text: string, lookup: (name: string) => string | undefined): string {
    return rethrowMacroErrors(() => expandMacros(text, lookup), this.#warn);
  }

  /** `postconf -M`: entries as lines. */
  showEntries(requests: readonly string[], options: ShowOptions): void {
    this.#forEachMatch(requests, 2, (row) => [row.fields[0]!, row.fields[1]!], (row) => {
      const shown = { fields: row.fields, args: this.#shownArguments(row, options) };
      this.#lines.push(
        options.json
          ? printJson(
            `${row.fields[0]}/${row.fields[1]}`,
            printArguments(row.fields.join(" "), shown.args, false),
          )
          : printMasterRow(shown, options.fold === true),
      );
    });
  }

  #shownArguments(row: MasterRow, options: ShowOptions): readonly CommandArgument[] {
    if (!options.expand) return row.args;
    return row.args.map((argument) => {
      const equals = argument.text.indexOf("=");
      if (argument.kind !== "setting" || equals < 0) return argument;
      const value = this.#expand(argument.text.slice(equals + 1), (name) => this.#entryLookup(row, name));
      return { kind: argument.kind, text: argument.text.slice(0, equals + 1) + value };
    });
  }

  #entryLookup(row: MasterRow, name: string): string | undefined {
    if (name === "service_name") return row.fields[0];
    return row.settings.get(name) ?? this.#lookup(name);
  }

  /** `postconf -F`: one column a line. */
  showFields(requests: readonly string[], options: ShowOptions): void {
    for (const request of requests) {
      const field = splitPattern(request)[2];
      if (field !== undefined && field !== "*" && !MASTER_FIELDS.includes(field as MasterField)) {
        throw new ConfigError(`invalid service attribute name: "${field}"`);
      }
    }
    const items = this.#source.rows.flatMap((row) =>
      MASTER_FIELDS.map((field, index) => ({ row, field, index }))
    );
    this.#match(
      requests,
      3,
      items,
      ({ row, field }) => [row.fields[0]!, row.fields[1]!, field],
      ({ row, field, index }) => {
        const label = `${row.fields[0]}/${row.fields[1]}/${field}`;
        this.#lines.push(
          field === "command"
            ? printCommand(label, row.fields[7]!, this.#shownArguments(row, options), options)
            : printSetting(label, row.fields[index]!, options),
        );
      },
    );
  }

  /** `postconf -P`: `-o` settings, one a line. */
  showSettings(requests: readonly string[], options: ShowOptions): void {
    const items = this.#source.rows.flatMap((row) =>
      [...row.settings.keys()].sort().map((name) => ({ row, name }))
    );
    this.#match(
      requests,
      3,
      items,
      ({ row, name }) => [row.fields[0]!, row.fields[1]!, name],
      ({ row, name }) => {
        const raw = row.settings.get(name)!;
        const value = options.expand ? this.#expand(raw, (other) => this.#entryLookup(row, other)) : raw;
        this.#lines.push(printSetting(`${row.fields[0]}/${row.fields[1]}/${name}`, value, options));
      },
    );
  }

  #forEachMatch(
    requests: readonly string[],
    most: number,
    key: (row: MasterRow) => string[],
    show: (row: MasterRow) => void,
  ): void {
    this.#match(requests, most, this.#source.rows, key, show);
  }

  /** Shows what matches each request, in the order of the requests; everything if there are none. */
  #match<Item>(
    requests: readonly string[],
    most: number,
    items: readonly Item[],
    key: (item: Item) => string[],
    show: (item: Item) => void,
  ): void {
    if (requests.length === 0) items.forEach(show);
    for (const request of requests) {
      const pattern = splitPattern(request);
      const matching = pattern.length > most
        ? []
        : items.filter((item) => matchesPattern(key(item), pattern));
      if (matching.length === 0) this.#warn(`unmatched request: "${request}"`);
      matching.forEach(show);
    }
  }

  /** Warns of what nothing reads; to be called after the output was written. */
  warnOfUnused(files: { main: boolean; master: boolean }): void {
    warnOfUnused(this.#source, this.#names, files, this.#warn);
  }
}

function isReadOnly(name: string): boolean {
  return parameterTable.find(name)?.class === "readonly";
}

/** All settings of main.cf, the last of each name. */
function readSettings(file: string, warn: Warn): Iterable<MainSetting> {
  const settings = new Map<string, MainSetting>();
  for (const setting of parseMain(readConfigFile(file), file, warn)) {
    const earlier = settings.get(setting.name);
    if (earlier !== undefined) {
      warn(`${file}, line ${setting.line}: overriding earlier entry: ${setting.name}=${earlier.value}`);
    }
    settings.set(setting.name, setting);
  }
  return settings.values();
}

/** A reference that can't be expanded is reported as Postfix does: a warning that says what, then the end. */
function rethrowMacroErrors<Result>(action: () => Result, warn: Warn): Result {
  try {
    return action();
  } catch (error) {
    if (!(error instanceof MacroError)) throw error;
    if (error.message !== "macro processing error") warn(error.message);
    throw new ConfigError("macro processing error");
  }
}
