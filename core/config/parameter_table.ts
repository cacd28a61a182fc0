/** What is known of every parameter: type, default, limits. The facts are data files beside this one. */
import derived from "./parameters_derived.json" with { type: "json" };
import own from "./parameters_postel.json" with { type: "json" };
import postfix from "./parameters.json" with { type: "json" };

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

/** One parameter. */
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

/** The parameter table. */
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

function buildTable(): ParameterTable {
  const known = new Map<string, Parameter>();
  const removed = new Map<string, Parameter>();
  for (const parameter of postfix as Parameter[]) {
    switch (parameter.class) {
      case "builtin":
      case "readonly":
      case "legacy":
        known.set(parameter.name, parameter);
        break;
      case "removed":
        removed.set(parameter.name, parameter);
        break;
      case "service":
      case "template":
      case "function":
        break;
    }
  }
  for (const parameter of own as Parameter[]) known.set(parameter.name, parameter);
  const suffixes = derived.transport_parameters.suffixes as DerivedParameter[];
  const clients = Object.entries(derived.database_clients.clients) as [string, ClientParameter[]][];
  return {
    find: (name) => known.get(name),
    findRemoved: (name) => removed.get(name),
    findDerived: (name) =>
      // The longest suffix wins: `x_destination_recipient_limit` also ends in `_recipient_limit`.
      suffixes.reduce<DerivedParameter | undefined>(
        (best, entry) =>
          name.length > entry.suffix.length && name.endsWith(entry.suffix) &&
            (best === undefined || entry.suffix.length > best.suffix.length)
            ? entry
            : best,
        undefined,
      ),
    all: [...known.values()].sort((a, b) => a.name < b.name ? -1 : 1),
    derived: suffixes,
    clients: new Map(clients),
  };
}

/** The one table, immutable. */
export const parameterTable: ParameterTable = buildTable();
