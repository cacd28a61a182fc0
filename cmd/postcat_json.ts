import { decodeText } from "../core/bytes/mod.ts";
import { parseAttribute, parseTime, RecordType, RecordWalker } from "../core/queue/mod.ts";
import type { PostcatInput } from "./postcat_input.ts";
import { isHeaderLine, type PostcatOptions } from "./postcat_show.ts";

interface JsonRecipient {
  address: string;
  original?: string;
  dsn_original?: string;
  notify?: number;
  state: "pending" | "done" | "canceled";
  offset: number;
}

const STATES: Readonly<Record<number, JsonRecipient["state"]>> = {
  [RecordType.Recipient]: "pending",
  [RecordType.Done]: "done",
  [RecordType.Canceled]: "canceled",
};

/** Records of the envelope that become a member of their own. */
const MEMBERS: ReadonlyMap<number, string> = new Map([
  [RecordType.FullName, "full_name"],
  [RecordType.Inspector, "content_inspector"],
  [RecordType.Filter, "content_filter"],
  [RecordType.Redirect, "redirect_to"],
  [RecordType.Verp, "verp_delimiters"],
]);

/** What the members of a queue file are; in the order of their appearance. */
class Collector {
  readonly envelope: Record<string, unknown> = {};
  readonly recipients: JsonRecipient[] = [];
  readonly attributes: Record<string, string> = {};
  readonly headers: { name: string; value: string }[] = [];
  readonly body: string[] = [];
  #next: Partial<JsonRecipient> = {};
  #line = "";
  #inHeader = true;
  #firstLine = true;
  #midLine = false;

  envelopeRecord(walker: RecordWalker): void {
    const text = decodeText(walker.bytes.subarray(walker.start, walker.end));
    const member = MEMBERS.get(walker.type);
    const state = STATES[walker.type];
    if (member !== undefined) this.envelope[member] = text;
    else if (state !== undefined) this.#recipient(text, state, walker.offset);
    else if (walker.type === RecordType.Sender) this.envelope["sender"] ??= text;
    else if (walker.type === RecordType.OriginalRecipient) this.#next.original = text;
    else if (walker.type === RecordType.Time) this.envelope["arrival_time"] ??= parseTime(text)?.seconds;
    else if (walker.type === RecordType.Warning) this.envelope["warning_time"] = Number(text);
    else if (walker.type === RecordType.Size) this.#size(text);
    else if (walker.type === RecordType.Attribute) this.#attribute(text);
  }

  #recipient(address: string, state: JsonRecipient["state"], offset: number): void {
    this.recipients.push({ address, ...this.#next, state, offset });
    this.#next = {};
  }

  #size(text: string): void {
    const numbers = text.trim().split(/ +/).map(Number);
    this.envelope["content_size"] = numbers[0];
    this.envelope["message_size"] = numbers[4] ?? numbers[0];
    this.envelope["sendopts"] = numbers[5] ?? 0;
  }

  #attribute(text: string): void {
    const attribute = parseAttribute(text);
    if (attribute === undefined) return;
    const { name, value } = attribute;
    if (name === "dsn_orig_rcpt") this.#next.dsn_original = value;
    else if (name === "notify_flags") this.#next.notify = Number(value);
    else if (name === "create_time") this.envelope["create_time"] = Number(value);
    else this.attributes[name] = value;
  }

  contentRecord(walker: RecordWalker): void {
    if (walker.type !== RecordType.Normal && walker.type !== RecordType.Continued) return;
    const data = walker.bytes.subarray(walker.start, walker.end);
    if (this.#inHeader && !this.#midLine && !isHeaderLine(data, this.#firstLine)) this.#inHeader = false;
    this.#firstLine = false;
    this.#midLine = walker.type === RecordType.Continued;
    this.#line += decodeText(data);
    if (!this.#midLine) this.endLine();
  }

  /** Files the line that was gathered. */
  endLine(): void {
    const line = this.#line;
    this.#line = "";
    const last = this.headers.at(-1);
    if (!this.#inHeader) this.body.push(line);
    else if (/^[ \t]/.test(line) && last !== undefined) last.value += `\n${line}`;
    else {
      const colon = line.indexOf(":");
      this.headers.push({ name: line.slice(0, colon).trimEnd(), value: line.slice(colon + 1).trimStart() });
    }
  }
}

/**
 * A queue file as one line of JSON: `file`, `queue_name`, `queue_id`, then, as `-e`, `-h` and `-b` choose, `envelope`
 * (with `recipients` and `attributes`), `headers` and `body`. Octets that are not UTF-8 appear as `\udc80` to `\udcff`.
 * Throws `QueueFileError` for damaged records.
 */
export function queueFileJson(input: PostcatInput, options: PostcatOptions): string {
  const walker = new RecordWalker(input.source, input.name, options.start ?? 0);
  const collector = new Collector();
  let inContent = false;
  while (walker.next() && walker.type !== RecordType.End) {
    if (walker.type === RecordType.Message) inContent = true;
    else if (walker.type === RecordType.Extracted) inContent = false;
    else if (inContent) collector.contentRecord(walker);
    else collector.envelopeRecord(walker);
  }
  const { envelope, recipients, attributes, headers, body } = collector;
  // The empty line between headers and body belongs to neither.
  if (body[0] === "") body.shift();
  return JSON.stringify({
    file: input.name,
    ...(input.queue === undefined ? {} : { queue_name: input.queue.name, queue_id: input.queue.id }),
    ...(options.envelope ? { envelope: { ...envelope, recipients, attributes } } : {}),
    ...(options.header ? { headers } : {}),
    ...(options.body ? { body: body.map((line) => `${line}\n`).join("") } : {}),
  });
}
