/** How old the queued mail is, by domain: what qshape(1) counts. */
import { decodeText } from "../bytes/mod.ts";
import { fileSource } from "./byte_source.ts";
import { RecordWalker } from "./record_walker.ts";
import { parseSizeRecord } from "./size_record.ts";
import { QueueFileError, RecordType } from "./types.ts";

export interface ShapeOptions {
  /** Number of age ranges. */
  readonly buckets: number;
  /** Minutes of the first range. */
  readonly minutes: number;
  /** Ranges of equal length; otherwise each is twice as long as the one before. */
  readonly linear: boolean;
  /** Count by sender instead of by recipient. */
  readonly bySender: boolean;
  /** Count parent domains too, shown with a leading dot. */
  readonly parents: boolean;
  /** Seconds since the epoch: ages count from here. */
  readonly now: number;
  /** Called with what is counted so far, each time that so many messages more are. */
  readonly batch?: { readonly messages: number; readonly show: (shape: Shape) => void };
}

/** Counts of one domain: element 0 is the total, the others are the age ranges. */
export type ShapeCounts = number[];

export interface Shape {
  readonly total: ShapeCounts;
  /** By domain in lower case; `MAILER-DAEMON` for the null sender. */
  readonly domains: Map<string, ShapeCounts>;
  /** Number of different subdomains by parent domain. */
  readonly subdomains: Map<string, number>;
  /** Messages that were counted. */
  messages: number;
  /** Files that are no complete queue files. */
  skipped: number;
}

/** A table in which nothing is counted yet. */
export function emptyShape(options: Pick<ShapeOptions, "buckets">): Shape {
  return {
    total: new Array<number>(options.buckets + 1).fill(0),
    domains: new Map(),
    subdomains: new Map(),
    messages: 0,
    skipped: 0,
  };
}

/** Queue ids; directories hold other files as well. */
const FILE_NAME = /^[A-Za-z0-9]{6,}$/;
/** A complete message: rwx for the owner, nothing to write for others. */
const COMPLETE = 0o700;
const COMPLETE_MASK = 0o733;

/** Adds all messages of a queue directory, hash directories included. A directory that is missing throws. */
export function addDirectory(shape: Shape, directory: string, options: ShapeOptions): void {
  const entries = [...Deno.readDirSync(directory)];
  for (const { name, isDirectory } of entries) {
    const path = `${directory}/${name}`;
    if (isDirectory) addSubdirectory(shape, path, options);
    else if (FILE_NAME.test(name)) addFile(shape, path, options);
  }
}

/** A hash directory may go away while it is being read. */
function addSubdirectory(shape: Shape, path: string, options: ShapeOptions): void {
  try {
    addDirectory(shape, path, options);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

function addFile(shape: Shape, path: string, options: ShapeOptions): void {
  let file: Deno.FsFile;
  try {
    const info = Deno.lstatSync(path);
    if (!info.isFile || ((info.mode ?? 0) & COMPLETE_MASK) !== COMPLETE) return;
    file = Deno.openSync(path);
  } catch (error) {
    // Delivered in the meantime.
    if (error instanceof Deno.errors.NotFound) return;
    throw error;
  }
  const source = fileSource(file);
  try {
    const message = readAddresses(new RecordWalker(source, path), file);
    if (message === undefined) shape.skipped += 1;
    else addMessage(shape, message, options);
  } catch (error) {
    if (!(error instanceof QueueFileError)) throw error;
    shape.skipped += 1;
  } finally {
    source.close();
  }
}

interface Addresses {
  /** Seconds. */
  readonly time: number;
  readonly sender: string;
  readonly recipients: readonly string[];
}

/** Arrival, sender and the recipients that are not done yet; undefined for a file that is not complete. */
function readAddresses(walker: RecordWalker, file: Deno.FsFile): Addresses | undefined {
  let time: number | undefined;
  let sender: string | undefined;
  let contentLength: number | undefined;
  const recipients: string[] = [];
  const text = () => decodeText(walker.bytes.subarray(walker.start, walker.end));
  while (walker.next()) {
    switch (walker.type) {
      case RecordType.Size:
        contentLength = parseSizeRecord(text(), walker.file).contentSize;
        break;
      case RecordType.Time:
        time = parseInt(text(), 10);
        break;
      case RecordType.Sender:
        sender = text();
        break;
      case RecordType.Recipient:
        recipients.push(text());
        break;
      case RecordType.Message:
        if (contentLength !== undefined) walker.seek(walker.position + contentLength);
        break;
      case RecordType.End: {
        if (sender === undefined) return undefined;
        // A file in maildrop has no time of its own.
        const arrival = time ?? (file.statSync().mtime?.getTime() ?? 0) / 1000;
        return { time: arrival, sender, recipients };
      }
    }
  }
  return undefined;
}

/** The age range of a message, from 1. */
function bucketOf(age: number, { minutes, buckets, linear }: ShapeOptions): number {
  const units = age / (60 * minutes);
  if (units < 1) return 1;
  return Math.min(linear ? Math.floor(units + 1) : 2 + Math.floor(Math.log2(units)), buckets);
}

/** The domain under which qshape(1) counts an address: without the dots at its ends. */
function countedDomain(address: string): string {
  if (address === "") return "MAILER-DAEMON";
  const domain = address.toLowerCase().replace(/^.*@/s, "").replaceAll("..", ".");
  return domain.replace(/^\.?(.+?)\.?$/s, "$1");
}

function addMessage(shape: Shape, message: Addresses, options: ShapeOptions): void {
  if (message.recipients.length === 0) return;
  const bucket = bucketOf(options.now - message.time, options);
  for (const address of options.bySender ? [message.sender] : message.recipients) {
    count(shape.total, bucket);
    let domain: string | undefined = countedDomain(address);
    let isNewChild = false;
    while (domain !== undefined) {
      let counts = shape.domains.get(domain);
      const isNew = counts === undefined;
      if (counts === undefined) {
        counts = new Array<number>(options.buckets + 1).fill(0);
        shape.domains.set(domain, counts);
      }
      count(counts, bucket);
      if (isNewChild) shape.subdomains.set(domain, (shape.subdomains.get(domain) ?? 0) + 1);
      isNewChild = isNew;
      domain = options.parents ? parentOf(domain) : undefined;
    }
  }
  showBatch(shape, options);
}

function showBatch(shape: Shape, { batch }: ShapeOptions): void {
  shape.messages += 1;
  if (batch !== undefined && shape.messages % batch.messages === 0) batch.show(shape);
}

function count(counts: ShapeCounts, bucket: number): void {
  counts[0]! += 1;
  counts[bucket]! += 1;
}

/** `.example.com` for `a.example.com`; undefined at the top-level domain. */
function parentOf(domain: string): string | undefined {
  const name = domain.startsWith(".") ? domain.slice(1) : domain;
  const rest = name.slice(name.indexOf(".") + 1);
  return name.includes(".") && rest.includes(".") ? `.${rest}` : undefined;
}
