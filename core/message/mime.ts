/**
 * Finds the headers of a message and of its parts (RFC 2045, 2046): which lines are headers, which are body, where
 * parts begin. It never fails: what it can't make sense of is body text. It works on lines as they stand in a queue
 * file (without line end, long lines in pieces) and tells the caller what to do with each; it writes nothing itself.
 */
import { ByteBuffer, decodeText } from "../bytes/mod.ts";
import { RecordType } from "../queue/types.ts";
import {
  type ContentKind,
  declaredEncoding,
  declaredType,
  type Encoding,
  encodingFits,
} from "./content_declaration.ts";
import { headerNameLength, type KnownHeader, knownHeader } from "./header_name.ts";
import { MimeError } from "./mime_error.ts";

/** Where a header stands: in the message's own block, in the block of a part, or in an attached message. */
export type HeaderClass = "primary" | "mime" | "nested";

/** What `MimeScanner.feed` says about a line; see there. */
export const MimeEvent = {
  Body: 0,
  Held: 1,
  Header: 2,
  HeadersEnd: 3,
  BlankLine: 4,
} as const;

export interface MimeOptions {
  /** `header_size_limit`, bytes. A header takes in no further line once it is as long. */
  readonly headerLimit: number;
  /** `mime_boundary_length_limit`, characters. */
  readonly boundaryLimit: number;
  /** `mime_nesting_limit`. */
  readonly nestingLimit: number;
  /** Look at the message's own headers only; all the rest is body. */
  readonly disabled: boolean;
  /** `MimeError` bits that are looked for. */
  readonly report: number;
  /** Announce the end of every header block (`HeadersEnd`), not only of the message's own. */
  readonly everyBlock?: boolean;
  /** Told the first time a rule is broken (nesting: every time), with the offending text. */
  readonly onError?: (error: number, text: string) => void;
}

/** A multipart that has not ended yet. */
interface OpenMultipart {
  readonly boundary: Uint8Array;
  /** What its parts are unless they say something else. */
  readonly partKind: ContentKind;
}

const DASH = 0x2d;

/** Takes the lines of one message and tells what each of them is. */
export class MimeScanner {
  readonly #options: MimeOptions;
  /** The header being collected: its lines joined by newlines. */
  readonly #header: ByteBuffer;
  #collecting = false;
  #nameLength = 0;
  #known: KnownHeader | undefined;
  #previousWasPiece = false;
  #state: HeaderClass | "body" = "primary";
  #headersEnded = false;
  #contentKind: ContentKind = "leaf";
  #encoding: Encoding = "7bit";
  readonly #open: OpenMultipart[] = [];
  /** `MimeError` bits met so far. */
  errors = 0;
  /** Bytes of the current body that came before the line that was fed last, line ends not counted. */
  bodyOffset = 0;
  #nextOffset = 0;

  /** @param header room for one header, for callers that keep buffers */
  constructor(options: MimeOptions, header: ByteBuffer = new ByteBuffer(512)) {
    this.#options = options;
    this.#header = header;
  }

  /** Are we past the headers with nothing left to look for? Then every further line is body and needs no `feed`. */
  get passive(): boolean {
    return this.#state === "body" && this.#open.length === 0 && !this.#watchesBody();
  }

  /** The encoding that the current entity declared. */
  get encoding(): Encoding {
    return this.#encoding;
  }

  /** Is the current entity a message or a multipart, whose parts have encodings of their own? */
  get composite(): boolean {
    return this.#contentKind === "attached-message" || this.#contentKind === "multipart";
  }

  /** The class of the headers that are being read; that of the last ones when the body has begun. */
  get headerClass(): HeaderClass {
    return this.#state === "body" ? "primary" : this.#state;
  }

  /** The header that `MimeEvent.Header` announced: its bytes, lines joined by newlines, valid until the next `feed`. */
  get header(): Uint8Array<ArrayBuffer> {
    return this.#header.view();
  }

  /** Length of the name of `header`. */
  get headerNameLength(): number {
    return this.#nameLength;
  }

  /** What is known about `header`. */
  get knownHeader(): KnownHeader | undefined {
    return this.#known;
  }

  /**
   * Takes a line or a piece of one (`type` as in the queue file) and answers:
   * - `Body`: the line is body text;
   * - `Held`: it became part of a header that is not complete yet;
   * - `Header`: before this line a header is complete, take it from `header` and feed the same line again;
   * - `HeadersEnd`: before this line the message's own headers end; feed it again;
   * - `BlankLine`: before this line an empty line must be put, as the headers of the message ended without one; feed
   *   it again.
   */
  feed(type: number, bytes: Uint8Array, start: number, end: number): number {
    if (this.#state !== "body") {
      if (this.#collecting) {
        if (this.#previousWasPiece || (end > start && (bytes[start] === 0x20 || bytes[start] === 0x09))) {
          this.#continueHeader(bytes, start, end);
          this.#previousWasPiece = type === RecordType.Continued;
          return MimeEvent.Held;
        }
        this.#completeHeader();
        return MimeEvent.Header;
      }
      if (!this.#headersEnded) {
        const nameLength = headerNameLength(bytes, start, end);
        if (nameLength > 0) {
          this.#startHeader(bytes, start, end, nameLength);
          this.#previousWasPiece = type === RecordType.Continued;
          return MimeEvent.Held;
        }
      }
      if (!this.#headersEnded) {
        this.#headersEnded = true;
        if (this.#state === "primary" || this.#options.everyBlock === true) return MimeEvent.HeadersEnd;
      }
      this.#headersEnded = false;
      this.#checkEncodingDomain();
      if (end === start) this.#enterBody();
      else {
        // Only the message's own headers are set apart; a part without a blank line is nobody else's business.
        const own = this.#state === "primary";
        this.#state = "body";
        if (own) return MimeEvent.BlankLine;
      }
    }
    return this.#bodyLine(type, bytes, start, end);
  }

  /**
   * The content is over. Answers `Header` and `HeadersEnd` like `feed` (call it again after each), then `Body`.
   */
  end(): number {
    if (this.#state === "body") return MimeEvent.Body;
    if (this.#collecting) {
      this.#completeHeader();
      return MimeEvent.Header;
    }
    if (!this.#headersEnded) {
      this.#headersEnded = true;
      if (this.#state === "primary" || this.#options.everyBlock === true) return MimeEvent.HeadersEnd;
    }
    this.#checkEncodingDomain();
    this.#state = "body";
    return MimeEvent.Body;
  }

  #startHeader(bytes: Uint8Array, start: number, end: number, nameLength: number): void {
    this.#header.clear();
    this.#header.append(bytes.subarray(start, start + nameLength));
    let at = start + nameLength;
    // The obsolete blanks between name and colon are dropped (RFC 5322, 4.5).
    while (bytes[at] === 0x20 || bytes[at] === 0x09) at += 1;
    this.#header.append(bytes.subarray(at, textEnd(bytes, at, end)));
    this.#nameLength = nameLength;
    this.#collecting = true;
  }

  #continueHeader(bytes: Uint8Array, start: number, end: number): void {
    if (this.#header.length >= this.#options.headerLimit) {
      this.#report(MimeError.TruncatedHeader, () => decodeText(this.#header.view()));
      return;
    }
    if (!this.#previousWasPiece) this.#header.appendByte(0x0a);
    this.#header.append(bytes.subarray(start, textEnd(bytes, start, end)));
  }

  #completeHeader(): void {
    this.#collecting = false;
    this.#previousWasPiece = false;
    const header = this.#header.view();
    this.#known = knownHeader(header, 0, this.#nameLength);
    if (!this.#options.disabled && this.#known !== undefined) {
      if (this.#known.key === "content-type") this.#contentType();
      else if (this.#known.key === "content-transfer-encoding") {
        this.#encoding = declaredEncoding(this.#headerValue()) ?? this.#encoding;
      }
    }
    if (
      this.#options.report & ~this.errors & MimeError.EightBitHeader && hasEightBit(header, 0, header.length)
    ) {
      this.#report(MimeError.EightBitHeader, () => decodeText(header));
    }
  }

  #headerValue(): string {
    return decodeText(this.#header.view(this.#nameLength + 1));
  }

  #contentType(): void {
    const declared = declaredType(this.#headerValue());
    if (declared === undefined) return;
    this.#contentKind = declared.kind;
    for (const boundary of declared.boundaries) this.#openMultipart(boundary, declared.partKind);
  }

  #openMultipart(boundary: string, partKind: ContentKind): void {
    // The outermost level is not counted, and the limit itself is still allowed.
    if (this.#open.length > this.#options.nestingLimit + 1) {
      this.#report(MimeError.Nesting, () => decodeText(this.#header.view()));
      return;
    }
    const bytes = new TextEncoder().encode(boundary.slice(0, this.#options.boundaryLimit));
    this.#open.push({ boundary: bytes, partKind });
  }

  #checkEncodingDomain(): void {
    if ((this.#options.report & MimeError.EncodingDomain) === 0) return;
    if (encodingFits(this.#contentKind, this.#encoding)) return;
    this.#report(MimeError.EncodingDomain, () => this.#encoding);
  }

  /** The headers ended with an empty line. */
  #enterBody(): void {
    this.#nextOffset = 0;
    if (this.#contentKind === "attached-message") this.#enter("nested", "leaf");
    else if (this.#contentKind === "multipart") this.#enter("body", "leaf");
    else this.#state = "body";
  }

  #enter(state: HeaderClass | "body", kind: ContentKind): void {
    this.#state = state;
    this.#contentKind = kind;
    this.#encoding = "7bit";
  }

  #bodyLine(type: number, bytes: Uint8Array, start: number, end: number): number {
    if (this.#watchesBody() && this.#encoding === "7bit" && hasEightBit(bytes, start, end)) {
      this.#report(MimeError.EightBitBody, () => decodeText(bytes.subarray(start, end)));
    }
    if (
      this.#open.length > 0 && !this.#previousWasPiece && bytes[start] === DASH &&
      bytes[start + 1] === DASH &&
      end - start >= 2
    ) this.#boundary(bytes, start + 2, end);
    this.#previousWasPiece = type === RecordType.Continued;
    this.bodyOffset = this.#nextOffset;
    this.#nextOffset += end - start;
    return MimeEvent.Body;
  }

  /** A line that begins with two dashes: does it end a part? The innermost multipart whose boundary it has is meant. */
  #boundary(bytes: Uint8Array, start: number, end: number): void {
    for (let level = this.#open.length - 1; level >= 0; level--) {
      const { boundary, partKind } = this.#open[level]!;
      const after = start + boundary.length;
      if (after > end || !boundary.every((byte, at) => bytes[start + at] === byte)) continue;
      this.#open.length = level + 1;
      if (after + 2 <= end && bytes[after] === DASH && bytes[after + 1] === DASH) {
        this.#open.pop();
        this.#enter("body", "leaf");
      } else this.#enter("mime", partKind);
      return;
    }
  }

  #watchesBody(): boolean {
    return (this.#options.report & ~this.errors & MimeError.EightBitBody) !== 0;
  }

  #report(error: number, text: () => string): void {
    if ((this.#options.report & error) === 0) return;
    this.errors |= error;
    this.#options.onError?.(error, text());
  }
}

/** A NUL ends the text of a header line: what programs behind us would do with one is anybody's guess. */
function textEnd(bytes: Uint8Array, start: number, end: number): number {
  const nul = bytes.indexOf(0, start);
  return nul < 0 || nul > end ? end : nul;
}

function hasEightBit(bytes: Uint8Array, start: number, end: number): boolean {
  for (let at = start; at < end; at++) if (bytes[at]! >= 0x80) return true;
  return false;
}
