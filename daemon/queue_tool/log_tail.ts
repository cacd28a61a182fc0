import { messageOf } from "../../core/errors/mod.ts";

const PIECE = 65536;
const LAST_LINES = 200;

/** What happened since the last look, by the log's own words. */
export interface LogCounts {
  received: number;
  sent: number;
  deferred: number;
  bounced: number;
  rejected: number;
}

const NOTHING: LogCounts = { received: 0, sent: 0, deferred: 0, bounced: 0, rejected: 0 };

/** Follows the mail log, also when it is rotated away. */
export class LogTail {
  /** The latest lines, oldest first. */
  readonly lines: string[] = [];
  #file: Deno.FsFile | undefined;
  #inode = 0;
  #position = 0;
  #rest = "";
  #decoder = new TextDecoder();

  /** Why there are no lines; undefined if the log can be read. */
  problem: string | undefined;

  constructor(readonly path: string) {}

  /** Reads what is new. @returns counts of the new lines; zeros at the first look, which shows only the last lines */
  look(): LogCounts {
    const counts = { ...NOTHING };
    try {
      this.#follow();
    } catch (error) {
      this.problem = messageOf(error);
      return counts;
    }
    this.problem = undefined;
    const buffer = new Uint8Array(PIECE);
    for (;;) {
      const count = this.#file!.readSync(buffer);
      if (count === null) break;
      this.#position += count;
      const lines = (this.#rest + this.#decoder.decode(buffer.subarray(0, count), { stream: true })).split(
        "\n",
      );
      this.#rest = lines.pop()!;
      for (const line of lines) this.#take(line, counts);
    }
    return counts;
  }

  close(): void {
    this.#file?.close();
    this.#file = undefined;
  }

  /** Opens the log, or opens it anew when another file stands in its place. */
  #follow(): void {
    const info = Deno.statSync(this.path);
    const first = this.#file === undefined;
    if (!first && info.ino === this.#inode && info.size >= this.#position) return;
    this.#file?.close();
    this.#file = Deno.openSync(this.path);
    this.#inode = info.ino ?? 0;
    this.#rest = "";
    this.#position = 0;
    if (!first || this.lines.length > 0) return;
    this.#position = Math.max(info.size - PIECE, 0);
    this.#file.seekSync(this.#position, Deno.SeekMode.Start);
    const buffer = new Uint8Array(PIECE);
    const count = this.#file.readSync(buffer) ?? 0;
    this.#position += count;
    const lines = new TextDecoder().decode(buffer.subarray(0, count)).split("\n");
    this.#rest = lines.pop() ?? "";
    // The first one may have lost its beginning.
    if (info.size > PIECE) lines.shift();
    const ignored = { ...NOTHING };
    for (const line of lines) this.#take(line, ignored);
  }

  #take(line: string, counts: LogCounts): void {
    if (line === "") return;
    this.lines.push(line);
    if (this.lines.length > LAST_LINES) this.lines.splice(0, this.lines.length - LAST_LINES);
    countLine(line, counts);
  }
}

/** Adds what a log line tells to the counts. */
function countLine(line: string, counts: LogCounts): void {
  // One line of cleanup for every message that came in, one for every recipient that was tried.
  if (/\/cleanup\[\d+\]: [^ ]+: message-id=/.test(line)) counts.received += 1;
  else if (/, dsn=\d\.\d+\.\d+, status=sent \(/.test(line)) counts.sent += 1;
  else if (/, dsn=\d\.\d+\.\d+, status=deferred \(/.test(line)) counts.deferred += 1;
  else if (/, dsn=\d\.\d+\.\d+, status=bounced \(/.test(line)) counts.bounced += 1;
  else if (/: (?:milter-)?reject: /.test(line)) counts.rejected += 1;
}
