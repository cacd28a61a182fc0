/** One conversation with cleanup, and what it led to; used by the recorder and by the test that compares. */
import { ByteBuffer, decodeText, encodeText } from "../../core/bytes/mod.ts";
import { appendRecord, appendTextRecord, readRecords } from "../../core/queue/mod.ts";

export interface CleanupCase {
  readonly name: string;
  /** main.cf settings on top of the base; `@DIR@` stands for the directory of `tables`. */
  readonly config?: Readonly<Record<string, string>>;
  /** Files for `@DIR@`, by name. */
  readonly tables?: Readonly<Record<string, string>>;
  /** Request flags; hold (4) is added so that the file stays. */
  readonly flags: number;
  /** Envelope records as `Ttext`. `T` and `M` are put in if `raw` is not set. */
  readonly envelope: readonly string[];
  /** Message text; a line end is a record end. A string without a final newline ends in an `L` record. */
  readonly content: string;
  /** Extracted records as `Ttext`, without `X` and `E`. */
  readonly extracted?: readonly string[];
  /** The records exactly as given in `envelope`; nothing is added. */
  readonly raw?: boolean;
}

export interface CleanupOutcome {
  readonly status: number;
  readonly reason: string;
  /** Records of the queue file as `Ttext`, normalized; absent if there is no file. */
  readonly file?: readonly string[];
  /** Log lines, normalized. */
  readonly log: readonly string[];
}

/** The settings that all cases share. */
export const baseConfig: Readonly<Record<string, string>> = {
  myhostname: "mx.example.com",
  mydomain: "example.com",
  myorigin: "example.com",
  mydestination: "mx.example.com, example.com, localhost",
  append_dot_mydomain: "no",
  recipient_delimiter: "+",
  inet_interfaces: "127.0.0.1",
  inet_protocols: "ipv4",
  mynetworks: "127.0.0.0/8",
  alias_maps: "",
  alias_database: "",
  compatibility_level: "3.6",
  relayhost: "",
};

/** Arrival time of every case. */
const ARRIVAL = "1795229040 1908";

/** The record stream of a case. */
export function caseRecords(test: CleanupCase): Uint8Array<ArrayBuffer> {
  const out = new ByteBuffer();
  const put = (record: string) => appendTextRecord(out, record.charCodeAt(0), record.slice(1));
  if (!test.raw) put(`T${ARRIVAL}`);
  test.envelope.forEach(put);
  if (test.raw) return out.toBytes();
  put("M");
  const lines = test.content.split("\n");
  const last = lines.pop()!;
  for (const line of lines) {
    const bytes = encodeText(line);
    let at = 0;
    while (bytes.length - at >= 2048) {
      appendRecord(out, 0x4c, bytes.subarray(at, at + 2048));
      at += 2048;
    }
    appendRecord(out, 0x4e, bytes.subarray(at));
  }
  if (last !== "") put(`L${last}`);
  put("X");
  (test.extracted ?? []).forEach(put);
  put("E");
  return out.toBytes();
}

/** A queue file as text, without what differs from run to run. */
export function normalFile(bytes: Uint8Array, id: string): string[] {
  const records: string[] = [];
  for (const { type, data } of readRecords(bytes)) {
    const letter = String.fromCharCode(type);
    const text = decodeText(data);
    // Sizes and offsets depend on the length of the id; the recipient count, the hints and the sending options do not.
    const size = text.trim().split(/ +/);
    records.push(letter === "C" ? `C${size[2]} ${size[3]} ${size[5]}` : normalText(letter + text, id));
  }
  return records;
}

/** Text without ids and times. */
export function normalText(text: string, id: string): string {
  return text.replaceAll(id, "QUEUEID").replace(/<\d{14}\.QUEUEID@/g, "<TIME.QUEUEID@")
    .replace(/^Acreate_time=\d+$/, "Acreate_time=NOW")
    .replace(/delay=[\d.e+]+, delays=[\d.\/e+]+/, "delay=N, delays=N");
}
