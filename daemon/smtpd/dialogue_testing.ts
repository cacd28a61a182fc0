/** Plays a recorded dialogue against a server, piece by piece, as it was played against Postfix. */

/** Milliseconds of silence after which a dialogue counts as stuck. */
const SILENCE = 20_000;

/** The moments of a dialogue that only some of them need. */
export interface DialogueOptions {
  /** The client speaks before the server does. */
  readonly early?: boolean | undefined;
  /** Called after each piece that was sent. */
  readonly written?: () => void;
}

/** A text whose characters are octets. */
function octets(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

/**
 * Sends the pieces in turn; after each it waits for as many octets as Postfix answered with, or for the end. Returns what
 * was said before the first piece and after each of them, and whether the connection was `OPEN` or `CLOSED` then.
 */
export async function playDialogue(
  port: number,
  pieces: readonly string[],
  expected: readonly string[],
  { early = false, written }: DialogueOptions = {},
): Promise<string[]> {
  const conn = await Deno.connect({ hostname: "127.0.0.1", port });
  const answers: string[] = [];
  const buffer = new Uint8Array(65536);
  let closed = false;
  const receive = async (count: number) => {
    let text = "";
    // A server that says less than expected must not hang the test; the comparison shows what is missing.
    const patience = setTimeout(() => conn.close(), SILENCE);
    while (text.length < count && !closed) {
      const length = await conn.read(buffer).catch(() => null);
      if (length === null) closed = true;
      else for (let i = 0; i < length; i++) text += String.fromCharCode(buffer[i]!);
    }
    clearTimeout(patience);
    return text;
  };
  try {
    if (!early) answers.push(await receive(expected[0]!.length));
    for (let i = 1; i < expected.length - 1 && !closed; i++) {
      await conn.write(octets(pieces[i - 1]!)).catch(() => 0);
      // Postfix judges a header of the proxy protocol by its first piece; we, when nothing more can come.
      const over = i === expected.length - 2 && expected[i + 1] === "CLOSED";
      if (early && over) await conn.closeWrite().catch(() => {});
      written?.();
      answers.push(await receive(expected[i]!.length));
    }
    const end = expected[expected.length - 1]!;
    if (end === "CLOSED" && !closed) answers[answers.length - 1] += await receive(Infinity);
    answers.push(closed ? "CLOSED" : "OPEN");
  } finally {
    try {
      conn.close();
    } catch {
      // Closed out of impatience.
    }
  }
  return answers;
}
