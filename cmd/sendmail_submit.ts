/** The delivery mode of sendmail(1): a message from standard input goes to the mail system. */
import { readSync } from "node:fs";
import process from "node:process";
import { addressesOf, parseAddressList, tokensToInternal } from "../core/address/mod.ts";
import { ByteBuffer } from "../core/bytes/mod.ts";
import type { Config } from "../core/config/mod.ts";
import { messageOf } from "../core/errors/mod.ts";
import { appendRecordHeader, appendTextRecord, RecordType } from "../core/queue/mod.ts";
import { lookupUser } from "../core/system/mod.ts";
import { statusDetail } from "../daemon/cleanup/mod.ts";
import type { Post } from "../daemon/pickup/mod.ts";
import { FatalError, print, type Tool } from "./queue_tool.ts";
import { MessageReader, operandAddresses } from "./sendmail_message.ts";
import type { SendmailOptions } from "./sendmail_options.ts";
import { requireSubmitRight, withPost } from "./submission.ts";

/** Exit code of every failure, wrong usage included: the caller is to try again. */
export const EX_TEMPFAIL = 75;

/** Bits of `trace_flags`: report without delivery (`-bv`), report the first delivery (`-v`). */
const TRACE_VERIFY = 512;
const TRACE_REPORT = 1024;

/** The sender's addresses in internal form; a malformed one gives what can be made of it. */
function senderAddress(given: string, tokenLimit: number, warn: (text: string) => void): string {
  const list = parseAddressList(given, tokenLimit);
  const addresses = addressesOf(list).map((node) => tokensToInternal(node.tokens));
  if (addresses.length > 1) warn(`-f option specified malformed sender: ${given}`);
  return addresses[0] ?? "";
}

/** The full name from the environment or the user database (`&` stands for the login name there). */
function ownFullName(user: ReturnType<typeof lookupUser>): string | undefined {
  const fromEnvironment = Deno.env.get("NAME");
  if (fromEnvironment !== undefined && fromEnvironment !== "") return fromEnvironment;
  if (user === undefined) return undefined;
  const capital = user.name.slice(0, 1).toUpperCase() + user.name.slice(1);
  return user.gecos.split(/[,;%]/)[0]!.replaceAll("&", capital);
}

/**
 * Posts one message: its text, from standard input, to the recipients of the command line or of the headers. Throws
 * `FatalError` if it was not taken.
 * @returns exit code
 */
export async function submit(tool: Tool, options: SendmailOptions): Promise<number> {
  const { config, log } = tool;
  const uid = process.getuid?.() ?? 0;
  const warn = (text: string) => log.warning(text);
  await requireSubmitRight(tool, uid);
  const user = lookupUser(uid);
  const tokenLimit = config.int("header_address_token_limit");
  if (options.sender === undefined && user === undefined) {
    throw new FatalError(`no login name found for user ID ${uid}`);
  }
  const sender = options.sender === undefined ? user!.name : senderAddress(options.sender, tokenLimit, warn);
  const who = `${sender}(${uid})`;
  const recipients = options.operands.flatMap((operand) => operandAddresses(operand, tokenLimit));
  if (options.headerRecipients && options.verifyOnly) {
    throw new FatalError("-t option cannot be used with -bv");
  }
  if (recipients.length === 0 && !options.headerRecipients) {
    throw new FatalError(
      `${who}: Recipient addresses must be specified on the command line or via the -t option`,
    );
  }
  await withPost(tool, { uid, failure: EX_TEMPFAIL, who: `${who}: ` }, async (post) => {
    const fullName = (options.fullName ?? ownFullName(user))?.replace(/[\0\r\n]+/g, " ");
    const envelope = envelopeRecords(options, sender, fullName, recipients);
    await writeContent(post, envelope, config, options, { sender, who, recipients, tokenLimit });
    const { status, reason } = await post.finish();
    if (status !== 0) throw new FatalError(`${who}: ${reason === "" ? statusDetail(status).text : reason}`);
  });
  if (options.verifyOnly || options.report) {
    print(`Mail Delivery Status Report will be mailed to <${sender}>.\n`);
  }
  return 0;
}

function envelopeRecords(
  options: SendmailOptions,
  sender: string,
  fullName: string | undefined,
  recipients: readonly string[],
): Uint8Array {
  const out = new ByteBuffer();
  const attribute = (text: string) => appendTextRecord(out, RecordType.Attribute, text);
  if (options.envelopeId !== undefined) attribute(`envelope_id=${options.envelopeId}`);
  if (options.returnFlags !== 0) attribute(`ret_flags=${options.returnFlags}`);
  attribute(`rewrite_context=${options.gateway ? "remote" : "local"}`);
  if (fullName !== undefined) appendTextRecord(out, RecordType.FullName, fullName);
  appendTextRecord(out, RecordType.Sender, sender);
  if (options.encoding !== undefined) attribute(`encoding=${options.encoding}`);
  if (options.verifyOnly) attribute(`trace_flags=${TRACE_VERIFY}`);
  else if (options.report) attribute(`trace_flags=${TRACE_REPORT}`);
  if (options.verpDelimiters !== undefined) appendTextRecord(out, RecordType.Verp, options.verpDelimiters);
  appendRecipients(out, recipients, options.notify);
  appendRecordHeader(out, RecordType.Message, 0);
  return out.view();
}

function appendRecipients(out: ByteBuffer, recipients: readonly string[], notify: number): void {
  for (const recipient of recipients) {
    if (notify !== 0) appendTextRecord(out, RecordType.Attribute, `notify_flags=${notify}`);
    appendTextRecord(out, RecordType.Recipient, recipient);
  }
}

/**
 * Keeps records back as long as nobody is known who gets the message: a submission that comes to nothing is not begun, and
 * leaves nothing in the mail log but the complaint.
 */
class HeldRecords {
  #held: Uint8Array[] | undefined;

  constructor(readonly post: Post, first: Uint8Array) {
    this.#held = [first];
  }

  /** @param recipients is somebody known? `more`: may somebody be found yet? */
  async write(records: Uint8Array, recipients: boolean, more: boolean): Promise<void> {
    if (this.#held === undefined) return await this.post.write(records);
    if (!recipients) {
      // The end of a message that will be refused is not needed.
      if (more) this.#held.push(records.slice());
      return;
    }
    const held = this.#held;
    this.#held = undefined;
    for (const earlier of held) await this.post.write(earlier);
    await this.post.write(records);
  }
}

async function writeContent(
  post: Post,
  envelope: Uint8Array,
  config: Config,
  options: SendmailOptions,
  message: { sender: string; who: string; recipients: readonly string[]; tokenLimit: number },
): Promise<void> {
  const out = new ByteBuffer();
  const named = message.recipients.length > 0;
  const records = new HeldRecords(post, envelope);
  let late: readonly string[] = [];
  if (options.verifyOnly) probeContent(out, message.sender, message.recipients);
  else {
    const reader = new MessageReader({
      lineLimit: config.int("line_length_limit"),
      fixLineEndings: lineEndings(config),
      dotEnds: options.dotEnds,
      headerRecipients: options.headerRecipients,
      headerLimit: config.int("header_size_limit"),
      tokenLimit: message.tokenLimit,
    });
    await reader.read(
      readInput,
      (piece) => records.write(piece, named || reader.recipients.length > 0, reader.inHeaders),
    );
    late = reader.recipients;
    if (late.length === 0 && !named) {
      throw new FatalError(`${message.who}: No recipient addresses found in message header`);
    }
  }
  appendRecordHeader(out, RecordType.Extracted, 0);
  appendRecipients(out, late, options.notify);
  appendRecordHeader(out, RecordType.End, 0);
  await records.write(out.view(), true, false);
}

function readInput(buffer: Uint8Array): number {
  try {
    return readSync(0, buffer, 0, buffer.length, null);
  } catch (error) {
    throw new FatalError(`error reading input: ${messageOf(error)}`);
  }
}

/** What a `-bv` report is about; nobody gets to see it. */
function probeContent(out: ByteBuffer, sender: string, recipients: readonly string[]): void {
  appendTextRecord(out, RecordType.Normal, `From: ${sender}`);
  appendTextRecord(out, RecordType.Normal, "Subject: probe");
  if (recipients.length === 0) return;
  appendTextRecord(out, RecordType.Continued, "To:");
  recipients.forEach((recipient, at) => {
    const comma = at < recipients.length - 1 ? "," : "";
    appendTextRecord(out, RecordType.Normal, `\t${recipient}${comma}`);
  });
}

function lineEndings(config: Config): "always" | "strict" | "never" {
  const value = config.string("sendmail_fix_line_endings").toLowerCase();
  if (value === "always" || value === "strict" || value === "never") return value;
  throw new FatalError(`invalid sendmail_fix_line_endings value: ${value} (use always, strict or never)`);
}
