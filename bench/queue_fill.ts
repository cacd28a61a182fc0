/** Fills a queue directory with deferred messages, written as queue files and logs without going through a mail system. */
import process from "node:process";
import { ByteBuffer } from "../core/bytes/mod.ts";
import {
  appendRecord,
  appendTextRecord,
  formatLogRecord,
  formatSizeRecord,
  isQueueId,
  RecordType,
  shortId,
  SIZE_RECORD_LENGTH,
} from "../core/queue/mod.ts";

const NOTHING = new Uint8Array(0);
const HEX = "0123456789ABCDEF";

/** Seconds until the messages are due: later than any benchmark ends. */
const DUE = 6 * 3600;

/** The bytes of message number `index`, as cleanup would have left them. */
function queueFile(index: number, now: number): { bytes: Uint8Array; recipient: string; offset: number } {
  const out = new ByteBuffer();
  const empty = {
    contentSize: 0,
    contentOffset: 0,
    recipientCount: 0,
    hints: 0,
    messageSize: 0,
    sendopts: 0,
  };
  const recipient = `user${index}@dest${index % 500}.example`;
  out.append(formatSizeRecord(empty));
  appendTextRecord(out, RecordType.Time, `${now} ${index % 1000000}`);
  appendTextRecord(out, RecordType.Attribute, `create_time=${now}`);
  appendTextRecord(out, RecordType.Attribute, "rewrite_context=remote");
  appendTextRecord(out, RecordType.Sender, `sender${index % 1000}@bench.example`);
  for (
    const attribute of [
      "log_client_name=client.example",
      "log_client_address=192.0.2.7",
      "log_client_port=40312",
      "log_message_origin=client.example[192.0.2.7]",
      "log_helo_name=client.example",
      "log_protocol_name=ESMTP",
      `dsn_orig_rcpt=rfc822;${recipient}`,
    ]
  ) appendTextRecord(out, RecordType.Attribute, attribute);
  appendTextRecord(out, RecordType.OriginalRecipient, recipient);
  const offset = out.length;
  appendTextRecord(out, RecordType.Recipient, recipient);
  appendRecord(out, RecordType.Message, NOTHING);
  const contentOffset = out.length;
  for (let line = 0; line < 12; line++) {
    appendTextRecord(out, RecordType.Normal, line < 4 ? `X-Header-${line}: ${index}` : "x".repeat(70));
  }
  const contentSize = out.length - contentOffset;
  appendRecord(out, RecordType.Extracted, NOTHING);
  appendRecord(out, RecordType.End, NOTHING);
  const bytes = out.view().slice();
  const size = { ...empty, contentSize, contentOffset, recipientCount: 1, messageSize: contentSize };
  bytes.set(formatSizeRecord(size).subarray(0, SIZE_RECORD_LENGTH));
  return { bytes, recipient, offset };
}

export interface Owner {
  readonly uid: number;
  readonly gid: number;
}

function writeFile(path: string, bytes: Uint8Array, mode: number): number {
  const file = Deno.openSync(path, { write: true, createNew: true, mode });
  file.writeSync(bytes);
  const inode = file.statSync().ino!;
  file.close();
  return inode;
}

function makeHashDirectories(queue: string): void {
  for (const name of ["deferred", "defer"]) {
    for (const hash of HEX) Deno.mkdirSync(`${queue}/${name}/${hash}`, { recursive: true, mode: 0o700 });
  }
}

/**
 * Puts `count` deferred messages with their defer logs into a queue directory that has its directories already. The files
 * belong to whoever runs this.
 */
function fillDeferred(queue: string, count: number): void {
  makeHashDirectories(queue);
  const now = Math.floor(Date.now() / 1000);
  for (let index = 0; index < count; index++) {
    const { bytes, recipient, offset } = queueFile(index, now);
    const micros = (index * 7919) % 1000000;
    const hash = shortId(micros, 0)[0]!;
    const temporary = `${queue}/deferred/${hash}/new`;
    const id = shortId(micros, writeFile(temporary, bytes, 0o700));
    const path = `${queue}/deferred/${hash}/${id}`;
    Deno.renameSync(temporary, path);
    Deno.utimeSync(path, now + DUE, now + DUE);
    const entry = {
      recipient: {
        address: recipient,
        original: recipient,
        dsnOriginal: `rfc822;${recipient}`,
        notify: 0,
        offset,
      },
      action: "delayed",
      status: "4.4.1",
      reason: `connect to dest${index % 500}.example[192.0.2.${index % 250}]:25: Connection timed out`,
    };
    writeFile(`${queue}/defer/${hash}/${id}`, formatLogRecord(entry, (text) => text, true), 0o600);
  }
}

/** The same in a process of its own, which belongs to the mail system's user: two queues can be filled side by side. */
export async function fillInProcess(queue: string, count: number, owner: Owner): Promise<void> {
  const { success } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", import.meta.filename!, queue, count, owner.uid, owner.gid].map(String),
  }).spawn().status;
  if (!success) throw new Error(`Filling ${queue} failed`);
}

/** Moves everything from `maildrop` back to `deferred`, due later; what a requeue did is undone. */
export function undoRequeue(queue: string): void {
  const due = Math.floor(Date.now() / 1000) + DUE;
  for (const { name } of Deno.readDirSync(`${queue}/maildrop`)) {
    if (!isQueueId(name)) continue;
    const path = `${queue}/deferred/${name[0]}/${name}`;
    Deno.renameSync(`${queue}/maildrop/${name}`, path);
    Deno.utimeSync(path, due, due);
  }
}

if (import.meta.main) {
  const [queue, count, uid, gid] = Deno.args;
  process.setgid!(Number(gid));
  process.setuid!(Number(uid));
  Deno.umask(0o077);
  fillDeferred(queue!, Number(count));
}
