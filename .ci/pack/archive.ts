/** A tar archive (POSIX ustar) of a few regular files, the same bytes for the same content. */

export interface ArchiveFile {
  /** At most 100 ASCII characters, no directories. */
  readonly name: string;
  readonly mode: number;
  readonly content: Uint8Array;
}

const BLOCK = 512;

/** A number field: octal digits, zero padded, ended by NUL. */
function octal(value: number, width: number): string {
  return value.toString(8).padStart(width - 1, "0") + "\0";
}

function header({ name, mode, content }: ArchiveFile): Uint8Array {
  if (!/^[\x21-\x7e]{1,100}$/.test(name)) throw new Error(`"${name}" can't be a name in the archive`);
  const block = new Uint8Array(BLOCK);
  const put = (text: string, at: number) => block.set(new TextEncoder().encode(text), at);
  put(name, 0);
  put(octal(mode, 8), 100);
  put(octal(0, 8), 108);
  put(octal(0, 8), 116);
  put(octal(content.length, 12), 124);
  put(octal(0, 12), 136);
  put("0", 156);
  put("ustar\x0000", 257);
  put("root", 265);
  put("root", 297);
  // The sum counts its own field as blanks.
  put(" ".repeat(8), 148);
  put(octal(block.reduce((sum, byte) => sum + byte, 0), 7) + " ", 148);
  return block;
}

/** The archive, in pieces. */
export function* tarPieces(files: readonly ArchiveFile[]): Generator<Uint8Array> {
  for (const file of files) {
    yield header(file);
    yield file.content;
    yield new Uint8Array((BLOCK - file.content.length % BLOCK) % BLOCK);
  }
  yield new Uint8Array(2 * BLOCK);
}
