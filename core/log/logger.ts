import type { Fields, LogEntry, LogLevel, LogSink } from "./types.ts";

/** Says things in the name of one program, such as `postfix/smtpd`. */
export class Logger {
  readonly #tag: string | (() => string);

  /** @param tag the program's name; a function if it takes time to find out and perhaps nothing is said */
  constructor(
    readonly sink: LogSink,
    tag: string | (() => string),
    readonly pid: number = Deno.pid,
    /** How often `-v` was asked for; 0: only what an operator of a healthy system wants to know. */
    readonly verbosity: number = 0,
  ) {
    this.#tag = tag;
  }

  get tag(): string {
    return typeof this.#tag === "string" ? this.#tag : this.#tag();
  }

  /** The same log in the name of another program. */
  as(tag: string | (() => string)): Logger {
    return new Logger(this.sink, tag, this.pid, this.verbosity);
  }

  /** The same log that says more. */
  louder(by: number): Logger {
    return by === 0 ? this : new Logger(this.sink, this.#tag, this.pid, this.verbosity + by);
  }

  info(text: string, event?: string, fields?: Fields): void {
    this.#write("info", text, event, fields);
  }
  warning(text: string, event?: string, fields?: Fields): void {
    this.#write("warning", text, event, fields);
  }
  error(text: string, event?: string, fields?: Fields): void {
    this.#write("error", text, event, fields);
  }
  /** The program can't go on; the caller ends it. */
  fatal(text: string, event?: string, fields?: Fields): void {
    this.#write("fatal", text, event, fields);
  }
  /** A promise that the program makes to itself was broken; the caller ends it. */
  panic(text: string, event?: string, fields?: Fields): void {
    this.#write("panic", text, event, fields);
  }

  #write(level: LogLevel, text: string, event?: string, fields?: Fields): void {
    const entry: LogEntry = {
      time: Date.now(),
      tag: this.tag,
      pid: this.pid,
      level,
      text,
      ...(event === undefined ? {} : { event }),
      ...(fields === undefined ? {} : { fields }),
    };
    this.sink.write(entry);
  }
}
