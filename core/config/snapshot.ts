/** The immutable view of main.cf that programs work with. */
import { messageOf } from "../errors/mod.ts";
import { computeDefault } from "./computed_defaults.ts";
import { expandMacros } from "./macro.ts";
import { MacroError } from "./macro_syntax.ts";
import { parameterTable, type ParameterType } from "./parameter_table.ts";
import { type Config, ConfigError, type Origin } from "./types.ts";
import { parseBool, parseTime, parseWhole, splitList } from "./values.ts";

/** A value as set, with its place. */
export interface Setting {
  readonly value: string;
  readonly origin: Origin;
}

/** What a parameter may be. */
interface Form {
  readonly type: ParameterType;
  readonly min?: number;
  readonly max?: number;
  readonly default_time_unit?: string;
}

/** What a snapshot is made of. */
export interface SnapshotSource {
  readonly directory: string;
  /** In file order. */
  readonly settings: ReadonlyMap<string, Setting>;
  /** Values that no setting can change: process_name, service_name and the like. */
  readonly fixed: ReadonlyMap<string, string>;
}

/** `Config` over a set of settings and the parameter table. */
export class Snapshot implements Config {
  readonly directory: string;
  readonly #source: SnapshotSource;
  /** Expanded and converted values by name. */
  readonly #texts = new Map<string, string>();
  readonly #bools = new Map<string, boolean>();
  readonly #numbers = new Map<string, number>();
  readonly #lists = new Map<string, readonly string[]>();
  /** Computed defaults, and those being computed: a second request for one of these is a loop. */
  readonly #computed = new Map<string, string | undefined>();

  constructor(source: SnapshotSource) {
    this.directory = source.directory;
    this.#source = source;
  }

  raw(name: string): string | undefined {
    return this.#source.fixed.get(name) ?? this.#source.settings.get(name)?.value ?? this.#default(name);
  }

  #default(name: string): string | undefined {
    const value = parameterTable.find(name)?.default;
    if (value === undefined) return parameterTable.findDerived(name)?.default;
    if (!value.startsWith("@")) return value;
    if (this.#computed.has(name)) {
      const known = this.#computed.get(name);
      if (known === undefined) throw new MacroError(`unreasonable macro call nesting: "${name}"`);
      return known;
    }
    this.#computed.set(name, undefined);
    try {
      const computed = computeDefault(value, {
        value: (other) => this.string(other),
        isSet: (other) => this.isSet(other),
        programName: this.#source.fixed.get("process_name") ?? "postel",
      });
      this.#computed.set(name, computed);
      return computed;
    } catch (error) {
      this.#computed.delete(name);
      throw error;
    }
  }

  isSet(name: string): boolean {
    return this.#source.settings.has(name);
  }

  origin(name: string): Origin | undefined {
    return this.#source.settings.get(name)?.origin;
  }

  string(name: string): string {
    let text = this.#texts.get(name);
    if (text === undefined) {
      text = this.#evaluate(name);
      this.#texts.set(name, text);
    }
    return text;
  }

  #evaluate(name: string): string {
    let raw: string | undefined;
    try {
      raw = this.raw(name);
    } catch (error) {
      throw this.#error(name, messageOf(error));
    }
    if (raw === undefined) throw new ConfigError(`unknown parameter: ${name}`);
    const form = this.#form(name);
    if (form.type === "raw") return raw;
    let text: string;
    try {
      text = expandMacros(raw, (other) => this.raw(other));
    } catch (error) {
      if (error instanceof ConfigError) throw error;
      throw this.#error(name, messageOf(error));
    }
    if (name === "myorigin" && text.startsWith("/")) text = this.#firstLine(text);
    // A few parameters have an empty default that only an explicit setting must not have.
    if (form.type === "string" && (raw !== "" || this.isSet(name))) this.#checkLength(name, text, form);
    return text;
  }

  /** Debian's form of `myorigin`: the first line of a file. */
  #firstLine(path: string): string {
    try {
      return Deno.readTextFileSync(path).split("\n", 1)[0]!.trim();
    } catch (error) {
      throw this.#error("myorigin", `cannot read ${path}: ${messageOf(error)}`);
    }
  }

  #checkLength(name: string, text: string, form: Form): void {
    if (form.min !== undefined && text.length < form.min) {
      throw this.#error(name, `bad string length ${text.length} < ${form.min}: ${name} = ${text}`);
    }
    if (form.max !== undefined && text.length > form.max) {
      throw this.#error(name, `bad string length ${text.length} > ${form.max}: ${name} = ${text}`);
    }
  }

  #form(name: string): Form {
    return parameterTable.find(name) ?? parameterTable.findDerived(name) ?? { type: "string" };
  }

  /** `main.cf, line 3` behind what is wrong; for a default, the parameter whose default it is. */
  #error(name: string, problem: string): ConfigError {
    const origin = this.origin(name);
    const place = origin === undefined
      ? `default value of ${name}`
      : origin.line === undefined
      ? origin.file
      : `${origin.file}, line ${origin.line}`;
    return new ConfigError(`${problem} (${place})`, origin);
  }

  bool(name: string): boolean {
    let value = this.#bools.get(name);
    if (value === undefined) {
      const text = this.string(name);
      value = parseBool(text);
      if (value === undefined) {
        throw this.#error(name, `bad boolean configuration: ${name} = ${text}: specify yes or no`);
      }
      this.#bools.set(name, value);
    }
    return value;
  }

  int(name: string): number {
    let value = this.#numbers.get(name);
    if (value === undefined) {
      const form = this.#form(name);
      const text = this.string(name);
      value = parseWhole(text, form.type === "long" ? 64 : 32);
      if (value === undefined) {
        throw this.#error(name, `bad numerical configuration: ${name} = ${text}: specify a whole number`);
      }
      this.#checkRange(name, value, form);
      this.#numbers.set(name, value);
    }
    return value;
  }

  #checkRange(name: string, value: number, form: Form): void {
    if (form.min !== undefined && value < form.min) {
      throw this.#error(name, `invalid ${name} parameter value ${value} < ${form.min}`);
    }
    if (form.max !== undefined && value > form.max) {
      throw this.#error(name, `invalid ${name} parameter value ${value} > ${form.max}`);
    }
  }

  seconds(name: string): number {
    let value = this.#numbers.get(name);
    if (value === undefined) {
      const form = this.#form(name);
      const text = this.string(name);
      value = parseTime(text, form.default_time_unit ?? "s");
      if (value === undefined) {
        throw this.#error(
          name,
          `parameter ${name}: bad time value or unit: ${text}: specify a number and s, m, h, d or w`,
        );
      }
      if (form.min !== undefined && value < form.min) {
        throw this.#error(name, `invalid ${name}: ${value} (min ${form.min})`);
      }
      if (form.max !== undefined && value > form.max) {
        throw this.#error(name, `invalid ${name}: ${value} (max ${form.max})`);
      }
      this.#numbers.set(name, value);
    }
    return value;
  }

  list(name: string): readonly string[] {
    let value = this.#lists.get(name);
    if (value === undefined) {
      value = splitList(this.string(name));
      this.#lists.set(name, value);
    }
    return value;
  }

  expand(text: string): string {
    try {
      return expandMacros(text, (name) => this.raw(name));
    } catch (error) {
      if (error instanceof MacroError) throw new ConfigError(`${error.message} in "${text}"`);
      throw error;
    }
  }

  names(): readonly string[] {
    return [...this.#source.settings.keys()];
  }

  with(overrides: Iterable<readonly [string, string]>): Config {
    return this.derive({ overrides });
  }

  /** Another snapshot over the same files. `file` names where the overrides stand, for messages. */
  derive(
    changes: {
      overrides?: Iterable<readonly [string, string]>;
      fixed?: Iterable<readonly [string, string]>;
      origin?: Origin;
    },
  ): Snapshot {
    const settings = new Map(this.#source.settings);
    for (const [name, value] of changes.overrides ?? []) {
      settings.set(name, { value, origin: changes.origin ?? { file: "-o" } });
    }
    return new Snapshot({
      directory: this.directory,
      settings,
      fixed: new Map([...this.#source.fixed, ...(changes.fixed ?? [])]),
    });
  }
}
