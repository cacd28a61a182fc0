/** One run of the configuration tools over a directory: reading, showing, warning. */
import { messageOf } from "../../errors/mod.ts";
import { type MainSetting, parseMain, readConfigFile } from "../load.ts";
import { splitNameValue } from "../logical_lines.ts";
import { expandMacros } from "../macro.ts";
import { MacroError } from "../macro_syntax.ts";
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
   * @param directory as given
   * @param namedBy what named the directory, `-c` or `MAIL_CONFIG`: it counts as a setting then; undefined if nothing did
   * @param overrides `name=value`, as if main.cf had them
   * @param what `defaults`: main.cf isn't read; `main`: master.cf may be missing; `master`: it must not
   */
  constructor(
    directory: string,
    namedBy: string | undefined,
    what: "defaults" | "main" | "master",
    overrides: readonly string[],
    warn: Warn,
  ) {
    this.#directory = directory;
    this.#warn = warn;
    const settings = new Map<string, Setting>();
    const readOnly = new Map<string, string>();
    if (what !== "defaults") {
      if (namedBy !== undefined) {
        settings.set("config_directory", { value: directory, origin: { file: namedBy } });
      }
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
      this.#warn(messageOf(error));
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
    const wanted = requests.map((text) => parseRequest(text, 2, "-M option requires service_name[/type]"));
    this.#match(wanted, (row) => {
      const shown = { fields: row.fields, args: this.#shownArguments(row, options) };
      this.#lines.push(
        options.json
          ? printJson(
            `${row.fields[0]}/${row.fields[1]}`,
            printArguments(row.fields.join(" "), shown.args, false),
          )
          : printMasterRow(shown, options.fold === true),
      );
      return true;
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
    const wanted = requests.map((text) => {
      const request = parseRequest(text, 3, "-F option requires service_name[/type[/field]]");
      const field = request.parts[2];
      if (field !== undefined && field !== "*" && !MASTER_FIELDS.includes(field as MasterField)) {
        throw new ConfigError(`invalid service attribute name: "${field}"`);
      }
      return request;
    });
    this.#match(wanted, (row, asked) => {
      MASTER_FIELDS.forEach((field, index) => {
        if (asked !== "*" && asked !== field) return;
        const label = `${row.fields[0]}/${row.fields[1]}/${field}`;
        this.#lines.push(
          field === "command"
            ? printCommand(label, row.fields[7]!, this.#shownArguments(row, options), options)
            : printSetting(label, row.fields[index]!, options),
        );
      });
      return true;
    });
  }

  /** `postconf -P`: `-o` settings, one a line. */
  showSettings(requests: readonly string[], options: ShowOptions): void {
    const wanted = requests.map((text) =>
      parseRequest(text, 3, "-P option requires service_name[/type[/parameter]]")
    );
    this.#match(wanted, (row, asked) => {
      const names = [...row.settings.keys()].sort().filter((name) => asked === "*" || asked === name);
      for (const name of names) {
        const raw = row.settings.get(name)!;
        const value = options.expand ? this.#expand(raw, (other) => this.#entryLookup(row, other)) : raw;
        this.#lines.push(printSetting(`${row.fields[0]}/${row.fields[1]}/${name}`, value, options));
      }
      return names.length > 0;
    });
  }

  /**
   * Shows what is asked of each entry, in the order of the file and for each entry in that of the requests; everything
   * if there are none.
   * @param show prints of an entry what the third part of the request names, and tells whether there is such a thing
   */
  #match(requests: readonly Wanted[], show: (row: MasterRow, asked: string) => boolean): void {
    const matched = new Set<Wanted>();
    for (const row of this.#source.rows) {
      if (requests.length === 0) show(row, "*");
      for (const request of requests) {
        if (!matchesPattern([row.fields[0]!, row.fields[1]!], request.parts)) continue;
        if (show(row, request.parts[2] ?? "*")) matched.add(request);
      }
    }
    for (const request of requests) {
      if (!matched.has(request)) this.#warn(`unmatched request: "${request.text}"`);
    }
  }

  /** Warns of what nothing reads; to be called after the output was written. */
  warnOfUnused(files: { main: boolean; master: boolean }): void {
    warnOfUnused(this.#source, this.#names, files, this.#warn);
  }
}

/** A request for entries of master.cf, and its parts: `service/type/what`. */
interface Wanted {
  readonly text: string;
  readonly parts: readonly string[];
}

function parseRequest(text: string, most: number, problem: string): Wanted {
  const parts = splitPattern(text, 1, most);
  if (parts === undefined) throw new ConfigError(problem);
  return { text, parts };
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
