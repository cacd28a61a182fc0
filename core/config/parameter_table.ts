/**
 * What is known of every parameter: type, default, limits. The facts are data files beside this one. They are read when
 * they are first asked for and not imported, because as a part of the program text they would take 2 ms of every start.
 */

/** The files' texts. The packed program has copies of the files beside its modules. */
const texts = {
  postfix: lazily("parameters.json"),
  own: lazily("parameters_postel.json"),
  derived: lazily("parameters_derived.json"),
};

function lazily(name: string): () => string {
  let text: string | undefined;
  // (A `URL` would take as long as the reading.)
  return () => text ??= Deno.readTextFileSync(`${import.meta.dirname}/${name}`);
}

export type ParameterType = "string" | "raw" | "bool" | "nbool" | "int" | "nint" | "long" | "time";

/**
 * - `builtin`: listed by `postconf -d`; `readonly`: listed, but can't be set
 * - `service`: exists while master.cf has the service; `template`: documented with the word "transport" for a service
 * - `legacy`: known, but listed only when set; `removed`: gone; `function`: `${name{...}}`, not a parameter
 */
export type ParameterClass =
  | "builtin"
  | "readonly"
  | "service"
  | "template"
  | "legacy"
  | "removed"
  | "function";

/** The names of class `readonly`, here so that nobody has to read the table for all names in a file to know them. */
export const READ_ONLY: ReadonlySet<string> = new Set(["process_id", "process_name"]);

/** What is known about a parameter: an entry of `parameters.json`. */
export interface Parameter {
  readonly name: string;
  readonly class: ParameterClass;
  readonly type: ParameterType;
  /** Unexpanded; `@hostname@` and other computed values have their token. */
  readonly default: string;
  /** Lower bound: number, seconds for a time, length in octets for a string. */
  readonly min?: number;
  readonly max?: number;
  /** Unit of a time given without one. */
  readonly default_time_unit?: string;
  /** Programs that read it; `global` is all. */
  readonly programs: readonly string[];
  readonly deprecated?: boolean;
  readonly warning?: string;
  readonly advice?: string;
  readonly replacement?: string;
  /** Says that nothing reads it any more. */
  readonly ignored?: boolean;
  readonly removed?: string;
}

/** A parameter that exists once per service: the service's name and this suffix. */
export interface DerivedParameter {
  readonly suffix: string;
  readonly default: string;
  readonly type: ParameterType;
  readonly min?: number;
  readonly max?: number;
  readonly default_time_unit?: string;
  readonly programs: readonly string[];
  /** Programs (column 8 of master.cf) whose services have it. */
  readonly services_of: readonly string[];
}

/** A parameter of a table type that is kept in main.cf under a prefix (`ldap:PREFIX`, parameter `PREFIX_timeout`). */
export interface ClientParameter {
  readonly name: string;
  readonly type: string;
  readonly default?: string;
}

/** What parameters there are, by name. */
export interface ParameterTable {
  /** Every parameter with a name of its own: Postfix's and ours; not the removed ones. */
  find(name: string): Parameter | undefined;
  /** A parameter that was removed, for the advice to give. */
  findRemoved(name: string): Parameter | undefined;
  /** What `SERVICE_suffix` means, whether or not there is such a service. */
  findDerived(name: string): DerivedParameter | undefined;
  /** All that `find` finds, sorted by name. */
  readonly all: readonly Parameter[];
  readonly derived: readonly DerivedParameter[];
  /** Table types whose parameters may stand in main.cf under a prefix. */
  readonly clients: ReadonlyMap<string, readonly ClientParameter[]>;
}

/** The form of `parameters_derived.json`. */
interface DerivedFile {
  readonly transport_parameters: { readonly suffixes: readonly DerivedParameter[] };
  readonly database_clients: { readonly clients: Readonly<Record<string, readonly ClientParameter[]>> };
}

/** So many parameters are cut out of the text one by one before all of it is parsed: commands ask for a few only. */
const FEW = 64;

/** The parameters of the data files by name. */
class Parameters {
  readonly #few = new Map<string, Parameter | undefined>();
  #all:
    | { readonly known: ReadonlyMap<string, Parameter>; readonly removed: ReadonlyMap<string, Parameter> }
    | undefined;

  find(name: string): Parameter | undefined {
    if (this.#all === undefined && (this.#few.has(name) || this.#few.size < FEW)) {
      if (!this.#few.has(name)) this.#few.set(name, singleParameter(name));
      return this.#few.get(name);
    }
    return this.all.known.get(name);
  }

  get all() {
    return this.#all ??= parseAll();
  }
}

/** A parameter alone, cut out of the text of its file: an array of objects that begin with the name, indented by two. */
function singleParameter(name: string): Parameter | undefined {
  for (const text of [texts.own(), texts.postfix()]) {
    const at = text.indexOf(`"name": ${JSON.stringify(name)},`);
    if (at < 0) continue;
    const next = text.indexOf("\n  {", at);
    const end = text.lastIndexOf("}", next < 0 ? text.length : next);
    const parameter = JSON.parse(text.slice(text.lastIndexOf("{", at), end + 1)) as Parameter;
    if (isKnown(parameter)) return parameter;
  }
  return undefined;
}

/** Is it a parameter with a name of its own that was not removed? */
function isKnown(parameter: Parameter): boolean {
  return parameter.class === "builtin" || parameter.class === "readonly" || parameter.class === "legacy";
}

function parseAll() {
  const known = new Map<string, Parameter>();
  const removed = new Map<string, Parameter>();
  for (const parameter of JSON.parse(texts.postfix()) as Parameter[]) {
    if (isKnown(parameter)) known.set(parameter.name, parameter);
    else if (parameter.class === "removed") removed.set(parameter.name, parameter);
  }
  for (const parameter of JSON.parse(texts.own()) as Parameter[]) known.set(parameter.name, parameter);
  return { known, removed };
}

function buildTable(): ParameterTable {
  const parameters = new Parameters();
  let all: readonly Parameter[] | undefined;
  let derived: DerivedFile | undefined;
  const derivedFile = () => derived ??= JSON.parse(texts.derived()) as DerivedFile;
  return {
    find: (name) => parameters.find(name),
    findRemoved: (name) => parameters.all.removed.get(name),
    findDerived: (name) =>
      // The longest suffix wins: `x_destination_recipient_limit` also ends in `_recipient_limit`.
      derivedFile().transport_parameters.suffixes.reduce<DerivedParameter | undefined>(
        (best, entry) =>
          name.length > entry.suffix.length && name.endsWith(entry.suffix) &&
            (best === undefined || entry.suffix.length > best.suffix.length)
            ? entry
            : best,
        undefined,
      ),
    get all() {
      return all ??= [...parameters.all.known.values()].sort((a, b) => a.name < b.name ? -1 : 1);
    },
    get derived() {
      return derivedFile().transport_parameters.suffixes;
    },
    get clients() {
      return new Map(Object.entries(derivedFile().database_clients.clients));
    },
  };
}

/** The one table, immutable. */
export const parameterTable: ParameterTable = buildTable();
