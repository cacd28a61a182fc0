/** postconf's options and which of them go together. */
import { getopt, UsageError } from "./getopt.ts";
import { PostconfFatal } from "./postconf_message.ts";

/** What is shown or edited. */
export type PostconfMode =
  | "main"
  | "entries"
  | "fields"
  | "settings"
  | "servers"
  | "clients"
  | "locks"
  | "tables"
  | "expanded-templates"
  | "templates"
  | "tls";

export interface PostconfOptions {
  readonly mode: PostconfMode;
  /** Option letters that were given, or that an operand with a `=` implies. */
  readonly given: ReadonlySet<string>;
  readonly directory: string | undefined;
  readonly classes: ReadonlySet<"builtin" | "service" | "user"> | undefined;
  readonly overrides: readonly string[];
  readonly tlsMode: string;
  /** `-v` */
  readonly verbose: boolean;
  readonly operands: readonly string[];
}

/** `E` is known and refused: Postfix keeps the letter, and its manual has no entry for it. */
const LETTERS = "aAbc:C:deEfFhHjlmMno:pPqtT:vxX#";

/** The order in which options are named in messages. */
const ORDER = [
  "a",
  "A",
  "b",
  "C",
  "d",
  "e",
  "f",
  "F",
  "h",
  "H",
  "j",
  "l",
  "m",
  "M",
  "n",
  "o",
  "p",
  "P",
  "q",
  "t",
  "T",
  "x",
  "X",
  "#",
];

const MODES: Readonly<Record<string, PostconfMode>> = {
  a: "servers",
  A: "clients",
  b: "expanded-templates",
  F: "fields",
  l: "locks",
  m: "tables",
  M: "entries",
  p: "main",
  P: "settings",
  t: "templates",
  T: "tls",
};

/** Only one of each line may be given; the first line with more is the one to be told of. */
const EXCLUSIVE = ["aAbFlmMpPtT", "denX#", "efX#", "exX#", "deoX#", "ehHX#"];

/** What may be given with -j, besides the mode. */
const COMPATIBLE_WITH_JSON = "Cdnoqx";

/** What may be given with each mode. */
const COMPATIBLE: Readonly<Record<PostconfMode, string>> = {
  main: "CdefhHjnoqxX#",
  entries: "CefjoqxX#",
  fields: "CefhHjoqx",
  settings: "CefhHjoqxX",
  servers: "C",
  clients: "C",
  locks: "C",
  tables: "C",
  "expanded-templates": "C",
  templates: "C",
  tls: "C",
};

const USAGE = "[-a (server SASL types)] [-A (client SASL types)] [-b (bounce templates)] [-c config_dir] " +
  "[-c param_class] [-d (parameter defaults)] [-e (edit configuration)] [-f (fold lines)] " +
  "[-F (master.cf fields)] [-h (no names)] [-H (no values)] [-j (streaming JSON) ] [-l (lock types)] [-m (map types)] " +
  "[-M (master.cf)] [-n (non-default parameters)] [-o name=value (override parameter value)] " +
  "[-p (main.cf, default)] [-P (master.cf parameters)] [-t (bounce templates)] [-T compile-version|run-version|public-key-algorithms] [-v (verbose)] " +
  "[-x (expand parameter values)] [-X (exclude)] [-# (comment-out)] [name...]";

/** Reads the command line. Throws `PostconfFatal` in Postfix's words. */
export function parseOptions(args: readonly string[], complain: (text: string) => void): PostconfOptions {
  const fail = (): never => {
    throw new PostconfFatal(`usage: postconf ${USAGE}`);
  };
  let parsed;
  try {
    parsed = getopt(args, LETTERS);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    complain(error.message);
    return fail();
  }
  const given = new Set<string>();
  const overrides: string[] = [];
  let directory: string | undefined;
  let classes: PostconfOptions["classes"];
  let tlsMode = "";
  for (const { letter, value } of parsed.options) {
    if (letter === "c") directory = value;
    else if (letter === "C") classes = parseClasses(value);
    else if (letter === "T") {
      if (given.has("T")) throw new PostconfFatal("At most one -T <mode> option may be specified");
      tlsMode = value;
    } else if (letter === "o") overrides.push(value);
    else if (letter === "E") fail();
    if (letter !== "c" && letter !== "v") given.add(letter);
  }
  const showsConfiguration = [...given].every((other) => !(other in MODES) || "FMpP".includes(other));
  if (parsed.operands[0]?.includes("=") && showsConfiguration) given.add("e");
  checkCombination(given);
  const letter = [...given].find((candidate) => candidate in MODES);
  return {
    mode: letter === undefined ? "main" : MODES[letter]!,
    given,
    directory,
    classes,
    overrides,
    tlsMode,
    verbose: parsed.options.some((option) => option.letter === "v"),
    operands: parsed.operands,
  };
}

function parseClasses(text: string): PostconfOptions["classes"] {
  const classes = new Set<"builtin" | "service" | "user">();
  for (const given of text.split(/[, \t\r\n]+/)) {
    const word = given.toLowerCase();
    if (word === "all") ["builtin", "service", "user"].forEach((name) => classes.add(name as "user"));
    else if (word === "builtin" || word === "service" || word === "user") classes.add(word);
    else if (word !== "") throw new PostconfFatal(`unknown -C option value "${given}" in "${text}"`);
  }
  return classes;
}

function checkCombination(given: ReadonlySet<string>): void {
  if (given.has("b") && given.has("t")) throw new PostconfFatal("specify one of -b and -t");
  const named = (letters: Iterable<string>) => {
    const set = new Set(letters);
    return ORDER.filter((letter) => set.has(letter)).map((letter) => `-${letter}`).join(" ");
  };
  for (const letters of EXCLUSIVE) {
    const clash = [...given].filter((letter) => letters.includes(letter));
    if (clash.length > 1) throw new PostconfFatal(`specify one of ${named(clash)}`);
  }
  const modeLetter = ORDER.find((letter) => given.has(letter) && letter in MODES);
  const allowed = COMPATIBLE[modeLetter === undefined ? "main" : MODES[modeLetter]!];
  const wrong = [...given].filter((letter) => letter !== modeLetter && !allowed.includes(letter));
  if (wrong.length > 0) {
    throw new PostconfFatal(`with option -${modeLetter ?? "p"}, do not specify ${named(wrong)}`);
  }
  if (!given.has("j")) return;
  const notJson = [...given].filter((letter) =>
    letter !== "j" && !`${COMPATIBLE_WITH_JSON}FMpP`.includes(letter)
  );
  if (notJson.length > 0) throw new PostconfFatal(`with option -j, do not specify ${named(notJson)}`);
}
