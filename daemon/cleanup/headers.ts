/** The headers of a message: checked, counted, rewritten, dropped; what is missing is added at their end. */
import { type ByteBuffer, decodeText, encodeText } from "../../core/bytes/mod.ts";
import {
  type HeaderClass,
  HeaderFlag,
  headerNameLength,
  type KnownHeader,
  knownHeader,
  mailDate,
} from "../../core/message/mod.ts";
import { appendRecord, RecordType } from "../../core/queue/mod.ts";
import { AddressMapError, foldAddressList } from "../../core/address/mod.ts";
import { SendOption } from "../delivery/types.ts";
import { check, type CheckOutcome, inspects } from "./checks.ts";
import { fromHeaderValue } from "./from_header.ts";
import type { MessageState } from "./state.ts";
import { CleanupFlag, CleanupStatus } from "./types.ts";

const NEWLINE = 0x0a;
const TAB = 0x09;
const BLANK = 0x20;
/** Longer lines are stored in pieces (`line_length_limit`). */
const LINE_LIMIT = 2048;

const CHECK_PARAMETERS = {
  primary: "header_checks",
  mime: "mime_header_checks",
  nested: "nested_header_checks",
} as const;

const CHECK_MAPS = { primary: "header", mime: "mime", nested: "nested" } as const;

/** Takes the headers of one message as they are found. */
export class HeaderStage {
  readonly #state: MessageState;
  readonly #out: ByteBuffer;
  /** Keys of known headers met in the primary block. */
  readonly #seen = new Set<string>();
  #resent = false;
  #hops = 0;

  constructor(state: MessageState, out: ByteBuffer) {
    this.#state = state;
    this.#out = out;
  }

  /** One complete header, its lines joined by newlines; the bytes are used before this returns or resolves. */
  header(
    where: HeaderClass,
    bytes: Uint8Array,
    nameLength: number,
    known: KnownHeader | undefined,
  ): void | Promise<void> {
    const state = this.#state;
    const checked = known !== undefined && (known.flags & HeaderFlag.Mime) !== 0 ? "mime" : where;
    const maps = state.context.settings.checks[CHECK_MAPS[checked]];
    if (!inspects(state, maps)) return this.#process(where, bytes, nameLength, known);
    const outcome = check(state, maps, CHECK_PARAMETERS[checked], "header", decodeText(bytes));
    const apply = (verdict: CheckOutcome) => {
      if (state.stopped || !verdict.keep) return;
      if (verdict.prepend !== undefined) this.write(encodeText(verdict.prepend));
      if (verdict.replace === undefined) return this.#process(where, bytes, nameLength, known);
      const text = encodeText(verdict.replace);
      const length = headerNameLength(text, 0, text.length);
      return this.#process(where, text, length, knownHeader(text, 0, length));
    };
    return outcome instanceof Promise ? outcome.then(apply) : apply(outcome);
  }

  #process(
    where: HeaderClass,
    bytes: Uint8Array,
    nameLength: number,
    known: KnownHeader | undefined,
  ): void | Promise<void> {
    const state = this.#state;
    this.#detectUtf8(bytes);
    if (known === undefined) return this.#unknown(where, bytes, nameLength);
    if (known.key === "content-transfer-encoding") this.#noteEncoding(bytes, nameLength);
    if (where !== "primary") return this.write(bytes);
    this.#note(known, bytes, nameLength);
    if (state.stopped) return;
    const scope = (known.flags & HeaderFlag.Sender) !== 0
      ? "sender"
      : (known.flags & HeaderFlag.Recipient) !== 0
      ? "recipient"
      : undefined;
    const dropped = state.context.settings.dropHeaders.has(known.key);
    if (dropped) return;
    if (scope === undefined || state.headerContext === undefined) return this.write(bytes);
    return this.#rewrite(scope, bytes, nameLength);
  }

  /** A header that means nothing here, but may be one that is to be dropped. */
  #unknown(where: HeaderClass, bytes: Uint8Array, nameLength: number): void {
    const { dropHeaders, dropsUnknownHeaders } = this.#state.context.settings;
    const dropped = dropsUnknownHeaders && where === "primary" &&
      dropHeaders.has(decodeText(bytes.subarray(0, nameLength)).toLowerCase());
    if (!dropped) this.write(bytes);
  }

  /** Counts, logs and remembers what the header says. */
  #note(known: KnownHeader, bytes: Uint8Array, nameLength: number): void {
    const state = this.#state;
    const { settings, log } = state.context;
    this.#seen.add(known.key);
    if ((known.flags & HeaderFlag.Resent) !== 0) this.#resent = true;
    switch (known.key) {
      case "message-id": {
        const id = headerValue(bytes, nameLength);
        log.info(`${state.queueId}: message-id=${id}`, "message-id", {
          queueId: state.queueId,
          messageId: id,
        });
        state.messageId ??= /<[^<>\s]+>/.exec(id)?.[0];
        break;
      }
      case "resent-message-id":
        log.info(`${state.queueId}: resent-message-id=${headerValue(bytes, nameLength)}`);
        break;
      case "received":
        this.#hops += 1;
        if (this.#hops === settings.hopcountLimit) state.refuse(CleanupStatus.Hops, "hopcount exceeded");
        break;
      case "tls-required":
        if (settings.tlsRequiredHeader && headerValue(bytes, nameLength).trim().toLowerCase() === "no") {
          state.sendopts |= SendOption.TlsNotRequired;
        }
        break;
      case "require-tls-esmtp":
        // A content filter has brought the message back, and the sender's demand with it.
        if (settings.requireTlsHeader && headerValue(bytes, nameLength).trim().toLowerCase() === "yes") {
          state.sendopts |= SendOption.RequireTls;
        }
        break;
    }
  }

  #detectUtf8(bytes: Uint8Array): void {
    const state = this.#state;
    if ((state.sendopts & SendOption.Smtputf8Header) !== 0 || bytes.every((byte) => byte < 0x80)) return;
    state.sendopts |= SendOption.Smtputf8Header;
    if ((state.flags & CleanupFlag.AutoUtf8) !== 0) state.sendopts |= SendOption.Smtputf8;
  }

  /** 8-bit content may be declared by a part alone (`detect_8bit_encoding_header`). */
  #noteEncoding(bytes: Uint8Array, nameLength: number): void {
    const { settings } = this.#state.context;
    if (!settings.detect8bitEncoding) return;
    const encoding = headerValue(bytes, nameLength).trimEnd().toLowerCase();
    if (encoding === "8bit" || encoding === "binary") this.#state.attributes.set("encoding", "8bit");
  }

  #rewrite(scope: "sender" | "recipient", bytes: Uint8Array, nameLength: number): void | Promise<void> {
    const state = this.#state;
    const name = decodeText(bytes.subarray(0, nameLength));
    const value = decodeText(bytes.subarray(nameLength + 1));
    const finish = (rewritten: string | undefined) => {
      if (rewritten === undefined) this.write(bytes);
      else this.write(encodeText(foldAddressList(`${name}: ${rewritten}`)));
    };
    const failed = (error: unknown) => {
      if (!(error instanceof AddressMapError)) throw error;
      state.warn(error.message);
      state.errors |= CleanupStatus.Write;
    };
    try {
      const answer = state.context.deps.rewriting.rewriteHeaderAddresses(
        value,
        scope,
        state.headerContext!,
        state.mapping,
      );
      if (answer instanceof Promise) return answer.then(finish).catch(failed);
      finish(answer);
    } catch (error) {
      failed(error);
    }
  }

  /** Writes a header: one record a line; lines that are continued begin with white space. */
  write(header: Uint8Array): void {
    const out = this.#out;
    const { headerSizeLimit } = this.#state.context.settings;
    if (header.length > headerSizeLimit) header = cutHeader(header, headerSizeLimit);
    let at = 0;
    while (at <= header.length) {
      const newline = header.indexOf(NEWLINE, at);
      const end = newline < 0 ? header.length : newline;
      let line = header.subarray(at, end);
      if (at > 0 && line[0] !== BLANK && line[0] !== TAB) {
        const indented = new Uint8Array(line.length + 1);
        indented[0] = TAB;
        indented.set(line, 1);
        line = indented;
      }
      while (line.length > LINE_LIMIT) {
        appendRecord(out, RecordType.Continued, line.subarray(0, LINE_LIMIT));
        line = line.subarray(LINE_LIMIT);
      }
      appendRecord(out, RecordType.Normal, line);
      at = end + 1;
    }
  }

  /** The message's own headers are over: what is missing is added (RFC 5322, 3.6). */
  end(): void {
    const state = this.#state;
    const { settings, log } = state.context;
    if (state.stopped) return;
    if (!this.#seen.has("received")) return state.refuse(CleanupStatus.Bad, "no Received: header");
    const prefix = this.#resent ? "Resent-" : "";
    const small = prefix.toLowerCase();
    const add = (header: string) => this.write(encodeText(header));
    if (state.headerContext !== undefined || settings.alwaysAddMissingHeaders) {
      if (!this.#seen.has(`${small}message-id`)) {
        const id = this.#newMessageId();
        add(`${prefix}Message-Id: ${id}`);
        log.info(`${state.queueId}: ${small}message-id=${id}`, "message-id", {
          queueId: state.queueId,
          messageId: id,
        });
        if (prefix === "") state.messageId = id;
      }
      if (!this.#seen.has(`${small}date`)) add(`${prefix}Date: ${mailDate(state.arrival!.seconds)}`);
      if (!this.#seen.has(`${small}from`)) {
        const value = fromHeaderValue({
          sender: state.sender ?? "",
          fullName: state.fullName,
          obsolete: settings.obsoleteFromFormat,
          charset: (state.flags & CleanupFlag.Smtputf8) !== 0 ? undefined : settings.fullNameCharset,
        });
        add(`${prefix}From: ${value}`);
      }
      const visible = this.#seen.has("to") || this.#seen.has("cc") || this.#seen.has("resent-to") ||
        this.#seen.has("resent-cc");
      if (!visible && settings.undisclosedRecipientsHeader !== "") add(settings.undisclosedRecipientsHeader);
    }
    const requiresTls = (state.sendopts & SendOption.RequireTls) !== 0;
    if (requiresTls && settings.requireTlsHeader && !this.#seen.has("require-tls-esmtp")) {
      add("Require-TLS-ESMTP: yes");
    }
    if (!this.#seen.has("message-id") && state.messageId === undefined) {
      log.info(`${state.queueId}: message-id=<>`, "message-id", { queueId: state.queueId, messageId: "" });
    }
  }

  /** Unique by the queue id, within the second if ids are short. */
  #newMessageId(): string {
    const { queueId, writer, context: { settings } } = this.#state;
    if (settings.longQueueIds) return `<${queueId}@${settings.myhostname}>`;
    const stamp = new Date(writer.created.seconds * 1000).toISOString().replace(/[-:T]/g, "").slice(0, 14);
    return `<${stamp}.${queueId}@${settings.myhostname}>`;
  }
}

/** Cuts a header that is too long: at the start of the line that does not fit, if less than a tenth is lost by that. */
function cutHeader(header: Uint8Array, limit: number): Uint8Array {
  const lineEnd = header.lastIndexOf(NEWLINE, limit);
  return header.subarray(0, lineEnd + 1 > 0.9 * limit ? lineEnd : limit);
}

/** What stands behind the colon, from the first character that is not white space. */
function headerValue(bytes: Uint8Array, nameLength: number): string {
  return decodeText(bytes.subarray(nameLength + 1)).trimStart();
}
