/**
 * Addresses: what a rewriting pass costs in the daemon's process, with tables of five types, and how long 1,000
 * recipients take that one alias or one included file stands for, from the SMTP connection to the last delivery; there
 * beside real Postfix. "First" is the first message after a start.
 *
 *   deno run -A bench/addresses.ts [--rounds N] [--directory DIR] [--write]
 *
 * Needs root and Debian's postfix, postfix-lmdb and postfix-cdb packages. Works in a new directory below DIR, /var/tmp
 * by default.
 */
import { parseArgs } from "node:util";
import { createAddressing, createRewriting } from "../core/address/mod.ts";
import { configFromText } from "../core/config/mod.ts";
import { TableSet } from "../core/table/mod.ts";
import { bothPeers, type Peer } from "./peers.ts";
import { isRoot, scratchDirectory } from "./scratch.ts";
import { type Row, table } from "./table.ts";

const OPTIONS = {
  rounds: { type: "string", default: "3" },
  directory: { type: "string", default: "/var/tmp" },
  write: { type: "boolean" },
} as const;

const MEMBERS = 1000;
const RECIPIENTS = 10;
/** Passes that one value is the mean of. */
const PASSES = 2000;
/** Messages behind the first one of a start. */
const LATER = 4;

/** Milliseconds for a pass of 10 recipients through canonical, virtual and masquerading tables of five types. */
async function rewriting(directory: string, rounds: number): Promise<Row[]> {
  const entries = Array.from({ length: 1000 }, (_, n) => `user${n}@example.com new${n}@example.com\n`);
  const file = `${directory}/rewriting`;
  Deno.writeTextFileSync(file, entries.join(""));
  Deno.writeTextFileSync(`${directory}/patterns`, "/^nobody@(.*)$/ someone@$1\n");
  for (const type of ["hash", "lmdb", "cdb"]) {
    const { success } = await new Deno.Command("postmap", { args: [`${type}:${file}`] }).output();
    if (!success) throw new Error(`postmap ${type}:${file} failed`);
  }
  const config = configFromText(
    [
      "myhostname = mail.example.com",
      "mydestination = example.com",
      `canonical_maps = hash:${file}`,
      `recipient_canonical_maps = lmdb:${file}`,
      `virtual_alias_maps = cdb:${file}, pcre:${directory}/patterns, texthash:${file}`,
      "masquerade_domains = example.com",
      "",
    ].join("\n"),
    { directory },
  );
  const tables = new TableSet(config);
  const addressing = createAddressing({ config, tables });
  const rewriter = createRewriting({ config, tables, addressing });
  const pass = async (number: number) => {
    for (let n = 0; n < RECIPIENTS; n++) {
      await rewriter.rewriteRecipient(`user${(number * RECIPIENTS + n) % entries.length}@example.com`);
    }
  };
  const values: number[] = [];
  for (let round = -1; round < rounds; round++) {
    const start = performance.now();
    for (let number = 0; number < PASSES; number++) await pass(number);
    // The program is compiled while it runs: the first round does not count.
    if (round >= 0) values.push((performance.now() - start) / PASSES);
  }
  return [{
    name: `rewriting pass, tables of five types, ${RECIPIENTS} recipients`,
    unit: "ms",
    postfix: [],
    postel: values,
    goal: "below 0.3",
  }];
}

function count(text: string, pattern: RegExp): number {
  return text.match(pattern)?.length ?? 0;
}

/** Milliseconds from the connection until every member has the message and both messages are gone. */
async function expansion(peer: Peer, recipient: string): Promise<number> {
  const log = () => Deno.readTextFileSync(`${peer.directory}/log/mail.log`);
  const before = log().length;
  const start = performance.now();
  const { success } = await new Deno.Command("smtp-source", {
    args: ["-m", "1", "-f", "sender@example.org", "-t", recipient, `127.0.0.1:${peer.port}`],
  }).output();
  if (!success) throw new Error("smtp-source failed");
  for (;;) {
    const text = log().slice(before);
    const delivered = count(text, /discard\[\d+\]: .* status=sent/g);
    if (delivered >= MEMBERS && count(text, /: removed$/gm) >= 2) return performance.now() - start;
    if (performance.now() - start > 60_000) {
      throw new Error(`${peer.name}: ${delivered} of ${MEMBERS} delivered`);
    }
    await new Promise((done) => setTimeout(done, 5));
  }
}

async function expansions(directory: string, rounds: number): Promise<Row[]> {
  const members = Array.from({ length: MEMBERS }, (_, n) => `member${n}@outside.example`);
  Deno.writeTextFileSync(`${directory}/list`, members.join("\n") + "\n");
  Deno.writeTextFileSync(
    `${directory}/aliases`,
    `alias: ${members.join(", ")}\ninclude: :include:${directory}/list\n`,
  );
  const made = await new Deno.Command("postalias", { args: [`hash:${directory}/aliases`] }).output();
  if (!made.success) throw new Error("postalias failed");
  const peers = bothPeers(directory, {
    sinkPort: 9,
    extra: [
      "relayhost =",
      "mydestination = local.example",
      `alias_maps = hash:${directory}/aliases`,
      "default_transport = discard:",
    ],
  });
  const values = new Map<string, number[]>();
  const take = (key: string, value: number) => values.set(key, [...values.get(key) ?? [], value]);
  for (let round = 0; round < rounds; round++) {
    for (const peer of peers) {
      for (const kind of ["alias", "include"]) {
        await peer.start();
        try {
          take(`${peer.name} ${kind} first`, await expansion(peer, `${kind}@local.example`));
          for (let n = 0; n < LATER; n++) {
            take(`${peer.name} ${kind} later`, await expansion(peer, `${kind}@local.example`));
          }
        } finally {
          await peer.stop();
        }
      }
    }
  }
  return ["alias", "include"].flatMap((kind) =>
    ["first", "later"].map((which) => ({
      name: `${MEMBERS} recipients of one ${kind === "alias" ? "alias" : "included file"}, ${which} message`,
      unit: "ms",
      postfix: values.get(`Postfix ${kind} ${which}`)!,
      postel: values.get(`Postel ${kind} ${which}`)!,
      goal: "below 1000",
    }))
  );
}

async function main(): Promise<number> {
  const { values } = parseArgs({ args: Deno.args, options: OPTIONS });
  if (!isRoot()) return 1;
  const rounds = Number(values.rounds);
  const directory = scratchDirectory(values.directory);
  try {
    const rows = [...await rewriting(directory, rounds), ...await expansions(directory, rounds)];
    const result = table(rows);
    console.log(result);
    if (values.write === true) {
      Deno.writeTextFileSync(
        new URL("addresses-results.md", import.meta.url),
        `# Addresses

Made by \`deno run -A bench/addresses.ts --rounds ${rounds} --directory ${values.directory} --write\`: Postfix 3.7.11
(Debian) and Postel with the same main.cf, as root with privilege separation, on the same disk, in one run and in turn.
The rewriting pass runs in a process of its own, through the daemon's modules. An expansion is timed from the SMTP
connection until the last of ${MEMBERS} recipients is delivered (to discard(8)) and the queue is empty; the first message
is the first one after a start, of which nothing is loaded or compiled yet.

${result}
`,
      );
    }
    return 0;
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
}

if (import.meta.main) Deno.exit(await main());
