/** What the rest of the program knows of the configuration: an immutable snapshot and the entries of master.cf. */

/** Where a setting came from, for error messages. */
export interface Origin {
  /** Path of the file, or `-o` for a command line or master.cf override. */
  readonly file: string;
  /** First line of the logical line, counted from 1; absent for a command line. */
  readonly line?: number;
}

/** A problem with main.cf, master.cf or a value; `message` says what, where (file and line) and what to do. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
  constructor(message: string, readonly origin?: Origin) {
    super(message);
  }
}

/**
 * One immutable view of main.cf as one service sees it. Values are expanded on first use and remembered.
 * Every getter throws `ConfigError` (file, line, what, what to do) when the value has the wrong form.
 */
export interface Config {
  /** The configuration directory, absolute. */
  readonly directory: string;
  /** The value before `$name` expansion: as set, else the default; undefined if the name is nowhere known. */
  raw(name: string): string | undefined;
  /** Was it set in main.cf, by `-o` or on the command line? */
  isSet(name: string): boolean;
  /** Where it was set. */
  origin(name: string): Origin | undefined;
  /** The expanded value; unknown names (neither in the table nor user-defined) are an error. */
  string(name: string): string;
  /** `yes` or `no`. */
  bool(name: string): boolean;
  /** A whole number within the parameter's limits. */
  int(name: string): number;
  /** A time in seconds. */
  seconds(name: string): number;
  /** The expanded value split at commas and white space, `{ }` kept together, empty items dropped. */
  list(name: string): readonly string[];
  /** Expands `$name`, `${name?value}` ... in any text as if it stood in main.cf. */
  expand(text: string): string;
  /** All names set in main.cf, in file order without repeats. */
  names(): readonly string[];
  /** The same snapshot with some values replaced (unexpanded), as `-o name=value` does. */
  with(overrides: Iterable<readonly [string, string]>): Config;
}

/** One entry of master.cf. */
export interface MasterEntry {
  /** Column 1 as written: `smtp`, `127.0.0.1:2525`, `pickup`. */
  readonly name: string;
  readonly type: "inet" | "unix" | "unix-dgram" | "fifo" | "pass";
  readonly private: boolean;
  readonly unprivileged: boolean;
  readonly chroot: boolean;
  /** Seconds between wake-ups, 0 for none. */
  readonly wakeup: number;
  /** `60?`: wake up only a service that is in use. */
  readonly wakeupIfUsed: boolean;
  /** Upper bound of processes (for Postel: of simultaneous sessions or deliveries), 0 for none. */
  readonly processLimit: number;
  /** Was the limit given, or does it come from `default_process_limit`? */
  readonly processLimitIsDefault: boolean;
  /** Program name: `smtpd`, `smtp`, `pipe`. */
  readonly command: string;
  /** Arguments of the program without `-o name=value`. */
  readonly arguments: readonly string[];
  /** `-o name=value` in order, values unexpanded. */
  readonly overrides: readonly (readonly [string, string])[];
  readonly origin: Origin;
}
