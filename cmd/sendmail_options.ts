/** The command line of sendmail(1), as Postfix understands it. */
import type { Config } from "../core/config/mod.ts";
import { Notify } from "../core/queue/mod.ts";
import { getopt, UsageError } from "./getopt.ts";
import { FatalError } from "./queue_tool.ts";

/** What the program is to do. */
export type SendmailMode =
  | "enqueue"
  | "list-queue"
  | "flush-queue"
  | "flush-site"
  | "flush-message"
  | "start-daemon"
  | "new-aliases"
  | "smtp-session"
  | "nothing";

export interface SendmailOptions {
  mode: SendmailMode;
  /** `-f`, `-r`: as given; undefined: the login name. */
  sender: string | undefined;
  /** `-F` */
  fullName: string | undefined;
  /** `-t` */
  readonly headerRecipients: boolean;
  /** A line with a single dot ends the message, unless `-i` or `-oi`. */
  readonly dotEnds: boolean;
  /** `-G`: mail that came from elsewhere. */
  readonly gateway: boolean;
  /** `-bv`: report where the mail would go. `-v`: report the first delivery. */
  readonly verifyOnly: boolean;
  readonly report: boolean;
  readonly encoding: "7bit" | "8bit" | undefined;
  readonly notify: number;
  readonly returnFlags: number;
  readonly envelopeId: string | undefined;
  readonly verpDelimiters: string | undefined;
  /** `-qRsite`, `-qIqueueid` */
  readonly site: string | undefined;
  readonly flushId: string | undefined;
  /** `-oA` */
  readonly aliasFiles: readonly string[];
  readonly operands: readonly string[];
}

/** Octets of `-V`: the longest that sendmail(1) takes. */
const MOST_ENVELOPE_ID = 100;

const LETTERS = "A:B:C:F:GIL:N:O:R:UV:X:b:ce:f:h:imno:p:r:q:tvx";
const encoder = new TextEncoder();

interface Word {
  readonly letter: string;
  readonly value: string;
}

/**
 * Splits the command line. Three forms are not getopt(3)'s: `-q` alone, `-XV`, and `-V` with two characters, which meant
 * what `-XV` means now.
 */
function split(
  args: readonly string[],
  warn: (text: string) => void,
): { words: Word[]; operands: readonly string[] } {
  const words: Word[] = [];
  let index = 0;
  while (index < args.length) {
    const word = args[index]!;
    const next = args[index + 1];
    if (word === "--") {
      index += 1;
      break;
    }
    if (!word.startsWith("-") || word === "-") break;
    if (word === "-q") {
      words.push({ letter: "q", value: "" });
    } else if (word === "-V" && next !== undefined && encoder.encode(next).length === 2) {
      warn("option -V is deprecated with Postfix 2.3; specify -XV instead");
      words.push({ letter: "X", value: "V" });
    } else if (word.startsWith("-V") && word.length === 4) {
      warn(`option ${word} is deprecated with Postfix 2.3; specify -X${word.slice(1)} instead`);
      words.push({ letter: "X", value: word.slice(1) });
    } else if (word.startsWith("-XV")) {
      words.push({ letter: "X", value: word.slice(2) });
    } else {
      const parsed = parseWord(word, next);
      words.push(...parsed.words);
      index += parsed.usedNext ? 1 : 0;
    }
    index += 1;
  }
  return { words, operands: args.slice(index) };
}

function parseWord(word: string, next: string | undefined): { words: readonly Word[]; usedNext: boolean } {
  try {
    return { words: getopt([word], LETTERS).options, usedNext: false };
  } catch (error) {
    const wantsValue = error instanceof UsageError && error.message.startsWith("option requires");
    if (!wantsValue || next === undefined) throw error;
    return { words: getopt([word, next], LETTERS).options, usedNext: true };
  }
}

/** `-C`: the directory of main.cf or the file itself. Read before everything else. */
export function configDirectoryOption(args: readonly string[]): string | undefined {
  const given = split(args, () => {}).words.findLast(({ letter }) => letter === "C")?.value;
  return given?.replace(/\/main\.cf$/, "");
}

/** Understands the options. Throws `FatalError` for what sendmail refuses, `UsageError` for unknown options. */
export function parseSendmail(
  args: readonly string[],
  config: Config,
  warn: (text: string) => void,
): SendmailOptions {
  const { words, operands } = split(args, warn);
  const result = {
    mode: "enqueue" as SendmailMode,
    sender: undefined as string | undefined,
    fullName: undefined as string | undefined,
    headerRecipients: false,
    dotEnds: true,
    gateway: false,
    verifyOnly: false,
    encoding: undefined as "7bit" | "8bit" | undefined,
    notify: 0,
    returnFlags: 0,
    envelopeId: undefined as string | undefined,
    verpDelimiters: undefined as string | undefined,
    site: undefined as string | undefined,
    flushId: undefined as string | undefined,
    aliasFiles: [] as string[],
  };
  let verbose = 0;
  for (const { letter, value } of words) {
    switch (letter) {
      case "n":
        throw new FatalError("-n option not supported");
      case "B":
        if (value !== "8BITMIME" && value !== "7BIT") {
          throw new FatalError("-B option needs 8BITMIME or 7BIT");
        }
        result.encoding = value === "7BIT" ? "7bit" : "8bit";
        break;
      case "F":
        result.fullName = value;
        break;
      case "G":
        result.gateway = true;
        break;
      case "I":
        result.mode = "new-aliases";
        break;
      case "N":
        result.notify = notifyFlags(value, warn);
        break;
      case "R":
        result.returnFlags = { full: 1, hdrs: 2 }[value.toLowerCase()] ?? 0;
        if (result.returnFlags === 0) warn("bad -R option value -- ignored");
        break;
      case "V":
        if (value.length > MOST_ENVELOPE_ID) warn("too long -V option value -- ignored");
        else if (!/^[\x20-\x7e]+$/.test(value)) warn("bad syntax in -V option value -- ignored");
        else result.envelopeId = value;
        break;
      case "X":
        if (!value.startsWith("V")) throw new FatalError(`unsupported: -X${value.slice(0, 1)}`);
        result.verpDelimiters = verpDelimiters(value.slice(1), config);
        break;
      case "b":
        applyMode(value, result);
        break;
      case "f":
      case "r":
        result.sender = value;
        break;
      case "i":
        result.dotEnds = false;
        break;
      case "o":
        if (value === "A") throw new FatalError("-oA requires pathname");
        if (value.startsWith("A")) result.aliasFiles.push(value.slice(1));
        else if (value.startsWith("i")) result.dotEnds = false;
        break;
      case "q":
        applyQueueOption(value, result);
        break;
      case "t":
        result.headerRecipients = true;
        break;
      case "v":
        verbose += 1;
        break;
    }
  }
  if (result.mode === "flush-site" && result.site === undefined) result.mode = "flush-message";
  return { ...result, report: verbose === 1 && result.mode === "enqueue" && !result.verifyOnly, operands };
}

function notifyFlags(value: string, warn: (text: string) => void): number {
  const BITS: Record<string, number> = {
    never: Notify.Never,
    success: Notify.Success,
    failure: Notify.Failure,
    delay: Notify.Delay,
  };
  let flags = 0;
  for (const word of value.split(/[, \t]+/).filter((part) => part !== "")) {
    const bit = BITS[word.toLowerCase()];
    if (bit === undefined) {
      warn(`unknown DSN NOTIFY command value "${word}" in "${value}"`);
      warn("bad -N option value -- ignored");
      return 0;
    }
    flags |= bit;
  }
  if (flags === 0 || ((flags & Notify.Never) !== 0 && flags !== Notify.Never)) {
    warn("bad -N option value -- ignored");
    return 0;
  }
  return flags;
}

function verpDelimiters(given: string, config: Config): string {
  const delimiters = given === "" ? config.string("default_verp_delimiters") : given;
  const filter = config.string("verp_delimiter_filter");
  if (delimiters.length !== 2 || [...delimiters].some((character) => !filter.includes(character))) {
    throw new FatalError(`-V requires two characters from ${filter}`);
  }
  return delimiters;
}

function applyMode(value: string, result: { mode: SendmailMode; verifyOnly: boolean }): void {
  switch (value[0]) {
    case "d":
    case "l":
      result.mode = "start-daemon";
      break;
    case "h":
    case "H":
      result.mode = "nothing";
      break;
    case "i":
      result.mode = "new-aliases";
      break;
    case "m":
      result.mode = "enqueue";
      break;
    case "p":
      result.mode = "list-queue";
      break;
    case "s":
      result.mode = "smtp-session";
      break;
    case "v":
      result.mode = "enqueue";
      result.verifyOnly = true;
      break;
    default:
      throw new FatalError(`unsupported: -b${value.slice(0, 1)}`);
  }
}

function applyQueueOption(
  value: string,
  result: { mode: SendmailMode; site: string | undefined; flushId: string | undefined },
): void {
  if (value === "") result.mode = "flush-queue";
  else if (/^[0-9]/.test(value)) {
    // The interval between queue runs is the daemon's business.
    if (result.mode !== "start-daemon") result.mode = "nothing";
  } else if (value.startsWith("R")) {
    result.site = value.slice(1);
    if (result.site === "") throw new FatalError("specify: -qRsitename");
    result.mode = "flush-site";
  } else if (value.startsWith("I")) {
    result.flushId = value.slice(1);
    if (result.flushId === "") throw new FatalError("specify: -qIqueueid");
    if (result.mode !== "flush-site") result.mode = "flush-message";
  } else throw new FatalError(`-q${value.slice(0, 1)} is not implemented`);
}
