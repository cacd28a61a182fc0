/** The message on standard input of sendmail(1), turned into queue file records. */
import { ByteBuffer, decodeText } from "../core/bytes/mod.ts";
import { addressesOf, parseAddressList, tokensToInternal } from "../core/address/mod.ts";
import { HeaderFlag, MimeEvent, MimeScanner } from "../core/message/mod.ts";
import { appendRecord, RecordType } from "../core/queue/mod.ts";

const NEWLINE = 0x0a;
const CR = 0x0d;
const DOT = 0x2e;
const GREATER = 0x3e;
const FROM = new TextEncoder().encode("From ");
const CHUNK = 65536;

export interface MessageRules {
  /** `line_length_limit`: longer lines are cut into pieces. */
  readonly lineLimit: number;
  /** `sendmail_fix_line_endings` */
  readonly fixLineEndings: "always" | "strict" | "never";
  readonly dotEnds: boolean;
  /** Recipients are taken from the headers (`-t`). */
  readonly headerRecipients: boolean;
  readonly headerLimit: number;
  readonly tokenLimit: number;
}

/** Reads into a buffer; 0 or null at the end of input. */
export type ReadInput = (buffer: Uint8Array) => number | null | Promise<number | null>;

/** Turns input into `N` and `L` records, line by line. */
export class MessageReader {
  readonly #rules: MessageRules;
  readonly #scanner: MimeScanner | undefined;
  readonly #out = new ByteBuffer(CHUNK);
  readonly #recipients: string[] = [];
  readonly #resentRecipients: string[] = [];
  #fixing: boolean;
  #firstLine = true;
  #skipFrom = true;
  #previousWasPiece = false;
  #ended = false;

  constructor(rules: MessageRules) {
    this.#rules = rules;
    this.#fixing = rules.fixLineEndings === "always";
    if (rules.headerRecipients) {
      this.#scanner = new MimeScanner({
        headerLimit: rules.headerLimit,
        boundaryLimit: 0,
        nestingLimit: 0,
        disabled: true,
        report: 0,
      });
    }
  }

  /** Recipients found in the headers, in internal form: those of the resent block if it names any (RFC 5322, 3.6.6). */
  get recipients(): readonly string[] {
    return this.#resentRecipients.length > 0 ? this.#resentRecipients : this.#recipients;
  }

  /** May a header still come that names recipients? */
  get inHeaders(): boolean {
    return this.#scanner !== undefined && !this.#scanner.passive && !this.#ended;
  }

  /** Reads all input and hands records to `write` in large pieces. */
  async read(input: ReadInput, write: (records: Uint8Array) => Promise<void>): Promise<void> {
    const { lineLimit } = this.#rules;
    let buffer = new Uint8Array(CHUNK);
    let filled = 0;
    for (;;) {
      const count = await input(buffer.subarray(filled));
      const over = count === null || count === 0;
      filled += count ?? 0;
      let at = 0;
      while (at < filled && !this.#ended) {
        const newline = buffer.subarray(0, filled).indexOf(NEWLINE, at);
        const end = newline < 0 ? filled : newline;
        if (end - at >= lineLimit) {
          this.#piece(RecordType.Continued, buffer, at, at + lineLimit);
          at += lineLimit;
        } else if (newline >= 0) {
          this.#piece(RecordType.Normal, buffer, at, newline);
          at = newline + 1;
        } else if (over) {
          this.#piece(RecordType.Continued, buffer, at, filled);
          at = filled;
        } else break;
      }
      if (over || this.#ended) this.#finish();
      if (this.#out.length > 0) await write(this.#out.view());
      this.#out.clear(CHUNK * 2);
      if (over || this.#ended) return;
      if (at === 0 && filled === buffer.length) {
        const grown = new Uint8Array(buffer.length * 2);
        grown.set(buffer);
        buffer = grown;
      }
      buffer.copyWithin(0, at, filled);
      filled -= at;
    }
  }

  #piece(type: number, bytes: Uint8Array, start: number, end: number): void {
    const first = this.#firstLine;
    this.#firstLine = false;
    const continues = this.#previousWasPiece;
    this.#previousWasPiece = type === RecordType.Continued;
    if (type === RecordType.Normal) {
      // Input in network form: decided by the first line when only such input is to be mended.
      if (first && this.#rules.fixLineEndings === "strict") {
        this.#fixing = bytes[end - 1] === CR && end > start;
      }
      if (this.#fixing) { while (end > start && bytes[end - 1] === CR) end -= 1; }
    }
    if (this.#rules.dotEnds && !continues && end - start === 1 && bytes[start] === DOT) {
      this.#ended = true;
      this.#previousWasPiece = false;
      return;
    }
    if (this.#skipFrom) {
      if (type === RecordType.Normal && isFromLine(bytes, start, end)) return;
      this.#skipFrom = false;
    }
    if (this.#scanner === undefined || this.#scanner.passive) {
      appendRecord(this.#out, type, bytes.subarray(start, end));
    } else this.#scan(this.#scanner, type, bytes, start, end);
  }

  #scan(scanner: MimeScanner, type: number, bytes: Uint8Array, start: number, end: number): void {
    for (;;) {
      switch (scanner.feed(type, bytes, start, end)) {
        case MimeEvent.Body:
          appendRecord(this.#out, type, bytes.subarray(start, end));
          return;
        case MimeEvent.Held:
          return;
        case MimeEvent.Header:
          this.#header(scanner);
          break;
        case MimeEvent.BlankLine:
          appendRecord(this.#out, RecordType.Normal, new Uint8Array(0));
          break;
      }
    }
  }

  #finish(): void {
    const scanner = this.#scanner;
    if (scanner === undefined) return;
    for (;;) {
      const event = scanner.end();
      if (event === MimeEvent.Body) return;
      if (event === MimeEvent.Header) this.#header(scanner);
    }
  }

  #header(scanner: MimeScanner): void {
    const { header, knownHeader, headerNameLength } = scanner;
    if (knownHeader !== undefined && (knownHeader.flags & HeaderFlag.Extract) !== 0) {
      const list = (knownHeader.flags & HeaderFlag.Resent) !== 0 ? this.#resentRecipients : this.#recipients;
      const value = decodeText(header.subarray(headerNameLength + 1));
      list.push(...addressList(value, this.#rules.tokenLimit));
    }
    let at = 0;
    while (at <= header.length) {
      const newline = header.indexOf(NEWLINE, at);
      const end = newline < 0 ? header.length : newline;
      this.#headerLine(header.subarray(at, end));
      at = end + 1;
    }
  }

  #headerLine(line: Uint8Array): void {
    const { lineLimit } = this.#rules;
    let at = 0;
    while (line.length - at > lineLimit) {
      appendRecord(this.#out, RecordType.Continued, line.subarray(at, at + lineLimit));
      at += lineLimit;
    }
    appendRecord(this.#out, RecordType.Normal, line.subarray(at));
  }
}

/** `From ` at the start of a mailbox message, possibly quoted by mail programs. */
function isFromLine(bytes: Uint8Array, start: number, end: number): boolean {
  let at = start;
  while (at < end && bytes[at] === GREATER) at += 1;
  return at + FROM.length <= end && FROM.every((byte, offset) => bytes[at + offset] === byte);
}

/** The addresses in a list, in internal form, empty ones left out. */
function addressList(text: string, tokenLimit: number): string[] {
  return addressesOf(parseAddressList(text, tokenLimit)).map((node) => tokensToInternal(node.tokens))
    .filter((address) => address !== "");
}

/** The recipients that an operand names, in internal form; one without any address is the empty one. */
export function operandAddresses(operand: string, tokenLimit: number): string[] {
  const found = addressesOf(parseAddressList(operand, tokenLimit)).map((node) =>
    tokensToInternal(node.tokens)
  );
  return found.length > 0 ? found : [""];
}
