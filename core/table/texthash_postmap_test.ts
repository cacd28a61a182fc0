/** Random `texthash:` sources of any octets, asked and listed here and by real postmap. */
import assert from "node:assert/strict";
import { decodeText, printable } from "../bytes/mod.ts";
import { inDirectory } from "../system/directory_testing.ts";
import { hasComparedPostfix, writeComparedConfig } from "./postfix_testing.ts";
import { TableSet } from "./table_set.ts";

const POSTMAP = "/usr/sbin/postmap";
const SOURCES = 100;

/** Pieces of a source; a character is an octet. */
const PIECES = [
  ...'aAb#:=v"\\{},',
  "key",
  '"q r"',
  "\\ ",
  '\\"',
  ...[" ", " ", "  ", "\t", "\r", "\v", "\f", "\0"],
  ...["\xff", "\xa0", "\xc3\xa9", "\xc3\x89", "\xe2\x84\xaa", "\xed\xa0\x80", "\xc0\x80"],
  ...["\n", "\n", "\n", "\n ", "\n\t", "\n#", "\n #", "\r\n", "\n\n"],
  ...["a v\n", "A w\n", "b: v\n", "key v w \n", "\xc3\xa9 x\n"],
  "x".repeat(40),
];

const KEYS = ["a", "A", "b", "b:", "key", "é", "É", '"q r"', "\\ ", "x".repeat(40), "a,", "v", "=", "#", "{"];

function octets(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

/** Makes sources; the same seed makes the same. */
function* sources(seed: number): Generator<string> {
  let state = seed;
  const below = (limit: number) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor(state / 0x1_0000_0000 * limit);
  };
  for (let count = 0; count < SOURCES; count++) {
    let text = "";
    for (let left = 1 + below(40); left > 0; left--) text += PIECES[below(PIECES.length)]!;
    yield below(3) > 0 ? `${text}\n` : text;
  }
}

interface Answers {
  readonly found: readonly string[];
  readonly listed: readonly string[];
  readonly warnings: readonly string[];
}

/** Postfix shows some octets that are not UTF-8 as they are. */
function withoutOctets(warning: string): string {
  return warning.replace(/[^\x20-\x7e]+|\?+/g, "?").replace(/\?+/g, "?");
}

async function theirs(directory: string): Promise<Answers> {
  const ask = async (command: string) => {
    const { stdout, stderr } = await new Deno.Command("sh", {
      args: ["-c", `exec ${POSTMAP} ${command}`],
      cwd: directory,
      env: { MAIL_CONFIG: directory },
    }).output();
    return { lines: decodeText(stdout).split("\n").slice(0, -1), said: decodeText(stderr).split("\n") };
  };
  const { lines: found, said } = await ask("-q - texthash:map < keys");
  const { lines: listed } = await ask("-s texthash:map");
  const prefix = "postmap: warning: map";
  const warnings = said.filter((line) => line.startsWith(prefix))
    .map((line) => withoutOctets(line.slice("postmap: warning: ".length)));
  return { found, listed: listed.sort(), warnings };
}

function ours(directory: string): Answers {
  const said: string[] = [];
  const tables = new TableSet(undefined, {
    log: { info() {}, warning: (text) => void said.push(printable(text)) },
  });
  try {
    const table = tables.open(`texthash:${directory}/map`);
    const found = KEYS.flatMap((key) => {
      const value = table.lookup(key) as string | undefined;
      return value === undefined ? [] : `${key}\t${value}`.split("\n");
    });
    const entries = [...table.entries!() as Iterable<readonly [string, string]>];
    const listed = entries.flatMap(([key, value]) => `${key}\t${value}`.split("\n")).sort();
    return { found, listed, warnings: said.map((text) => withoutOctets(text.slice(directory.length + 1))) };
  } finally {
    tables.close();
  }
}

Deno.test({
  name: "texthash: random sources answer and complain as with real postmap",
  ignore: !await hasComparedPostfix(),
  fn: () =>
    inDirectory(async (directory) => {
      await writeComparedConfig(directory);
      await Deno.writeTextFile(`${directory}/keys`, KEYS.join("\n") + "\n");
      for (const source of sources(20261123)) {
        await Deno.writeFile(`${directory}/map`, octets(source));
        // Of a file that was just changed Postfix's programs make sure by reading it several times.
        await Deno.utime(`${directory}/map`, 1_000_000_000, 1_000_000_000);
        assert.deepEqual(ours(directory), await theirs(directory), JSON.stringify(source));
      }
    }),
});
