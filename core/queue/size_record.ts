import { QueueFileError, RecordType } from "./types.ts";

/** The six numbers of the `C` record, which stands first in every queue file. */
export interface SizeFields {
  /** Offset of the `X` record minus `contentOffset`. */
  readonly contentSize: number;
  /** Offset just after the `M` record. */
  readonly contentOffset: number;
  /** `R` records written. */
  readonly recipientCount: number;
  /** Bit 0: recipients are mixed with other records; bits 1 to 4: notify flags in use. */
  readonly hints: number;
  /** Length of the content as edited by Milters; what is logged as `size=`. */
  readonly messageSize: number;
  /** SMTPUTF8 and other sending options. */
  readonly sendopts: number;
}

const COLUMNS = 15;
const PAYLOAD = 6 * COLUMNS + 5;

/** Length of the whole `C` record in bytes. */
export const SIZE_RECORD_LENGTH = PAYLOAD + 2;

/** `number` in 15 columns, right-justified: the form of every field that is overwritten in place. */
export function fixedNumber(value: number): string {
  return String(value).padStart(COLUMNS, " ");
}

/** The whole `C` record. */
export function formatSizeRecord(fields: SizeFields): Uint8Array<ArrayBuffer> {
  const record = new Uint8Array(SIZE_RECORD_LENGTH).fill(0x20);
  record[0] = RecordType.Size;
  record[1] = PAYLOAD;
  const values = [
    fields.contentSize,
    fields.contentOffset,
    fields.recipientCount,
    fields.hints,
    fields.messageSize,
    fields.sendopts,
  ];
  for (let field = 0; field < 6; field++) {
    let at = 2 + field * (COLUMNS + 1) + COLUMNS - 1;
    let rest = values[field]!;
    do {
      record[at] = 0x30 + rest % 10;
      at -= 1;
      rest = Math.floor(rest / 10);
    } while (rest > 0);
  }
  return record;
}

/** Bits of the hints field that have a meaning. */
const HINTS_MASK = 31;

/**
 * Reads the payload of a `C` record. Old files have three to five numbers: then recipients count as mixed and the
 * message size is the content size.
 * @param file what to call the file in an error
 */
export function parseSizeRecord(text: string, file: string): SizeFields {
  const numbers = text.trim().split(/ +/).map((part) => /^\d{1,15}$/.test(part) ? Number(part) : -1);
  const [contentSize, contentOffset, recipientCount] = numbers;
  if (contentSize === undefined || contentOffset === undefined || contentSize < 0 || contentOffset <= 0) {
    throw new QueueFileError(`${file}: message rejected: bad size record "${text}"`, "corrupt");
  }
  const hints = numbers[3] ?? 1;
  if (hints < 0 || hints > HINTS_MASK) {
    throw new QueueFileError(`${file}: message rejected: bad hints in size record "${text}"`, "corrupt");
  }
  return {
    contentSize,
    contentOffset,
    recipientCount: Math.max(recipientCount ?? 0, 0),
    hints,
    messageSize: Math.max(numbers[4] ?? contentSize, 0),
    sendopts: Math.max(numbers[5] ?? 0, 0),
  };
}
