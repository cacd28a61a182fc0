import { encodeText } from "../bytes/mod.ts";

/** Longest encoded word (RFC 2047, 2). */
const LONGEST = 75;

/** Octets that stand for themselves in a phrase (RFC 2047, 5 (3)). */
const PLAIN = /[A-Za-z0-9!*+\-/]/;

/**
 * Text as encoded words in Q encoding (RFC 2047), fit for a phrase in an address header. More than one word are
 * separated by a newline and a blank, so that the header folds there; a character is never split between two.
 * @param charset the name to write; the octets are those of the text, so anything but utf-8 is the caller's promise
 */
export function encodeWords(text: string, charset = "utf-8"): string {
  const start = `=?${charset.slice(0, 40)}?Q?`;
  const words: string[] = [];
  let word = "";
  for (const character of text) {
    let piece = "";
    for (const octet of encodeText(character)) {
      const plain = octet < 0x80 ? String.fromCharCode(octet) : "";
      if (plain === " ") piece += "_";
      else if (plain !== "" && PLAIN.test(plain)) piece += plain;
      else piece += "=" + octet.toString(16).toUpperCase().padStart(2, "0");
    }
    if (word !== "" && start.length + word.length + piece.length + 2 > LONGEST) {
      words.push(word);
      word = "";
    }
    word += piece;
  }
  if (word !== "") words.push(word);
  return words.map((encoded) => `${start}${encoded}?=`).join("\n ");
}
