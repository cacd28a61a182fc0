import { ByteBuffer } from "../../core/bytes/mod.ts";
import { messageOf } from "../../core/errors/mod.ts";
import { mailDate } from "../../core/message/mod.ts";
import { appendRecord, appendTextRecord, Notify, RecordType } from "../../core/queue/mod.ts";
import { QueueFileError, type Recipient } from "../../core/queue/types.ts";
import { CleanupFlag, type CleanupMessage, completeMessage, timeText } from "../cleanup/mod.ts";
import { isDamage, MESSAGE_ATTRIBUTES, SendOption } from "../delivery/mod.ts";
import { deliveredTo } from "../mailbox/mod.ts";
import { type Context, deferred, sent, type State } from "./state.ts";

/** Bytes of records that are handed over at once. */
const CHUNK = 65536;

/** One new message: recipients with the same Delivered-To: header and the same sender. */
interface Forward {
  readonly delivered: string;
  readonly sender: string;
  readonly envelopeId: string;
  readonly returnFlags: number;
  readonly recipients: Recipient[];
}

/** What one recipient's mail is sent on to, collected until all of its expansion is known. */
export class Forwards {
  readonly #forwards = new Map<string, Forward>();

  /** Adds the state's recipient. */
  add(state: State): void {
    const { delivered, sender, envelopeId, returnFlags } = state;
    const key = `${delivered}\n${sender}`;
    let forward = this.#forwards.get(key);
    if (forward === undefined) {
      forward = { delivered, sender, envelopeId, returnFlags, recipients: [] };
      this.#forwards.set(key, forward);
    }
    forward.recipients.push(state.recipient);
  }

  get isEmpty(): boolean {
    return this.#forwards.size === 0;
  }

  /** Puts the new messages into the queue; false if one was not taken. @param state the recipient as it arrived */
  async send(context: Context, state: State): Promise<boolean> {
    let finished = true;
    for (const forward of this.#forwards.values()) {
      if (!await sendOne(context, state, forward)) finished = false;
    }
    return finished;
  }
}

function envelopeRecords(out: ByteBuffer, context: Context, forward: Forward): void {
  const { request } = context;
  const attribute = (name: string, value: string) =>
    appendTextRecord(out, RecordType.Attribute, `${name}=${value}`);
  appendTextRecord(out, RecordType.Time, timeText(Date.now()));
  appendTextRecord(out, RecordType.Sender, forward.sender);
  if (forward.returnFlags !== 0) attribute("ret_flags", String(forward.returnFlags));
  if (forward.envelopeId !== "") attribute("envelope_id", forward.envelopeId);
  for (const name of MESSAGE_ATTRIBUTES) {
    const value = request.attributes.get(name);
    if (value !== undefined && value !== "") attribute(name, value);
  }
}

function recipientRecords(out: ByteBuffer, recipient: Recipient): void {
  const { dsnOriginal, notify, original, address } = recipient;
  const text = (type: number, value: string) => appendTextRecord(out, type, value);
  if (dsnOriginal !== "") text(RecordType.Attribute, `dsn_orig_rcpt=${dsnOriginal}`);
  if (notify !== 0) text(RecordType.Attribute, `notify_flags=${notify}`);
  if (original !== "") text(RecordType.OriginalRecipient, original);
  text(RecordType.Recipient, address);
}

async function writeMessage(context: Context, forward: Forward, message: CleanupMessage): Promise<void> {
  const { settings } = context;
  const out = new ByteBuffer(4096);
  const drain = async (least: number) => {
    if (out.length <= least) return;
    await message.write(out.view());
    out.clear(2 * CHUNK);
  };
  const line = (text: string) => appendTextRecord(out, RecordType.Normal, text);
  envelopeRecords(out, context, forward);
  for (const recipient of forward.recipients) {
    recipientRecords(out, recipient);
    await drain(CHUNK);
  }
  appendTextRecord(out, RecordType.Message, "");
  line(`Received: by ${settings.hostname} (${settings.mailName})`);
  line(`\tid ${message.queueId}; ${mailDate(Date.now() / 1000)}`);
  if (settings.prependDelivered.has("forward")) {
    // Without its case, unlike in mailboxes.
    line(deliveredTo(context.deps.addressing.rules.foldCase(forward.delivered)));
  }
  const reader = context.content.read();
  while (reader.next()) {
    appendRecord(out, reader.type, reader.bytes.subarray(reader.start, reader.end));
    await drain(CHUNK);
  }
  appendTextRecord(out, RecordType.Extracted, "");
  appendTextRecord(out, RecordType.End, "");
  await drain(0);
}

/** The new message's queue id. Throws an `Error` that says why it was not taken. */
async function post(context: Context, forward: Forward): Promise<string> {
  const { deps, settings, request } = context;
  const flags = CleanupFlag.Bounce | CleanupFlag.Map |
    (settings.detectUtf8 ? CleanupFlag.AutoUtf8 : 0) |
    ((request.sendopts & SendOption.Smtputf8) !== 0 ? CleanupFlag.Smtputf8 : 0);
  const message = await deps.beginMessage(flags);
  return await completeMessage(message, () => writeMessage(context, forward, message));
}

async function sendOne(context: Context, state: State, forward: Forward): Promise<boolean> {
  let id: string;
  try {
    id = await post(context, forward);
  } catch (error) {
    if (isDamage(error)) throw error;
    const why = messageOf(error);
    context.deps.log.warning(`${context.request.queueId}: cannot forward: ${why}`);
    const reason = error instanceof QueueFileError ? error.message : "unable to forward message";
    return await deferred(context, state, { status: "4.3.0", reason });
  }
  // That the mail was sent on is no news: the expansion was reported, if that was wanted.
  return await sent(context, {
    ...state,
    recipient: { ...state.recipient, notify: withoutSuccess(state.recipient) },
  }, {
    status: "2.0.0",
    reason: `forwarded as ${id}`,
    action: "relayed",
  });
}

/** NOTIFY of a recipient whose success was reported already (RFC 3461 section 5.2.7). */
export function withoutSuccess({ notify }: Recipient): number {
  return notify === Notify.Success ? Notify.Never : notify & ~Notify.Success;
}
