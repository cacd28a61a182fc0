/** Random `pcre:`, `regexp:` and `cidr:` tables, good and bad rules mixed, asked here and by real postmap. */
import assert from "node:assert/strict";
import { hasPcre } from "../system/mod.ts";
import { printable } from "../bytes/mod.ts";
import { inDirectory } from "../system/directory_testing.ts";
import { hasComparedPostfix, postconf, writeComparedConfig } from "./postfix_testing.ts";
import { TableSet } from "./table_set.ts";

const POSTMAP = "/usr/sbin/postmap";
const TABLES = 80;
const KEYS = 12;

type Kind = "pcre" | "regexp" | "cidr";

/** Makes the rules and keys of a table; the same seed makes the same. */
class Maker {
  #state: number;

  constructor(seed: number, readonly kind: Kind) {
    this.#state = seed;
  }

  below(limit: number): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % limit;
  }

  one(choices: string): string {
    const words = choices.split(" ");
    return words[this.below(words.length)]!.replaceAll("SP", " ");
  }

  some(least: number, most: number, make: () => string): string {
    let text = "";
    for (let left = least + this.below(most - least + 1); left > 0; left--) text += make();
    return text;
  }

  table(): string {
    const lines: string[] = [];
    let depth = 0;
    for (let left = 1 + this.below(4); left > 0; left--) {
      const kind = this.below(20);
      if (kind < 2) {
        lines.push(this.one("ifSP IFSP if") + this.rule());
        depth += 1;
      } else if (kind === 2) {
        lines.push(this.one("endif ENDIF endifSPjunk if /a/ /a junk ! // SPSPcontinued"));
      } else lines.push(`${this.rule()}\t${this.kind === "cidr" ? this.one("OK REJECT") : this.result()}`);
    }
    while (depth-- > 0) lines.push("endif");
    return lines.join("\n") + "\n";
  }

  rule(): string {
    if (this.kind === "cidr") return this.network();
    const flags = this.below(4) > 0 ? "" : this.one(this.kind === "pcre" ? "i m s x A E U X im" : "i m x im");
    return `${this.below(8) === 0 ? "!" : ""}/${this.alternatives(0)}/${flags}`;
  }

  network(): string {
    const address = this.some(4, 4, () => `.${this.one("0 1 10 127 192 255 7")}`).slice(1);
    return this.one(
      `${address}/32 ${address}/24 ${address} 10.0.0.0/8 !10.0.0.0/8 0.0.0.0/0 192.168.0.0/16 2001:db8::/32 ` +
        "::/0 ::1 fe80::/10 [2001:db8::]/32 [10.0.0.0]/8 10.0.0.0/33 10.1/16 300.1.1.1 1.2.3.4/ 010.0.0.1 " +
        "2001:db8::1/32 ::ffff:0:0/96",
    );
  }

  result(): string {
    return this.some(1, 3, () => this.one("OK $1 ${1} $(2) $$ x REJECT OK x OK - $3 $0 $a ${1 ${}"));
  }

  alternatives(depth: number): string {
    const first = this.some(1, 4, () => this.piece(depth));
    return this.below(3) > 0 ? first : `${first}|${this.some(1, 3, () => this.piece(depth))}`;
  }

  piece(depth: number): string {
    const quantifier = this.below(5) < 3
      ? ""
      : this.one("* + ? {2} {1,3} {0,}" + (this.kind === "pcre" ? " *? ++ ?? {2}+" : ""));
    return this.atom(depth) + quantifier;
  }

  atom(depth: number): string {
    const kind = this.below(20);
    if (kind < 3 && depth < 3) return `(${this.alternatives(depth + 1)})`;
    if (kind < 5) {
      const items = this.some(1, 3, () => this.one("a b a-c A-Z 0-9 . - [:alpha:] [:digit:] _ @ \\ ^"));
      return `[${this.one("X ^").replace("X", "")}${items}]`;
    }
    if (kind < 7) return this.one(". ^ $");
    if (kind < 9 && this.kind === "pcre") {
      return this.one(
        "\\d \\w \\s \\S \\b \\B \\A \\z \\x41 \\Qa.b\\E (?=a) (?!b) (?<=a) (?<!b) (?i) (?>a+) (?:ab) (?<n>a) \\K \\1 " +
          "(?|a|b) \\N \\R \\h \\p{L}",
      );
    }
    return this.one("a b c A B x 0 1 - _ @ example user \\. SP % = , : < > ab a b");
  }

  key(): string {
    if (this.kind === "cidr") {
      return this.one(
        "10.0.0.1 10.1.2.3 192.168.1.1 ::1 2001:db8::1 fe80::1 127.0.0.1 1.2.3 ::ffff:10.0.0.1 x 7.7.7.7",
      );
    }
    return this.some(1, 7, () => this.one("a b c A B 0 1 . - @ SP _ example user x = ab")).trim() || "a";
  }
}

interface Answers {
  readonly found: string;
  readonly warnings: readonly string[];
}

async function theirs(directory: string, kind: Kind, keys: readonly string[]): Promise<Answers> {
  const child = new Deno.Command("sh", {
    args: ["-c", `exec ${POSTMAP} -q - ${kind}:table < keys`],
    cwd: directory,
    env: { MAIL_CONFIG: directory },
  });
  await Deno.writeTextFile(`${directory}/keys`, keys.join("\n") + "\n");
  const { stdout, stderr } = await child.output();
  const warnings = new TextDecoder().decode(stderr).split("\n").filter((line) =>
    line.includes(`${kind} map `)
  )
    .map((line) => line.slice("postmap: warning: ".length).replace("map table,", `map ${directory}/table,`));
  return { found: new TextDecoder().decode(stdout), warnings };
}

function ours(directory: string, kind: Kind, keys: readonly string[]): Answers {
  const warnings: string[] = [];
  const tables = new TableSet(undefined, {
    log: { info() {}, warning: (text) => void warnings.push(printable(text)) },
  });
  try {
    const table = tables.open(`${kind}:${directory}/table`);
    const lines = keys.map((key) => {
      const value = table.lookup(key) as string | undefined;
      return value === undefined ? "" : `${key}\t${value}\n`;
    });
    return { found: lines.join(""), warnings: warnings.filter((text) => text.includes(`${kind} map `)) };
  } finally {
    tables.close();
  }
}

/** The types that can be compared: of the release whose words these are, with the library that it uses. */
async function comparable(): Promise<readonly string[]> {
  return hasPcre() && await hasComparedPostfix() ? (await postconf("-m")).split("\n") : [];
}

const types = await comparable();

for (const kind of ["pcre", "regexp", "cidr"] as const) {
  Deno.test({
    name: `${kind}: random tables answer and complain as with real postmap`,
    ignore: !types.includes(kind),
    fn: () =>
      inDirectory(async (directory) => {
        await writeComparedConfig(directory);
        const maker = new Maker(20260719, kind);
        for (let count = 0; count < TABLES; count++) {
          const text = maker.table();
          await Deno.writeTextFile(`${directory}/table`, text);
          const keys = Array.from({ length: KEYS }, () => maker.key());
          assert.deepEqual(ours(directory, kind, keys), await theirs(directory, kind, keys), text);
        }
      }),
  });
}
