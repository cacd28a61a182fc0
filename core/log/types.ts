/** `classic`: a syslog line; `json`: one object a line (`postel_log_format`). */
export type LogFormat = "classic" | "json";

/** Details of an event. Undefined members are left out of JSON. */
export type Fields = Readonly<Record<string, string | number | boolean | undefined | readonly string[]>>;

/** `info` lines have no label; the others print as `warning: `, `error: `, `fatal: `, `panic: `. */
export type LogLevel = "info" | "warning" | "error" | "fatal" | "panic";

/** One thing that happened. */
export interface LogEntry {
  /** Milliseconds since the epoch. */
  readonly time: number;
  /** The tag without the pid: `postfix/smtpd`. */
  readonly tag: string;
  readonly pid: number;
  readonly level: LogLevel;
  readonly text: string;
  /** Name of the kind of event, `delivery`, `connect` ...; absent for free text. */
  readonly event?: string;
  readonly fields?: Fields;
}

/** Where entries go. `write` never throws: a mail system does not stop because its log is full. */
export interface LogSink {
  write(entry: LogEntry): void;
  /** Writes out what is held back; called before the process ends. */
  flush(): void;
  /** Gives back what is open; nothing is written afterwards. */
  close?(): void;
}
