/**
 * What leaves by SMTP in another form than it lies in the queue: addresses in headers (generic(5)), headers and body lines
 * as smtp_header_checks and its like say (header_checks(5)).
 */
import {
  AddressMapError,
  createAddressing,
  createGenericMap,
  foldAddressList,
  type GenericMap,
} from "../../core/address/mod.ts";
import { ByteBuffer, decodeText, encodeText } from "../../core/bytes/mod.ts";
import type { Config } from "../../core/config/types.ts";
import type { Logger } from "../../core/log/mod.ts";
import {
  checkAction,
  HeaderFlag,
  isHeaderText,
  type KnownHeader,
  MimeEvent,
  MimeScanner,
} from "../../core/message/mod.ts";
import { appendRecord } from "../../core/queue/mod.ts";
import { type ContentReader, RecordType } from "../../core/queue/types.ts";
import { TableError, type TableList, type TableSet } from "../../core/table/mod.ts";
import { JoinedReader } from "./joined_reader.ts";

export interface ContentFilterDeps {
  readonly config: Config;
  readonly tables: TableSet;
  readonly log: Logger;
}

/** A table could not answer: the message must not leave unchanged. */
export class ContentFilterError extends Error {
  override readonly name = "ContentFilterError";
}

/** Changes a message's content. Rejects with `ContentFilterError` or `QueueFileError`, and closes `reader` then. */
export type ContentFilter = (reader: ContentReader, queueId: string) => Promise<ContentReader>;

type Protocol = "smtp" | "lmtp";
type CheckClass = "header" | "mime_header" | "nested_header" | "body";

const CLASSES = { primary: "header", mime: "mime_header", nested: "nested_header" } as const;
const LIMIT_OF_LINE = 2048;
const NEWLINE = 0x0a;
const BLANK = 0x20;
const TAB = 0x09;

interface Checks {
  readonly maps: TableList;
  /** The name of the parameter, for messages about the table. */
  readonly parameter: string;
}

/** The filter of a client; undefined if nothing in main.cf asks for one. Throws `TableError`. */
export function createContentFilter(deps: ContentFilterDeps, protocol: Protocol): ContentFilter | undefined {
  const { config } = deps;
  const checks: Partial<Record<CheckClass, Checks>> = {};
  for (const name of ["header", "mime_header", "nested_header", "body"] as const) {
    const parameter = `${protocol}_${name}_checks`;
    const value = config.string(parameter);
    if (value !== "") checks[name] = { maps: deps.tables.list(value, {}, parameter), parameter };
  }
  const generic = config.string(`${protocol}_generic_maps`) === ""
    ? undefined
    : createGenericMap({ ...deps, addressing: createAddressing(deps) }, `${protocol}_generic_maps`);
  if (generic === undefined && Object.keys(checks).length === 0) return undefined;
  return async (reader, queueId) => {
    const run = new FilterRun(deps, protocol, checks, generic, queueId);
    try {
      return await run.filter(reader);
    } catch (error) {
      reader.close();
      if (!(error instanceof TableError) && !(error instanceof AddressMapError)) throw error;
      throw new ContentFilterError(error.message);
    }
  };
}

class FilterRun {
  readonly #out = new ByteBuffer(8192);
  readonly #scanner: MimeScanner;
  readonly #pastHeader: boolean;
  #headerEnded = false;

  constructor(
    private readonly deps: ContentFilterDeps,
    private readonly protocol: Protocol,
    private readonly checks: Partial<Record<CheckClass, Checks>>,
    private readonly generic: GenericMap | undefined,
    private readonly queueId: string,
  ) {
    const { config } = deps;
    // With nothing to look for behind the message's own header, that is all that is held in memory.
    this.#pastHeader = checks.header !== undefined || checks.mime_header !== undefined ||
      checks.nested_header !== undefined || checks.body !== undefined;
    this.#scanner = new MimeScanner({
      headerLimit: config.int("header_size_limit"),
      boundaryLimit: config.int("mime_boundary_length_limit"),
      nestingLimit: config.int("mime_nesting_limit"),
      disabled: !this.#pastHeader,
      report: 0,
    });
  }

  async filter(reader: ContentReader): Promise<ContentReader> {
    while (reader.next()) {
      const isOver = await this.#record(reader) || (this.#scanner.passive && this.checks.body === undefined);
      if (isOver) return new JoinedReader(this.#out.toBytes(), reader, true);
    }
    for (let event = this.#scanner.end(); event !== MimeEvent.Body; event = this.#scanner.end()) {
      if (event === MimeEvent.Header) await this.#header();
    }
    return new JoinedReader(this.#out.toBytes(), reader, false);
  }

  /** Takes the record; true: the header is over, and the rest is not of interest. */
  async #record(reader: ContentReader): Promise<boolean> {
    const { type, bytes, start, end } = reader;
    for (;;) {
      switch (this.#scanner.feed(type, bytes, start, end)) {
        case MimeEvent.Held:
          return false;
        case MimeEvent.Header:
          await this.#header();
          break;
        case MimeEvent.HeadersEnd:
          this.#headerEnded = true;
          break;
        case MimeEvent.BlankLine:
          appendRecord(this.#out, RecordType.Normal, new Uint8Array(0));
          break;
        case MimeEvent.Body:
          await this.#body(type, bytes.subarray(start, end));
          return this.#headerEnded && !this.#pastHeader;
      }
    }
  }

  async #header(): Promise<void> {
    const { headerClass, headerNameLength, knownHeader } = this.#scanner;
    let header: Uint8Array = this.#scanner.header.slice();
    const kind = knownHeader !== undefined && (knownHeader.flags & HeaderFlag.Mime) !== 0
      ? "mime_header"
      : CLASSES[headerClass as keyof typeof CLASSES];
    const checks = this.checks[kind];
    if (checks !== undefined) {
      const text = decodeText(header);
      const result = await this.#check(checks, "header", text);
      if (result === undefined) return;
      if (result !== text) header = encodeText(result);
    }
    if (headerClass === "primary" && knownHeader !== undefined) {
      header = await this.#withGenericAddresses(header, headerNameLength, knownHeader);
    }
    this.#writeHeader(header);
  }

  async #withGenericAddresses(
    header: Uint8Array,
    nameLength: number,
    known: KnownHeader,
  ): Promise<Uint8Array> {
    if (this.generic === undefined || (known.flags & (HeaderFlag.Sender | HeaderFlag.Recipient)) === 0) {
      return header;
    }
    const value = await this.generic.rewriteHeader(decodeText(header.subarray(nameLength + 1)));
    if (value === undefined) return header;
    return encodeText(foldAddressList(`${decodeText(header.subarray(0, nameLength))}: ${value}`));
  }

  async #body(type: number, line: Uint8Array): Promise<void> {
    const { body } = this.checks;
    if (
      body === undefined || line.length === 0 ||
      this.#scanner.bodyOffset >= this.deps.config.int("body_checks_size_limit")
    ) {
      appendRecord(this.#out, type, line);
      return;
    }
    // The line's bytes may be gone when a table has answered.
    const kept = line.slice();
    const nul = kept.indexOf(0);
    const text = decodeText(nul < 0 ? kept : kept.subarray(0, nul));
    const result = await this.#check(body, "body", text);
    if (result === undefined) return;
    appendRecord(this.#out, type, result === text ? kept : encodeText(result));
  }

  async #lookup({ maps }: Checks, where: "header" | "body", line: string): Promise<string | undefined> {
    try {
      return await maps.lookup(line);
    } catch (error) {
      if (error instanceof TableError) {
        this.deps.log.warning(`${this.queueId}: ${this.protocol} ${where} checks lookup error`);
      }
      throw error;
    }
  }

  /** What stands in the place of a line; undefined: nothing does. */
  async #check(checks: Checks, where: "header" | "body", line: string): Promise<string | undefined> {
    const { log } = this.deps;
    const { parameter } = checks;
    const value = await this.#lookup(checks, where, line);
    if (value === undefined) return line;
    const { name, text } = checkAction(value);
    const note = (verdict: string) =>
      log.info(`${this.queueId}: ${verdict}: ${where} ${line.slice(0, 60)}${text === "" ? "" : `: ${text}`}`);
    const fits = (action: string) => {
      if (text === "") {
        log.warning(`${action} action without text in ${parameter} map`);
        return false;
      }
      if (where === "header" && !isHeaderText(text)) {
        log.warning(
          `bad ${action} header text "${text}" in ${parameter} map -- need "headername: headervalue"`,
        );
        return false;
      }
      note(action.toLowerCase());
      return true;
    };
    switch (name) {
      case "WARN":
        note("warning");
        return line;
      case "INFO":
        note("info");
        return line;
      case "REPLACE":
        return fits("REPLACE") ? text : line;
      case "PREPEND":
        if (fits("PREPEND")) {
          if (where === "header") this.#writeHeader(encodeText(text));
          else appendRecord(this.#out, RecordType.Normal, encodeText(text));
        }
        return line;
      case "STRIP":
        note("strip");
        return undefined;
      case "IGNORE":
        return undefined;
      case "DUNNO":
      case "OK":
        return line;
      default:
        log.warning(`unsupported command in ${parameter} map: ${value}`);
        return line;
    }
  }

  /** Writes a header, a record for each line. */
  #writeHeader(header: Uint8Array): void {
    for (let at = 0; at <= header.length;) {
      const newline = header.indexOf(NEWLINE, at);
      const end = newline < 0 ? header.length : newline;
      let line = header.subarray(at, end);
      if (at > 0 && line[0] !== BLANK && line[0] !== TAB) {
        line = new Uint8Array([TAB, ...line]);
      }
      for (; line.length > LIMIT_OF_LINE; line = line.subarray(LIMIT_OF_LINE)) {
        appendRecord(this.#out, RecordType.Continued, line.subarray(0, LIMIT_OF_LINE));
      }
      appendRecord(this.#out, RecordType.Normal, line);
      at = end + 1;
    }
  }
}
