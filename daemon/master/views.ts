/** What each service of master.cf works with: main.cf, its own `-o` settings, and what follows from both. */
import {
  type Addressing,
  createAddressing,
  createRewriting,
  type Rewriting,
  type Routing,
} from "../../core/address/mod.ts";
import { type Config, type MasterEntry, serviceConfig } from "../../core/config/mod.ts";
import { Logger, type LogSink } from "../../core/log/mod.ts";
import type { TableSet } from "../../core/table/mod.ts";
import { verboseRewriting, verboseRouting, verbosityOf } from "./verbose.ts";

/** main.cf as one service sees it. */
export interface ServiceView {
  readonly config: Config;
  /** In the name of the service's program: `postfix/qmgr`. */
  readonly log: Logger;
  /** Who there is, and how tables are searched, is for the service's settings to say; routes are trivial-rewrite's. */
  readonly addressing: Addressing;
  readonly rewriting: Rewriting;
}

/** What the views of one snapshot have in common. */
export interface ViewSource {
  readonly config: Config;
  readonly entries: readonly MasterEntry[];
  readonly tables: TableSet;
  readonly sink: LogSink;
  /** What `postfix -v start` adds to the `-v` of every service. */
  readonly verbosity: number;
}

type LogSource = Omit<ViewSource, "tables">;

/** The log in the name of a program: as verbose as any of its entries. */
export function programLog({ config, entries, sink, verbosity }: LogSource, program: string): Logger {
  const name = `${config.string("syslog_name")}/${program}`;
  return new Logger(sink, name, Deno.pid, verbosity + verbosityOf(entries, program));
}

/** The log of an entry's service, whose settings are `config`. */
function serviceLog({ sink, verbosity }: LogSource, config: Config, entry: MasterEntry): Logger {
  return programLog({ config, entries: [entry], sink, verbosity }, entry.command);
}

/** The views of one snapshot. Each is made anew when it is asked for; its addressing, when that is first used. */
export class Views {
  readonly #source: ViewSource;
  readonly #routings = new Map<string, Routing>();
  /** Of main.cf alone. */
  readonly addressing: Addressing;
  readonly rewriting: Rewriting;

  /** Throws `ConfigError` or `TableError` when main.cf can't be used. */
  constructor(source: ViewSource) {
    this.#source = source;
    const { config, tables } = source;
    this.addressing = this.#addressing(config, programLog(source, "trivial-rewrite"));
    const log = programLog(source, "cleanup");
    const rewriting = createRewriting({ config, tables, addressing: this.addressing, log });
    this.rewriting = verboseRewriting(rewriting, log);
  }

  /** What the service of a master.cf entry works with. */
  of(entry: MasterEntry): ServiceView {
    const { tables } = this.#source;
    const config = serviceConfig(this.#source.config, entry);
    const log = serviceLog(this.#source, config, entry);
    if (entry.overrides.length === 0) {
      return { config, log, addressing: this.addressing, rewriting: this.rewriting };
    }
    const addressing = once(() => this.#addressing(config, log));
    const rewriting = once(() =>
      verboseRewriting(createRewriting({ config, tables, addressing: addressing(), log }), log)
    );
    return {
      config,
      log,
      get addressing() {
        return addressing();
      },
      get rewriting() {
        return rewriting();
      },
    };
  }

  /** The view of the entry that runs a program, under a given name if there may be several; main.cf's if none does. */
  ofProgram(program: string, name?: string): ServiceView {
    const entry = this.#entry(program, name);
    if (entry !== undefined) return this.of(entry);
    const { addressing, rewriting } = this;
    return { config: this.#source.config, log: programLog(this.#source, program), addressing, rewriting };
  }

  #entry(program: string, name?: string): MasterEntry | undefined {
    return this.#source.entries.find((entry) =>
      entry.command === program && (name === undefined || entry.name === name)
    );
  }

  #addressing(config: Config, log: Logger): Addressing {
    const { tables } = this.#source;
    return createAddressing({ config, tables, log, routing: this.#routingFor(config) });
  }

  /** What the trivial-rewrite service answers that a configuration names; several may have settings of their own. */
  #routingFor(client: Config): Routing {
    const name = client.string("rewrite_service_name");
    const known = this.#routings.get(name);
    if (known !== undefined) return known;
    const { config: main, tables } = this.#source;
    const entry = this.#entry("trivial-rewrite", name);
    const config = entry === undefined ? main : serviceConfig(main, entry);
    const log = entry === undefined
      ? programLog(this.#source, "trivial-rewrite")
      : serviceLog(this.#source, config, entry);
    const routing = verboseRouting(createAddressing({ config, tables, log }), log);
    this.#routings.set(name, routing);
    return routing;
  }
}

/** What is made when it is first asked for, and kept. */
function once<T extends object>(make: () => T): () => T {
  let made: T | undefined;
  return () => made ??= make();
}
