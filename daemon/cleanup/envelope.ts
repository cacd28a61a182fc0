/** The first part of the stream: who sends to whom, and what is known about where the message came from. */
import { decodeText } from "../../core/bytes/mod.ts";
import {
  appendRecord,
  appendTextRecord,
  attributeRecordType,
  fixedNumber,
  Notify,
  parseTime,
  RecordType,
} from "../../core/queue/mod.ts";
import { addRecipient, setSender } from "./recipients.ts";
import type { MessageState } from "./state.ts";
import { CleanupFlag, CleanupStatus } from "./types.ts";

const ENVELOPE_TYPES = new Set(encodeTypes("MCTcFILSDRO/WVA>K<ion"));
const EXTRACTED_TYPES = new Set(encodeTypes("EDRO/PreAFIL>Kon"));
/** With one of these the recipients begin. */
const RECIPIENT_TYPES = new Set(encodeTypes("MDRO/Kon"));

function encodeTypes(letters: string): number[] {
  return [...letters].map((letter) => letter.charCodeAt(0));
}

const printable = /^[\x20-\x7e]*$/;

/** Splits `name = value`; the text says what is wrong. */
function splitAttribute(text: string): { name: string; value: string } | string {
  const equals = text.indexOf("=");
  if (equals < 0) return "missing '=' after attribute name";
  const name = text.slice(0, equals).trim();
  if (name === "") return "missing attribute name";
  return { name, value: text.slice(equals + 1).trim() };
}

/** One record of the initial (or, with `extracted`, of the final) envelope. `data` is valid during the call only. */
export function envelopeRecord(
  state: MessageState,
  type: number,
  data: Uint8Array,
  extracted: boolean,
): void | Promise<void> {
  if (type === RecordType.Flags) return extraFlags(state, decodeText(data));
  if (type === RecordType.Milters && !extracted) return milterCount(state, decodeText(data));
  if (type === RecordType.Pointer || type === RecordType.Padding) return forbiddenType(state, type);
  let mapped = type;
  const whole = decodeText(data);
  let text = whole;
  let attribute: { name: string; value: string } | undefined;
  if (type === RecordType.Attribute) {
    const split = splitAttribute(text);
    if (typeof split === "string") {
      return state.refuse(CleanupStatus.Bad, `malformed attribute: ${split}: ${text.slice(0, 100)}`);
    }
    if (split.value === "") {
      state.warn(`spurious null attribute value for "${split.name}" -- ignored`);
      return;
    }
    attribute = split;
    const pseudo = attributeRecordType(split.name);
    if (pseudo !== undefined) {
      mapped = pseudo;
      text = split.value;
    }
  }
  if (!(extracted ? EXTRACTED_TYPES : ENVELOPE_TYPES).has(type)) {
    const where = extracted ? "extracted envelope" : "envelope";
    return state.refuse(CleanupStatus.Bad, `unexpected record type ${type} in ${where}`);
  }
  if (!state.inRecipients && RECIPIENT_TYPES.has(type) && !beginRecipients(state)) return;
  switch (mapped) {
    case RecordType.Recipient:
      return recipientRecord(state, text);
    case RecordType.Done:
    case RecordType.Canceled:
      return forgetPending(state);
    case RecordType.DsnOriginalRecipient:
      if (state.pendingDsnOriginal !== undefined) {
        state.warn(
          `ignoring out-of-order DSN original recipient record <${state.pendingDsnOriginal.slice(0, 200)}>`,
        );
      }
      state.pendingDsnOriginal = text;
      return;
    case RecordType.DsnNotify:
      return notifyRecord(state, text, whole);
    case RecordType.OriginalRecipient:
      if (state.pendingOriginal !== undefined) {
        state.warn(
          `ignoring out-of-order original recipient record <${state.pendingOriginal.slice(0, 200)}>`,
        );
      }
      state.pendingOriginal = text;
      return;
    case RecordType.Message:
      state.inRecipients = false;
      return;
  }
  if (state.inRecipients) state.queueManagerHints |= 1;
  return otherRecord(state, type, mapped, data, text, attribute, extracted);
}

function otherRecord(
  state: MessageState,
  type: number,
  mapped: number,
  data: Uint8Array,
  text: string,
  attribute: { name: string; value: string } | undefined,
  extracted: boolean,
): void | Promise<void> {
  switch (mapped) {
    case RecordType.Size:
    case RecordType.CreateTime:
      // Our own take their place.
      return;
    case RecordType.Time:
      return timeRecord(state, data, text);
    case RecordType.FullName:
      if (state.fullName !== undefined) return;
      state.fullName = text;
      break;
    case RecordType.Sender:
      if (extracted) break;
      if (state.sender !== undefined) {
        return state.refuse(CleanupStatus.Bad, "multiple envelope sender records");
      }
      return setSender(state, text);
    case RecordType.DsnEnvelopeId:
      if (extracted) break;
      if (!printable.test(text)) return state.refuse(CleanupStatus.Bad, "bad DSN envelope ID record");
      state.envelopeId = text;
      break;
    case RecordType.DsnReturn:
      if (extracted) break;
      if (text !== "1" && text !== "2") {
        return state.refuse(CleanupStatus.Bad, `bad DSN RET record <${decodeText(data).slice(0, 200)}>`);
      }
      state.returnFlags = Number(text);
      break;
    case RecordType.Warning:
      if (state.warningSeen) return;
      if (!/^ *-?\d{1,15}$/.test(text)) {
        return state.refuse(CleanupStatus.Bad, `bad warning time record: ${text.slice(0, 100)}`);
      }
      state.warningSeen = true;
      // Its width is fixed: the queue manager overwrites it in place.
      appendTextRecord(state.out, RecordType.Warning, fixedNumber(Number(text)));
      return;
    case RecordType.Verp:
      if (!acceptVerp(state, text)) return;
      break;
    case RecordType.Attribute:
      if (!rememberAttribute(state, attribute!, extracted)) return;
      break;
  }
  appendRecord(state.out, type, data);
}

/** Pointers and padding belong to files that were edited in place; a client has no business with them. */
export function forbiddenType(state: MessageState, type: number): void {
  state.errors |= CleanupStatus.Bad;
  state.warn(`record type ${type} not allowed - discarding this message`);
}

function extraFlags(state: MessageState, text: string): void {
  const flags = parseInt(text, 10) || 0;
  if (flags & ~(CleanupFlag.Hold | CleanupFlag.Discard)) {
    state.warn(`ignoring bad extra flags: 0x${(flags >>> 0).toString(16)}`);
  } else state.flags |= flags;
}

/** "0" says that the client has been through its own Milters; more of them would have to come over this connection. */
function milterCount(state: MessageState, text: string): void {
  if (!/^[1-9]/.test(text)) return;
  state.warn("hand-over of Milter connections is not supported - deferring this message");
  state.errors |= CleanupStatus.Proxy;
}

function beginRecipients(state: MessageState): boolean {
  if (state.sender === undefined) {
    state.refuse(CleanupStatus.Bad, "missing sender envelope record");
    return false;
  }
  if (state.arrival === undefined) {
    state.refuse(CleanupStatus.Bad, "missing time envelope record");
    return false;
  }
  const delay = state.context.settings.delayWarningTime;
  if (!state.warningSeen && state.sender !== "" && delay > 0) {
    state.warningSeen = true;
    appendTextRecord(state.out, RecordType.Warning, fixedNumber(state.arrival.seconds + delay));
  }
  state.inRecipients = true;
  return true;
}

function forgetPending(state: MessageState): void {
  state.pendingOriginal = undefined;
  state.pendingDsnOriginal = undefined;
  state.pendingNotify = 0;
}

async function recipientRecord(state: MessageState, address: string): Promise<void> {
  await addRecipient(state, {
    address,
    original: state.pendingOriginal ?? address,
    dsnOriginal: state.pendingDsnOriginal,
    notify: state.pendingNotify,
  });
  forgetPending(state);
}

function notifyRecord(state: MessageState, text: string, record: string): void {
  if (state.pendingNotify !== 0) {
    state.warn(`ignoring out-of-order DSN notify record <${state.pendingNotify}>`);
    state.pendingNotify = 0;
  }
  const flags = /^[0-9]+$/.test(text) ? Number(text) : 0;
  const combinations = Notify.Success | Notify.Failure | Notify.Delay;
  if (flags !== Notify.Never && (flags === 0 || (flags & ~combinations) !== 0)) {
    state.warn(`ignoring malformed DSN notify record <${record.slice(0, 200)}>`);
    return;
  }
  state.pendingNotify = flags;
  state.queueManagerHints |= flags << 1;
}

function timeRecord(state: MessageState, data: Uint8Array, text: string): void {
  if (state.arrival === undefined) {
    state.arrival = parseTime(text);
    if (state.arrival === undefined || state.arrival.seconds === 0) {
      return state.refuse(CleanupStatus.Bad, `bad time envelope record: ${text.slice(0, 100)}`);
    }
    appendRecord(state.out, RecordType.Time, data);
  }
  appendTextRecord(state.out, RecordType.Attribute, `create_time=${Math.floor(Date.now() / 1000)}`);
}

function acceptVerp(state: MessageState, text: string): boolean {
  if (state.verpDelimiters !== undefined) return false;
  if (state.sender === undefined || state.sender === "") {
    state.warn("ignoring VERP request for null sender");
    return false;
  }
  const allowed = state.context.settings.verpDelimiterFilter;
  if (text.length !== 2 || !allowed.includes(text[0]!) || !allowed.includes(text[1]!)) {
    state.warn(`ignoring bad VERP request: "${text.slice(0, 100)}"`);
    return false;
  }
  state.verpDelimiters = text;
  return true;
}

function rememberAttribute(
  state: MessageState,
  { name, value }: { name: string; value: string },
  extracted: boolean,
): boolean {
  const { settings } = state.context;
  if (state.attributes.size >= settings.attributeCountLimit) {
    state.refuse(CleanupStatus.Bad, `attribute count exceeds limit ${settings.attributeCountLimit}`);
    return false;
  }
  if (name === "rewrite_context" && !extracted) {
    if (value === "local") state.headerContext = "local";
    else if (value === "remote") {
      state.headerContext = settings.remoteHeaderRewriteDomain === "" ? undefined : "remote";
    } else {
      state.refuse(CleanupStatus.Bad, `bad rewriting context: ${value.slice(0, 100)}`);
      return false;
    }
  }
  state.attributes.set(name, value);
  return true;
}
