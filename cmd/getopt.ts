/**
 * Option parsing as getopt(3) does it, which Postfix's commands are used with: bundled letters, values with or without
 * a blank, `--` ends the options, the first operand ends them too.
 */

/** One option as it was met. */
export interface GivenOption {
  readonly letter: string;
  /** Present for letters that take a value. */
  readonly value: string;
}

export interface ParsedOptions {
  readonly options: readonly GivenOption[];
  readonly operands: readonly string[];
}

/** A wrong option; `message` has the wording of getopt(3): `invalid option -- 'x'`. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/**
 * @param letters getopt(3) form: `ab:c` means -a, -b VALUE, -c
 * @throws UsageError for an unknown letter or a missing value
 */
export function getopt(args: readonly string[], letters: string): ParsedOptions {
  const options: GivenOption[] = [];
  let index = 0;
  while (index < args.length) {
    const word = args[index]!;
    if (word === "--") {
      index += 1;
      break;
    }
    if (!word.startsWith("-") || word === "-") break;
    index += 1;
    for (let at = 1; at < word.length; at++) {
      const letter = word[at]!;
      const place = letter === ":" ? -1 : letters.indexOf(letter);
      if (place < 0) throw new UsageError(`invalid option -- '${letter}'`);
      if (letters[place + 1] !== ":") {
        options.push({ letter, value: "" });
        continue;
      }
      let value = word.slice(at + 1);
      if (value === "") {
        const next = args[index];
        if (next === undefined) throw new UsageError(`option requires an argument -- '${letter}'`);
        value = next;
        index += 1;
      }
      options.push({ letter, value });
      break;
    }
  }
  return { options, operands: args.slice(index) };
}
