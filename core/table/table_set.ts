import type { Config } from "../config/types.ts";
import type { OpenContext, ResolvedFlags, TableLog } from "./context.ts";
import { foldKey } from "./fold.ts";
import { GuardedTable } from "./guarded_table.ts";
import { lazyTable } from "./lazy_table.ts";
import { wholeKeyTypes } from "./network/mod.ts";
import { placedError } from "./placed_error.ts";
import { loadedTypes, localTypes } from "./registry.ts";
import { parseSpec, splitList } from "./spec.ts";
import { TableList } from "./table_list.ts";
import { type Table, TableError, type TableFlags } from "./types.ts";

/** What a `TableSet` needs besides the configuration. */
export interface TableSetOptions {
  /** Where warnings go; nowhere if absent. */
  readonly log?: TableLog;
  /** Most bytes of each indexed file that are kept in memory; 1 MiB by default. */
  readonly cacheBytes?: number;
  /** Are keys of indexed files stored with a NUL at the end? Tried out by default. */
  readonly terminator?: "with" | "without";
  /** Is told, with a reason, when a file may not be read. */
  readonly denied?: (reason: string) => void;
  /** Is told of every lookup and its answer, for explanations. */
  readonly observe?: (lookup: TableLookup) => void;
}

/** One question that was put to a table. */
export interface TableLookup {
  /** `hash:/etc/postfix/virtual`, without `proxy:`. */
  readonly table: string;
  readonly key: string;
  /** Undefined if there is no such key. */
  readonly value: string | undefined;
  /** The rule's line in the file, for types that try rule after rule. */
  readonly line?: number;
}

const SILENT: TableLog = { info() {}, warning() {} };

/**
 * The tables of one process under one configuration snapshot. A table that several parameters name is opened once;
 * nothing is opened before the first lookup.
 */
export class TableSet {
  readonly #tables = new Map<string, Table>();
  /** Where warnings go. */
  readonly log: TableLog;
  readonly #utf8: boolean;

  constructor(readonly config?: Config, private readonly options: TableSetOptions = {}) {
    this.log = options.log ?? SILENT;
    this.#utf8 = config === undefined || config.bool("smtputf8_enable");
  }

  /**
   * The table for a `type:name`. Without flags keys are folded to lower case and treated as UTF-8 if `smtputf8_enable`
   * says so. Throws `TableError` for an unknown type or a name that can't be right; a file that is missing shows at the
   * first lookup.
   */
  open(spec: string, flags: TableFlags = {}): Table {
    const resolved: ResolvedFlags = {
      foldCase: flags.foldCase ?? true,
      utf8: (flags.utf8 ?? true) && this.#utf8,
      refuseSubstitution: flags.refuseSubstitution ?? false,
      fileContents: flags.fileContents ?? false,
    };
    const id = `${Object.values(resolved).map(Number).join("")} ${spec}`;
    let table = this.#tables.get(id);
    if (table === undefined) {
      table = this.#make(spec, resolved, flags);
      this.#tables.set(id, table);
    }
    return table;
  }

  /** A name in the form that keys and list patterns are compared in: without its case, by Unicode's rules or ASCII's. */
  foldCase(name: string): string {
    return foldKey(name, this.#utf8);
  }

  /**
   * The tables that a parameter such as `alias_maps` lists. Throws `TableError` as `open` does.
   * @param title the parameter's name, for the log
   */
  list(parameterValue: string, flags: TableFlags = {}, title = "table list"): TableList {
    const tables = splitList(parameterValue).map((spec) => {
      try {
        return this.open(spec, flags);
      } catch (error) {
        throw placedError(error, this.config, title, spec);
      }
    });
    return new TableList(tables, title, this.log);
  }

  /**
   * Opens the files of all tables that were asked for so far. A process that is about to give up root calls it, so that
   * files which root alone may read stay open. What can't be opened shows at the first lookup.
   */
  async preopen(): Promise<void> {
    for (const table of this.#tables.values()) {
      if (!localTypes.has(table.type) || table.type === "pipemap" || table.type === "unionmap") continue;
      try {
        await table.lookup("postel-preopen");
      } catch (error) {
        if (!(error instanceof TableError)) throw error;
      }
    }
  }

  /** Closes all tables; they must not be used any more. */
  close(): void {
    for (const table of this.#tables.values()) table.close();
    this.#tables.clear();
  }

  #make(spec: string, resolved: ResolvedFlags, flags: TableFlags): Table {
    const { type, name, debug } = parseSpec(spec);
    const { observe } = this.options;
    const matched: { line?: number } = {};
    const context: OpenContext = {
      ...(observe === undefined ? {} : { matched: (line: number) => matched.line = line }),
      type,
      name,
      flags: resolved,
      config: this.config,
      log: this.log,
      denied: this.options.denied,
      cacheBytes: this.options.cacheBytes ?? 1 << 20,
      terminator: this.options.terminator,
      foldKey: (key) => resolved.foldCase ? foldKey(key, resolved.utf8) : key,
      tables: this,
      open: (member) => this.open(member, flags),
    };
    const opener = localTypes.get(type);
    const loader = loadedTypes.get(type);
    if (opener === undefined && loader === undefined) {
      throw new TableError(
        "configuration",
        `unsupported dictionary type: ${type}`,
      );
    }
    const table = opener !== undefined
      ? opener(context)
      : lazyTable(context, loader!, wholeKeyTypes.has(type));
    const guarded = new GuardedTable(table, context, debug);
    return observe === undefined ? guarded : observed(guarded, matched, observe);
  }
}

/** The same table; `observe` is told what it answers. */
function observed(
  table: Table,
  matched: { line?: number },
  observe: (lookup: TableLookup) => void,
): Table {
  const name = `${table.type}:${table.name}`;
  const tell = (key: string, value: string | undefined) => {
    observe({ table: name, key, value, ...(value === undefined ? {} : matched) });
    return value;
  };
  return {
    type: table.type,
    name: table.name,
    matchesPatterns: table.matchesPatterns,
    lookup(key) {
      delete matched.line;
      const answer = table.lookup(key);
      return answer instanceof Promise ? answer.then((value) => tell(key, value)) : tell(key, answer);
    },
    close: () => table.close(),
  };
}
