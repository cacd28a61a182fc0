import { decodeText } from "../bytes/mod.ts";
import { type ByteSource, endsSource } from "./byte_source.ts";
import { attributeRecordType, parseAttribute, parseTime } from "./envelope_fields.ts";
import { RecordWalker } from "./record_walker.ts";
import { parseSizeRecord, type SizeFields } from "./size_record.ts";
import { type Envelope, QueueFileError, type Recipient, type RecipientCursor, RecordType } from "./types.ts";

/** How many named attributes a file may have (`queue_file_attribute_count_limit`). */
const DEFAULT_ATTRIBUTE_LIMIT = 100;

/** A record that is overwritten in place must have this much room. */
const FIXED_WIDTH = 15;

/** Records that say nothing about a recipient; passed over when only recipients are read. */
const IGNORED_WITH_RECIPIENTS: ReadonlySet<number> = new Set([
  RecordType.Size,
  RecordType.Time,
  RecordType.Sender,
  RecordType.Warning,
  RecordType.Filter,
  RecordType.Redirect,
]);

/** Gathers what the records of a file say. */
class EnvelopeReader {
  readonly #attributes = new Map<string, string>();
  readonly #recipients: Recipient[] = [];
  readonly #file: string;
  readonly #walker: RecordWalker;
  readonly #attributeLimit: number;
  readonly #recipientLimit: number;
  #inExtracted = false;
  /** Behind the last recipient that fits within the limit. */
  #limitReached: RecipientCursor | undefined;
  #more: RecipientCursor | undefined;
  #attributeCount = 0;
  #size: SizeFields | undefined;
  #arrival: { seconds: number; micros: number } | undefined;
  #createTime = 0;
  #sender: string | undefined;
  #fullName: string | undefined;
  #envelopeId = "";
  #returnFlags = 0;
  #filter: string | undefined;
  #inspector: string | undefined;
  #redirect: string | undefined;
  #verp: string | undefined;
  #warning: { seconds: number; offset: number } | undefined;
  #traceOffset: number | undefined;
  #doneCount = 0;
  #original = "";
  #dsnOriginal = "";
  #notify = 0;

  constructor(source: ByteSource, file: string, attributeLimit: number, recipientLimit: number) {
    this.#file = file;
    this.#walker = new RecordWalker(source, file);
    this.#attributeLimit = attributeLimit;
    this.#recipientLimit = recipientLimit;
  }

  read(): Envelope {
    const walker = this.#walker;
    for (;;) {
      if (!walker.next()) throw this.#rejected("missing end record");
      if (this.#size === undefined && walker.type !== RecordType.Size) {
        throw this.#rejected("missing size record");
      }
      switch (walker.type) {
        case RecordType.End:
          return this.#finish();
        case RecordType.Message:
          this.#skipContent(this.#contentEnd());
          break;
        default:
          this.#record(walker.type);
      }
    }
  }

  /** Goes on with recipients alone: the file was read as a whole before. */
  readMore(from: RecipientCursor): { recipients: Recipient[]; next?: RecipientCursor } {
    const walker = this.#walker;
    walker.seek(from.position);
    this.#inExtracted = from.extracted;
    while (
      this.#recipients.length < this.#recipientLimit && walker.next() && walker.type !== RecordType.End
    ) {
      if (walker.type === RecordType.Message) this.#skipContent(from.contentEnd);
      else if (!IGNORED_WITH_RECIPIENTS.has(walker.type)) this.#record(walker.type);
    }
    const recipients = this.#recipients;
    if (walker.type === RecordType.End || recipients.length < this.#recipientLimit) return { recipients };
    const { contentEnd } = from;
    return { recipients, next: { position: walker.position, extracted: this.#inExtracted, contentEnd } };
  }

  #contentEnd(): number {
    return this.#size!.contentOffset + this.#size!.contentSize;
  }

  #skipContent(contentEnd: number): void {
    const walker = this.#walker;
    if (this.#inExtracted) throw this.#unexpected();
    this.#inExtracted = true;
    walker.seek(contentEnd);
    if (!walker.next() || walker.type !== RecordType.Extracted) throw this.#unexpected();
  }

  #text(): string {
    const { bytes, start, end } = this.#walker;
    return decodeText(bytes.subarray(start, end));
  }

  #record(type: number): void {
    switch (type) {
      case RecordType.Recipient:
        this.#keep(this.#takeRecipient());
        break;
      case RecordType.Done:
      case RecordType.Canceled:
        if (type === RecordType.Done) this.#doneCount += 1;
        this.#takeRecipient();
        break;
      case RecordType.OriginalRecipient:
        this.#original = this.#text();
        break;
      case RecordType.Attribute:
        this.#attribute();
        break;
      case RecordType.Size:
        this.#size ??= parseSizeRecord(this.#text(), this.#file);
        break;
      case RecordType.Time:
        this.#time();
        break;
      case RecordType.Sender:
        this.#sender ??= this.#text();
        break;
      case RecordType.Filter:
        this.#filter = this.#text();
        break;
      case RecordType.Inspector:
        this.#inspector = this.#text();
        break;
      case RecordType.Redirect:
        this.#redirect = this.#text();
        break;
      case RecordType.FullName:
        this.#fullName = this.#text();
        break;
      case RecordType.Verp:
        this.#verp ??= this.#text();
        break;
      case RecordType.Warning:
        this.#warningTime();
        break;
      case RecordType.CreateTime:
      case RecordType.DsnReturn:
      case RecordType.DsnEnvelopeId:
      case RecordType.DsnOriginalRecipient:
      case RecordType.DsnNotify:
        this.#dsn(type, this.#text());
        break;
      case RecordType.Killed:
      case RecordType.ReturnReceipt:
      case RecordType.ErrorsTo:
      case RecordType.Priority:
        break;
      default:
        throw this.#unexpected();
    }
  }

  #keep(recipient: Recipient): void {
    if (this.#limitReached !== undefined) {
      this.#more ??= this.#limitReached;
      return;
    }
    this.#recipients.push(recipient);
    if (this.#recipients.length < this.#recipientLimit || this.#size === undefined) return;
    this.#limitReached = {
      position: this.#walker.position,
      extracted: this.#inExtracted,
      contentEnd: this.#contentEnd(),
    };
  }

  #takeRecipient(): Recipient {
    const address = this.#text();
    const recipient = {
      address,
      original: this.#original === "" ? address : this.#original,
      dsnOriginal: this.#dsnOriginal,
      notify: this.#notify,
      offset: this.#walker.offset,
    };
    this.#original = "";
    this.#dsnOriginal = "";
    this.#notify = 0;
    return recipient;
  }

  #time(): void {
    if (this.#arrival !== undefined) return;
    const time = parseTime(this.#text());
    if (time === undefined) throw this.#rejected(`bad time record "${this.#text()}"`);
    this.#arrival = time;
  }

  #warningTime(): void {
    const { start, end } = this.#walker;
    const text = this.#text().trim();
    // The payload is rewritten in place, which only a record of the usual width has room for.
    if (end - start !== FIXED_WIDTH || !/^-?\d+$/.test(text)) return;
    this.#warning = { seconds: Number(text), offset: this.#walker.position - FIXED_WIDTH };
  }

  #attribute(): void {
    const attribute = parseAttribute(this.#text());
    if (attribute === undefined) throw this.#rejected(`malformed attribute "${this.#text()}"`);
    if (attribute.value === "") return;
    const type = attributeRecordType(attribute.name);
    if (type !== undefined) {
      // Recipients have attributes of their own, so there is no limit to how many of these a file has.
      this.#dsn(type, attribute.value);
      return;
    }
    this.#attributeCount += 1;
    if (this.#attributeCount > this.#attributeLimit) throw this.#rejected("too many attributes");
    if (attribute.name === "trace_flags") this.#traceOffset = this.#walker.offset;
    this.#attributes.set(attribute.name, attribute.value);
  }

  #dsn(type: number, value: string): void {
    switch (type) {
      case RecordType.CreateTime:
        this.#createTime = this.#number(value, "create_time");
        break;
      case RecordType.DsnReturn:
        this.#returnFlags = this.#number(value, "ret_flags");
        break;
      case RecordType.DsnEnvelopeId:
        this.#envelopeId = value;
        break;
      case RecordType.DsnOriginalRecipient:
        this.#dsnOriginal = value;
        break;
      default:
        this.#notify = this.#number(value, "notify_flags");
    }
  }

  #number(value: string, name: string): number {
    if (!/^\d{1,15}$/.test(value)) throw this.#rejected(`bad ${name} "${value}"`);
    return Number(value);
  }

  #finish(): Envelope {
    const size = this.#size!;
    if (this.#arrival === undefined) throw this.#rejected("missing arrival time record");
    if (this.#sender === undefined) throw this.#rejected("missing sender record");
    return {
      ...size,
      arrival: this.#arrival,
      createTime: this.#createTime === 0 ? this.#arrival.seconds : this.#createTime,
      sender: this.#sender,
      attributes: this.#attributes,
      envelopeId: this.#envelopeId,
      returnFlags: this.#returnFlags,
      recipients: this.#recipients,
      doneCount: this.#doneCount,
      ...(this.#fullName === undefined ? {} : { fullName: this.#fullName }),
      ...(this.#filter === undefined ? {} : { filter: this.#filter }),
      ...(this.#inspector === undefined ? {} : { inspector: this.#inspector }),
      ...(this.#redirect === undefined ? {} : { redirect: this.#redirect }),
      ...(this.#verp === undefined ? {} : { verpDelimiters: this.#verp }),
      ...(this.#warning === undefined ? {} : { warning: this.#warning }),
      ...(this.#traceOffset === undefined ? {} : { traceOffset: this.#traceOffset }),
      ...(this.#more === undefined ? {} : { moreRecipients: this.#more }),
    };
  }

  #rejected(what: string): QueueFileError {
    return new QueueFileError(`${this.#file}: message rejected: ${what}`, "corrupt");
  }

  #unexpected(): QueueFileError {
    const { type, offset } = this.#walker;
    const name = type > 0x20 && type < 0x7f ? String.fromCharCode(type) : `\\${type}`;
    return new QueueFileError(
      `${this.#file}: Unexpected record type '${name}' at offset ${offset}`,
      "corrupt",
    );
  }
}

/**
 * Reads an envelope from any source, as the queue manager does: strict about what makes delivery unsafe.
 * @param file what to call the file in errors: its queue id
 */
export function readEnvelope(
  source: ByteSource,
  file: string,
  attributeLimit = DEFAULT_ATTRIBUTE_LIMIT,
  recipientLimit = Infinity,
): Envelope {
  return new EnvelopeReader(source, file, attributeLimit, recipientLimit).read();
}

/** Reads at most `limit` more recipients of a file whose envelope was read before. */
export function readRecipients(
  source: ByteSource,
  file: string,
  from: RecipientCursor,
  limit: number,
): { readonly recipients: readonly Recipient[]; readonly next?: RecipientCursor } {
  return new EnvelopeReader(source, file, Infinity, limit).readMore(from);
}

/**
 * The envelope of a message whose two ends changed hands (`QueuedMessage`): no file is touched.
 * @param head file bytes 0 .. contentOffset
 * @param tail file bytes from the `X` record to the end, which stand at `tailOffset`
 */
export function parseEnvelope(
  head: Uint8Array,
  tail: Uint8Array,
  tailOffset: number,
  file = "queue file",
): Envelope {
  return readEnvelope(endsSource(head, tail, tailOffset), file);
}
