import { ByteBuffer } from "../../core/bytes/mod.ts";
import { RecordCursor, RecordType } from "../../core/queue/mod.ts";
import { ContentWriter } from "../../core/smtp/mod.ts";
import { type CleanupMessage, type CleanupResult, CleanupStatus } from "../cleanup/types.ts";
import { type FilterAttributes, ProxyFilter, ProxyFilterError } from "./proxy_filter.ts";
import type { Session } from "./session.ts";
import { ReplayFile } from "./replay_file.ts";
import { clientTold, forwardedAddress } from "./xforward.ts";

/** Stands for the queue id of a message that gets none here. */
const NO_QUEUE_ID = "NOQUEUE";
/** Wire bytes are sent on when there are this many. */
const BATCH = 65536;

/**
 * A message that goes to the filter in front of the queue and not to cleanup. It takes the same records: of the
 * envelope nothing, as the filter gets the client's commands; the content as lines of SMTP.
 */
export class ProxyMessage implements CleanupMessage {
  readonly queueId = NO_QUEUE_ID;
  readonly #filter: ProxyFilter;
  readonly #out = new ByteBuffer(8192);
  readonly #writer: ContentWriter;
  /** Commands and content wait here with `speed_adjust`. */
  readonly #replay: ReplayFile | undefined;
  readonly #commands: (readonly [text: string, wanted: 2 | 3])[] = [];
  #inContent = false;
  #trouble: ProxyFilterError | undefined;

  constructor(
    private readonly session: Session,
    private readonly attributes: FilterAttributes,
  ) {
    const { deps, settings } = session.service;
    const { proxyFilter } = settings;
    const queueDirectory = deps.config.string("queue_directory");
    this.#filter = new ProxyFilter(
      proxyFilter!,
      queueDirectory,
      session.service.access.timer,
      (text) => session.warn(text),
    );
    this.#writer = new ContentWriter(this.#out);
    this.#replay = proxyFilter!.speedAdjust ? new ReplayFile(queueDirectory) : undefined;
  }

  /** The reply that was given last in the filter's name. */
  get lastReply(): string {
    return this.#filter.lastReply;
  }

  /** Begins the message. Rejects with `ProxyFilterError`; the filter is left then. */
  async begin(mail: string): Promise<void> {
    if (this.#replay !== undefined) {
      this.#commands.push([mail, 2]);
      return;
    }
    try {
      await this.#filter.open(this.attributes, mail);
    } catch (error) {
      await this.#filter.quit();
      throw error;
    }
  }

  /** Passes RCPT or DATA on. Rejects with `ProxyFilterError`. */
  async command(text: string, wanted: 2 | 3): Promise<void> {
    if (this.#replay !== undefined) this.#commands.push([text, wanted]);
    else await this.#filter.command(text, wanted);
  }

  async write(records: Uint8Array): Promise<void> {
    const content = this.#inContent ? records : this.#behindEnvelope(records);
    if (content === undefined || this.#trouble !== undefined) return;
    this.#writer.write(content);
    if (this.#out.length > BATCH) await this.#send();
  }

  async finish(): Promise<CleanupResult> {
    try {
      if (this.#trouble !== undefined) throw this.#trouble;
      await this.#send();
      if (this.#trouble !== undefined) throw this.#trouble;
      if (this.#replay !== undefined) await this.#play(this.#replay);
      const reply = await this.#filter.end();
      const accepted = reply.code >= 200 && reply.code < 300;
      return { status: accepted ? CleanupStatus.Ok : CleanupStatus.Content, reason: reply.text };
    } catch (error) {
      if (!(error instanceof ProxyFilterError)) throw error;
      this.#filter.lastReply = error.reply;
      return { status: error.refused ? CleanupStatus.Content : CleanupStatus.Proxy, reason: error.reply };
    } finally {
      this.#replay?.close();
      await this.#filter.quit();
    }
  }

  abort(): void {
    this.#replay?.close();
    // Inside of the content, QUIT would be a part of it: the connection just ends.
    if (this.#inContent) this.#filter.drop();
    else void this.#filter.quit();
  }

  /** What follows the record that begins the content; undefined while that has not come. */
  #behindEnvelope(records: Uint8Array): Uint8Array | undefined {
    const cursor = new RecordCursor(records);
    while (cursor.next()) {
      if (cursor.type !== RecordType.Message) continue;
      this.#inContent = true;
      return records.subarray(cursor.end);
    }
    return undefined;
  }

  async #send(): Promise<void> {
    const bytes = this.#out.view();
    replaceLoneCr(bytes);
    try {
      if (this.#replay === undefined) await this.#filter.content(bytes);
      else this.#replay.append(bytes);
    } catch (error) {
      if (!(error instanceof ProxyFilterError)) throw error;
      // The client is still sending; it hears of this at the end.
      this.#trouble = error;
    }
    this.#out.clear(BATCH * 2);
  }

  async #play(replay: ReplayFile): Promise<void> {
    const [[mail] = [""], ...rest] = this.#commands;
    await this.#filter.open(this.attributes, mail);
    for (const [text, wanted] of rest) await this.#filter.command(text, wanted);
    for (const piece of replay.pieces()) await this.#filter.content(piece);
  }
}

const CR = 13;
const LF = 10;
const SPACE = 32;

/**
 * Makes every CR without LF a space: a lax server behind the filter may take it for half of a line end, and a dot near
 * it for the end of the message (smuggling).
 */
function replaceLoneCr(bytes: Uint8Array): void {
  for (let at = bytes.indexOf(CR); at >= 0; at = bytes.indexOf(CR, at + 1)) {
    if (bytes[at + 1] !== LF) bytes[at] = SPACE;
  }
}

/** What the filter may ask about the client, in the order of Postfix. @param localRewriting the client's headers are completed */
export function filterAttributes(session: Session, localRewriting: boolean): FilterAttributes {
  const { client, forwarded, helo, protocol } = session;
  const context = forwarded?.context ?? (localRewriting ? "local" : "remote");
  const known = (value: string) => value === "unknown" ? undefined : value;
  const told = clientTold(forwarded);
  if (told !== undefined) {
    return [
      ["NAME", told.name],
      ["ADDR", told.address === undefined ? undefined : forwardedAddress(told)],
      ["PORT", told.port],
      ["HELO", told.helo],
      ["IDENT", told.ident],
      ["PROTO", told.protocol],
      ["SOURCE", context.toUpperCase()],
    ];
  }
  return [
    ["NAME", known(client.name)],
    ["ADDR", known(client.rfcAddress)],
    ["PORT", known(client.port)],
    ["HELO", helo],
    ["IDENT", forwarded?.ident],
    ["PROTO", protocol],
    ["SOURCE", context.toUpperCase()],
  ];
}

/**
 * Has something done with the filter.
 * @returns undefined if that went well, else the reply for the client in wire form
 */
export async function withFilter(session: Session, action: () => Promise<void>): Promise<string | undefined> {
  try {
    await action();
    return undefined;
  } catch (error) {
    if (!(error instanceof ProxyFilterError)) throw error;
    if (!error.refused) session.blame("software");
    return error.reply;
  }
}
