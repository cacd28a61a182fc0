/**
 * 8-bit content for receivers that take 7-bit only (RFC 6152, 3): every part that is declared 8bit or binary is
 * encoded as quoted-printable (RFC 2045, 6.7), and its Content-Transfer-Encoding header changed.
 */
import { ByteBuffer } from "../bytes/mod.ts";
import { type ContentReader, RecordType } from "../queue/types.ts";
import { encodingDomain } from "./content_declaration.ts";
import { MimeEvent, MimeScanner } from "./mime.ts";

export interface DowngradeLimits {
  /** `header_size_limit` */
  readonly headerLimit: number;
  /** `mime_boundary_length_limit` */
  readonly boundaryLimit: number;
  /** `mime_nesting_limit` */
  readonly nestingLimit: number;
}

const NEWLINE = 0x0a;
const TAB = 0x09;
const SPACE = 0x20;
const EQUALS = 0x3d;
const HEX = new TextEncoder().encode("0123456789ABCDEF");
/** A line of encoded text is broken when it got this long. */
const SOFT_LIMIT = 72;

/** Reads `reader`'s content in 7-bit form. Closing and rewinding it does the same to `reader`. */
export function downgradeContent(reader: ContentReader, limits: DowngradeLimits): ContentReader {
  return new DowngradingReader(reader, limits);
}

class DowngradingReader implements ContentReader {
  readonly #source: ContentReader;
  readonly #limits: DowngradeLimits;
  #scanner: MimeScanner;
  /** Converted lines that have not been given out: their bytes, and where each ends. */
  readonly #lines = new ByteBuffer(4096);
  #ends: number[] = [];
  #types: number[] = [];
  #given = 0;
  /** The line that is being encoded. */
  readonly #encoded = new ByteBuffer(80);
  #over = false;

  type: number = RecordType.Normal;
  bytes: Uint8Array = new Uint8Array(0);
  start = 0;
  end = 0;

  constructor(source: ContentReader, limits: DowngradeLimits) {
    this.#source = source;
    this.#limits = limits;
    this.#scanner = this.#newScanner();
  }

  #newScanner(): MimeScanner {
    return new MimeScanner({ ...this.#limits, disabled: false, report: 0, everyBlock: true });
  }

  next(): boolean {
    while (this.#given === this.#ends.length) {
      this.#lines.clear();
      this.#ends = [];
      this.#types = [];
      this.#given = 0;
      if (this.#over) return false;
      if (!this.#source.next()) {
        this.#over = true;
        this.#finish();
      } else if (this.#take()) return true;
    }
    this.bytes = this.#lines.view();
    this.start = this.#given === 0 ? 0 : this.#ends[this.#given - 1]!;
    this.end = this.#ends[this.#given]!;
    this.type = this.#types[this.#given]!;
    this.#given += 1;
    return true;
  }

  /** Takes the source's record. True: it can be given out as it is. */
  #take(): boolean {
    const { type, bytes, start, end } = this.#source;
    for (;;) {
      switch (this.#scanner.feed(type, bytes, start, end)) {
        case MimeEvent.Held:
          return false;
        case MimeEvent.Header:
          this.#header();
          break;
        case MimeEvent.HeadersEnd:
          this.#headersEnd();
          break;
        case MimeEvent.BlankLine:
          this.#line(RecordType.Normal, new Uint8Array(0));
          break;
        case MimeEvent.Body:
          if (this.#eightBit) {
            this.#encode(bytes, start, end);
            if (type === RecordType.Normal) this.#hardBreak();
            return false;
          }
          if (this.#ends.length > 0) {
            this.#line(type, bytes.subarray(start, end));
            return false;
          }
          this.type = type;
          this.bytes = bytes;
          this.start = start;
          this.end = end;
          return true;
      }
    }
  }

  #finish(): void {
    if (this.#encoded.length > 0) this.#hardBreak();
    for (let event = this.#scanner.end(); event !== MimeEvent.Body; event = this.#scanner.end()) {
      if (event === MimeEvent.Header) this.#header();
      else if (event === MimeEvent.HeadersEnd) this.#headersEnd();
    }
  }

  get #eightBit(): boolean {
    return encodingDomain(this.#scanner.encoding) !== "7bit";
  }

  #header(): void {
    const { knownHeader, header } = this.#scanner;
    // The new encoding is known when all headers were seen.
    if (knownHeader?.key === "content-transfer-encoding" && this.#eightBit) return;
    let at = 0;
    while (at <= header.length) {
      const newline = header.indexOf(NEWLINE, at);
      const end = newline < 0 ? header.length : newline;
      this.#line(RecordType.Normal, header.subarray(at, end));
      at = end + 1;
    }
  }

  #headersEnd(): void {
    if (!this.#eightBit) return;
    const encoding = this.#scanner.composite ? "7bit" : "quoted-printable";
    this.#line(RecordType.Normal, new TextEncoder().encode(`Content-Transfer-Encoding: ${encoding}`));
  }

  #line(type: number, bytes: Uint8Array): void {
    this.#lines.append(bytes);
    this.#ends.push(this.#lines.length);
    this.#types.push(type);
  }

  #encode(bytes: Uint8Array, start: number, end: number): void {
    const out = this.#encoded;
    for (let at = start; at < end; at++) {
      if (out.length > SOFT_LIMIT) {
        out.appendByte(EQUALS);
        this.#line(RecordType.Normal, out.view());
        out.clear();
      }
      const byte = bytes[at]!;
      if ((byte < SPACE && byte !== TAB) || byte === EQUALS || byte > 0x7e) this.#quote(byte);
      else out.appendByte(byte);
    }
  }

  #quote(byte: number): void {
    this.#encoded.appendByte(EQUALS);
    this.#encoded.appendByte(HEX[byte >> 4]!);
    this.#encoded.appendByte(HEX[byte & 15]!);
  }

  /** The line ends: white space before that must be quoted, or it would be lost on the way. */
  #hardBreak(): void {
    const out = this.#encoded;
    const last = out.length === 0 ? undefined : out.view()[out.length - 1]!;
    if (last === SPACE || last === TAB) {
      const kept = out.view(0, out.length - 1).slice();
      out.clear();
      out.append(kept);
      this.#quote(last);
    }
    this.#line(RecordType.Normal, out.view());
    out.clear();
  }

  rewind(): void {
    this.#source.rewind();
    this.#scanner = this.#newScanner();
    this.#lines.clear();
    this.#encoded.clear();
    this.#ends = [];
    this.#types = [];
    this.#given = 0;
    this.#over = false;
  }

  close(): void {
    this.#source.close();
  }
}
