import { ByteBuffer, decodeText } from "../core/bytes/mod.ts";
import { longDate } from "../core/date/mod.ts";
import {
  parseAttribute,
  parseTime,
  QueueFileError,
  RecordType,
  recordTypeName,
  RecordWalker,
} from "../core/queue/mod.ts";
import type { PostcatInput } from "./postcat_input.ts";

/** What is shown. */
export interface PostcatOptions {
  readonly body: boolean;
  readonly envelope: boolean;
  readonly header: boolean;
  readonly decimal: boolean;
  /** The name of the file and a colon before each line. */
  readonly names: boolean;
  readonly offsets: boolean;
  readonly raw: boolean;
  readonly verbose: boolean;
  /** Where to start; undefined: at the beginning, with a check that it is a queue file. */
  readonly start: number | undefined;
}
import { printBytes } from "./queue_tool.ts";

/** Output leaves in pieces of this size. */
const PIECE = 65536;

/** The date as asctime(3) prints it, local time. */
function dateOf(seconds: number): string {
  const date = new Date(seconds * 1000);
  return `${longDate(date)} ${date.getFullYear()}`;
}

/** Does a content line begin a header field or continue one? */
export function isHeaderLine(line: Uint8Array, first: boolean): boolean {
  const lead = line[0];
  if (lead === 0x20 || lead === 0x09) return !first;
  let at = 0;
  while (at < line.length && line[at]! > 0x20 && line[at]! < 0x7f && line[at] !== 0x3a) at += 1;
  if (at === 0) return false;
  while (line[at] === 0x20 || line[at] === 0x09) at += 1;
  return line[at] === 0x3a;
}

const FIRST_TYPES: ReadonlySet<number> = new Set([
  RecordType.Size,
  RecordType.Time,
  RecordType.Attribute,
  RecordType.Filter,
]);

class Printer {
  readonly #input: PostcatInput;
  readonly #options: PostcatOptions;
  readonly #warn: (text: string) => void;
  readonly #walker: RecordWalker;
  readonly #out = new ByteBuffer(PIECE);
  #place: "envelope" | "header" | "body" | "extracted" = "envelope";
  #contentSize = 0;
  #sizeSeen = false;
  #firstLine = true;
  /** Is the next content record the continuation of a line? */
  #midLine = false;
  /** Did the last printed text end without its newline? */
  #openLine = false;

  constructor(input: PostcatInput, options: PostcatOptions, warn: (text: string) => void) {
    this.#input = input;
    this.#options = options;
    this.#warn = warn;
    this.#walker = new RecordWalker(input.source, input.name, options.start ?? 0);
  }

  /** False when nobody reads any more. */
  run(): boolean {
    try {
      const complete = this.#records();
      return this.#flush() && complete;
    } catch (error) {
      this.#flush();
      throw error;
    }
  }

  #records(): boolean {
    const options = this.#options;
    const walker = this.#walker;
    let first = options.start === undefined;
    for (;;) {
      // What is skipped on the way (pointers, padding) counts to the record behind it.
      const before = walker.position;
      if (first && !this.#isQueueFile()) return true;
      if (!this.#next()) return true;
      if (first) {
        if (options.envelope) {
          this.#name();
          this.#line(`*** ENVELOPE RECORDS ${this.#input.name} ***`);
        }
        first = false;
      }
      const offset = options.raw || options.verbose ? walker.offset : before;
      this.#record(offset);
      if (walker.type === RecordType.End) return true;
      if (this.#out.length > PIECE && !this.#flush()) return false;
    }
  }

  /** Does the file begin like one? An empty file is no reason to complain. */
  #isQueueFile(): boolean {
    const probe = new RecordWalker(this.#input.source, this.#input.name);
    try {
      if (!probe.next()) return false;
      // With a content filter, local submissions start with other records than the usual two.
      if (FIRST_TYPES.has(probe.type)) return true;
    } catch (error) {
      if (!(error instanceof QueueFileError)) throw error;
    }
    this.#warn(`${this.#input.name}: input is not a valid queue file`);
    return false;
  }

  #next(): boolean {
    const walker = this.#walker;
    const { raw, verbose } = this.#options;
    if (raw) return walker.nextRaw();
    if (!verbose) {
      while (walker.next()) if (walker.type !== RecordType.Padding) return true;
      return false;
    }
    if (!walker.nextRaw()) return false;
    if (walker.type === RecordType.Pointer) {
      this.#record(walker.offset);
      const target = walker.pointer();
      if (target !== 0) walker.seek(target);
      return this.#next();
    }
    return true;
  }

  #record(offset: number): void {
    const { walker, options } = { walker: this.#walker, options: this.#options };
    switch (walker.type) {
      case RecordType.Message:
        this.#marker(offset, "MESSAGE CONTENTS");
        this.#place = "header";
        if (!options.header && !options.body && this.#sizeSeen && !options.raw) {
          walker.seek(walker.position + this.#contentSize);
        }
        return;
      case RecordType.Extracted:
        // Only what follows needs a line of its own: the message itself is shown as it is.
        if (this.#openLine && options.envelope) this.#line("");
        this.#marker(offset, "HEADER EXTRACTED");
        this.#place = "extracted";
        return;
      case RecordType.End:
        this.#marker(offset, "MESSAGE FILE END");
        return;
    }
    if (this.#place === "header" || this.#place === "body") this.#content(offset);
    else if (options.envelope) this.#envelope(offset);
  }

  #content(offset: number): void {
    const { type, bytes, start, end } = this.#walker;
    const { header, body, offsets, verbose } = this.#options;
    const isText = type === RecordType.Normal || type === RecordType.Continued;
    if (isText && !this.#midLine && this.#place === "header") {
      if (!isHeaderLine(bytes.subarray(start, end), this.#firstLine)) this.#place = "body";
    }
    if (isText) {
      this.#firstLine = false;
      this.#midLine = type === RecordType.Continued;
    }
    if (this.#place === "header" ? !header : !body) return;
    if (!isText && this.#openLine) this.#line("");
    this.#prefix(offset);
    if (verbose || !isText) this.#out.appendAscii(`${recordTypeName(type, true)}: `);
    this.#out.append(bytes.subarray(start, end));
    this.#openLine = type === RecordType.Continued && !offsets && !verbose;
    if (!this.#openLine) this.#out.appendByte(0x0a);
  }

  #envelope(offset: number): void {
    const { type, bytes, start, end } = this.#walker;
    const data = bytes.subarray(start, end);
    if (type === RecordType.Size && !this.#sizeSeen) {
      this.#contentSize = parseInt(decodeText(data), 10) || 0;
      this.#sizeSeen = this.#contentSize > 0;
      if (!this.#sizeSeen) this.#warn(`invalid size record: ${decodeText(data).slice(0, 100)}`);
    }
    let name = recordTypeName(type, false);
    let value: string | undefined;
    if (type === RecordType.Time || type === RecordType.Warning) {
      value = this.#date(decodeText(data));
    } else if (type === RecordType.Attribute) {
      const text = decodeText(data);
      const attribute = parseAttribute(text);
      if (attribute === undefined) {
        const problem = text.includes("=") ? "missing attribute name" : "missing '=' after attribute name";
        this.#warn(`${this.#input.name}: malformed attribute: ${problem}: ${text.slice(0, 100)}`);
        return;
      }
      if (attribute.name === "create_time") {
        name = "create_time";
        value = this.#date(attribute.value);
      }
    }
    this.#prefix(offset);
    this.#out.appendAscii(`${name}: `);
    if (value === undefined) this.#out.append(data);
    else this.#out.appendAscii(value);
    this.#out.appendByte(0x0a);
  }

  #date(text: string): string {
    return dateOf(parseTime(text)?.seconds ?? (parseInt(text, 10) || 0));
  }

  #marker(offset: number, title: string): void {
    if (!this.#options.envelope) return;
    this.#prefix(offset);
    this.#line(`*** ${title} ${this.#input.name} ***`);
  }

  /** What a line begins with; a piece that continues one has no name in front. */
  #prefix(offset: number): void {
    if (!this.#openLine) this.#name();
    if (this.#options.offsets) this.#out.appendAscii(`${String(offset).padStart(9)} `);
    if (this.#options.decimal) this.#out.appendAscii(`${String(this.#walker.type).padStart(3)} `);
  }

  #name(): void {
    if (this.#options.names) this.#out.appendText(`${this.#input.name}: `);
  }

  #line(text: string): void {
    this.#out.appendText(text);
    this.#out.appendByte(0x0a);
    this.#openLine = false;
  }

  #flush(): boolean {
    const more = printBytes(this.#out.view());
    this.#out.clear();
    return more;
  }
}

/**
 * Prints a queue file in the form of postcat(1); false when nobody reads the output any more.
 * Throws `QueueFileError` for damaged records, after what stands before them was printed.
 */
export function showQueueFile(
  input: PostcatInput,
  options: PostcatOptions,
  warn: (text: string) => void,
): boolean {
  return new Printer(input, options, warn).run();
}
