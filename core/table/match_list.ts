import { decodeText } from "../bytes/mod.ts";
import { inNetwork, type IpAddress, type Network, parseIp, parseNetwork } from "./ip_address.ts";
import { placedError } from "./placed_error.ts";
import { reasonOf } from "../errors/mod.ts";
import { splitList } from "./spec.ts";
import { warnUnavailable } from "./table_list.ts";
import type { TableSet } from "./table_set.ts";
import { type MaybePromise, type Table, TableError } from "./types.ts";

/**
 * What is compared: `domain` a host or domain name, `hostaddr` an IP address, `string` any text, `address` a client's
 * host name and IP address together (as `mynetworks` wants it).
 */
export type MatchKind = "domain" | "hostaddr" | "string" | "address";

export interface MatchListOptions {
  /** `example.com` matches `sub.example.com` too; without it that takes a pattern `.example.com`. */
  readonly parentDomainMatchesSubdomains?: boolean;
  /**
   * The parameter's name for messages; when `parentDomainMatchesSubdomains` is not given, it is looked for in
   * `parent_domain_matches_subdomains`.
   */
  readonly name?: string;
}

/** A parameter's list of patterns, ready to be asked. */
export interface MatchList {
  readonly isEmpty: boolean;
  /**
   * Does the first pattern that fits say yes? For kind `address`, `value` is the host name and `address` the IP address.
   * Throws (or rejects with) `TableError` when a table in the list fails before a pattern fits.
   */
  matches(value: string, address?: string): MaybePromise<boolean>;
}

/** What is asked for, prepared once. */
interface Subject {
  readonly name: string | undefined;
  readonly addressText: string | undefined;
  readonly address: IpAddress | undefined;
}

/** Consecutive patterns with the same answer. */
interface Step {
  /** The answer when one of them fits. */
  readonly answer: boolean;
  readonly names: Set<string>;
  /** Names whose subdomains fit, without the leading dot. */
  readonly parents: Set<string>;
  readonly networks: Network[];
  /** A table; then the sets above are empty. */
  readonly table: Table | undefined;
}

/** A network pattern that makes no sense, for addresses of its family. */
interface Problem {
  readonly problem: string;
  readonly family: 4 | 6;
}

/**
 * Compiles a list of patterns: `!pattern`, `/file` with more patterns, `type:table`, names, `.domain`, networks such as
 * `10.0.0.0/8` and `[2001:db8::]/32`. Throws `TableError` for a file that can't be read or an unknown table type; a wrong
 * network pattern is a `TableError` when a lookup gets as far as that.
 */
export function matchList(
  kind: MatchKind,
  patterns: string,
  tables: TableSet,
  options: MatchListOptions = {},
): MatchList {
  const title = options.name ?? "match list";
  const parents = options.parentDomainMatchesSubdomains ?? parentStyle(tables, options.name);
  const steps = new StepBuilder(kind, parents, tables, title);
  steps.addPatterns(patterns, true);
  return new CompiledList(kind, steps.steps, parents, title, tables);
}

function parentStyle(tables: TableSet, name: string | undefined): boolean {
  if (name === undefined || tables.config === undefined) return false;
  return tables.config.list("parent_domain_matches_subdomains").includes(name);
}

class StepBuilder {
  readonly steps: (Step | Problem)[] = [];
  /** The files that are being read, one named in the other. */
  readonly #reading: string[] = [];

  constructor(
    private readonly kind: MatchKind,
    private readonly parents: boolean,
    private readonly tables: TableSet,
    private readonly title: string,
  ) {}

  addPatterns(text: string, answer: boolean): void {
    for (const item of splitList(text)) {
      if (item.startsWith("#")) {
        this.tables.log.warning(`${this.title}: comment at end of line is not supported: ${item}`);
        return;
      }
      const pattern = item.replace(/^!+/, "");
      const negated = (item.length - pattern.length) % 2 === 1;
      if (pattern === "") throw new TableError("configuration", `${this.title}: no pattern after '!'`, true);
      this.#add(pattern, negated ? !answer : answer);
    }
  }

  #add(pattern: string, answer: boolean): void {
    if (pattern.startsWith("/")) this.#addFile(pattern, answer);
    else if (!pattern.startsWith("[") && pattern.includes(":")) {
      const table = this.#open(pattern);
      this.steps.push({ ...emptyStep(answer), table });
    } else this.#addLiteral(pattern, answer);
  }

  #open(spec: string): Table {
    try {
      return this.tables.open(spec);
    } catch (error) {
      throw placedError(error, this.tables.config, this.title, spec);
    }
  }

  #addFile(path: string, answer: boolean): void {
    if (this.#reading.includes(path)) {
      const files = [...this.#reading, path].join(" names ");
      throw this.#badFile(this.#reading[0]!, `a file names itself: ${files}`);
    }
    let text: string;
    try {
      text = decodeText(Deno.readFileSync(path));
    } catch (error) {
      throw this.#badFile(path, `open file ${path}: ${reasonOf(error)}`);
    }
    this.#reading.push(path);
    for (const line of text.split("\n")) {
      if (!line.startsWith("#")) this.addPatterns(line, answer);
    }
    this.#reading.pop();
  }

  #badFile(path: string, problem: string): unknown {
    const error = new TableError("configuration", problem, true);
    return placedError(error, this.tables.config, this.title, path);
  }

  #addLiteral(pattern: string, answer: boolean): void {
    const last = this.steps.at(-1);
    let step: Step;
    if (last !== undefined && !("problem" in last) && last.table === undefined && last.answer === answer) {
      step = last;
    } else this.steps.push(step = emptyStep(answer));
    const name = this.tables.foldCase(pattern);
    if (this.kind !== "hostaddr") {
      step.names.add(name);
      if (this.kind !== "string") {
        if (this.parents) step.parents.add(name);
        else if (name.startsWith(".")) step.parents.add(name.slice(1));
      }
    }
    if (this.kind === "hostaddr" || this.kind === "address") this.#addNetwork(pattern, name, step);
  }

  #addNetwork(pattern: string, name: string, step: Step): void {
    const inner = name.startsWith("[") && name.endsWith("]") ? name.slice(1, -1) : name;
    if (this.kind === "hostaddr") step.names.add(inner);
    // A name, or what only looks like an address, fits no address; what looks like a network has to be one.
    const looks = /[/:]/.test(name) ? /^[0-9a-f./:[\]]+$/.test(name) : parseIp(inner) !== undefined;
    if (!looks) return;
    const network = parseNetwork(pattern);
    if (typeof network !== "string") step.networks.push(network);
    else this.steps.push({ problem: network, family: name.includes(":") ? 6 : 4 });
  }
}

function emptyStep(answer: boolean): Step {
  return { answer, names: new Set(), parents: new Set(), networks: [], table: undefined };
}

class CompiledList implements MatchList {
  constructor(
    private readonly kind: MatchKind,
    private readonly steps: readonly (Step | Problem)[],
    private readonly parents: boolean,
    private readonly title: string,
    private readonly tables: TableSet,
  ) {}

  get isEmpty(): boolean {
    return this.steps.length === 0;
  }

  matches(value: string, address?: string): MaybePromise<boolean> {
    if (this.steps.length === 0) return false;
    const addressText = this.kind === "hostaddr" ? value : address;
    const subject: Subject = {
      name: this.kind === "hostaddr" ? undefined : this.tables.foldCase(value),
      addressText: addressText?.toLowerCase(),
      address: addressText === undefined || this.kind === "string" || this.kind === "domain"
        ? undefined
        : parseIp(addressText),
    };
    return this.#from(0, subject);
  }

  #from(first: number, subject: Subject): MaybePromise<boolean> {
    for (let index = first; index < this.steps.length; index++) {
      const step = this.steps[index]!;
      if ("problem" in step) {
        if (subject.address !== undefined && subject.address.family !== step.family) continue;
        throw this.#failed(step.problem);
      }
      const fits = step.table === undefined
        ? fitsLiterals(step, subject)
        : this.#inTable(step.table, subject);
      if (fits instanceof Promise) {
        return fits.then((found) => found ? step.answer : this.#from(index + 1, subject));
      }
      if (fits) return step.answer;
    }
    return false;
  }

  /** Names are looked up with their parent domains, addresses and strings as they are. */
  #inTable(table: Table, subject: Subject): MaybePromise<boolean> {
    const keys: string[] = [];
    if (subject.name !== undefined) {
      keys.push(subject.name);
      if (this.kind !== "string" && !table.matchesPatterns) keys.push(...this.#parentsOf(subject.name));
    }
    if (subject.addressText !== undefined && this.kind !== "string" && this.kind !== "domain") {
      keys.push(subject.addressText);
    }
    return this.#anyKey(table, keys, 0);
  }

  #parentsOf(name: string): string[] {
    const found: string[] = [];
    for (let dot = name.indexOf(".", 1); dot >= 0; dot = name.indexOf(".", dot + 1)) {
      const parent = name.slice(this.parents ? dot + 1 : dot);
      if (parent !== "") found.push(parent);
    }
    return found;
  }

  #anyKey(table: Table, keys: readonly string[], first: number): MaybePromise<boolean> {
    for (let index = first; index < keys.length; index++) {
      const key = keys[index]!;
      if (key === "") continue;
      let answer: MaybePromise<string | undefined>;
      try {
        answer = table.lookup(key);
      } catch (error) {
        throw this.#tableFailed(table, error);
      }
      if (answer instanceof Promise) {
        return answer.then(
          (value) => value !== undefined ? true : this.#anyKey(table, keys, index + 1),
          (error) => {
            throw this.#tableFailed(table, error);
          },
        );
      }
      if (answer !== undefined) return true;
    }
    return false;
  }

  #tableFailed(table: Table, error: unknown): unknown {
    if (!(error instanceof TableError)) return error;
    warnUnavailable(table, error, this.tables.log);
    this.tables.log.warning(`${this.title}: ${table.type}:${table.name}: table lookup problem`);
    return error;
  }

  #failed(problem: string): TableError {
    this.tables.log.warning(`${this.title}: ${problem}`);
    return new TableError("configuration", `${this.title}: ${problem}`);
  }
}

function fitsLiterals(step: Step, subject: Subject): boolean {
  const { name, address, addressText } = subject;
  if (name !== undefined) {
    if (step.names.has(name)) return true;
    if (step.parents.size > 0) {
      for (let dot = name.indexOf(".", 1); dot >= 0; dot = name.indexOf(".", dot + 1)) {
        if (step.parents.has(name.slice(dot + 1))) return true;
      }
    }
  }
  if (address !== undefined) {
    for (const network of step.networks) if (inNetwork(address, network)) return true;
  } else if (addressText !== undefined && step.names.has(addressText)) return true;
  return false;
}
