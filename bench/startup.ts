/**
 * How long commands take to start: an empty program, the commands from the sources, and those of `dist/postel` if it is
 * there, in turns. Prints a Markdown table of wall time in milliseconds; the last column is the difference of the
 * medians from the empty program's.
 *
 *   deno run -A bench/startup.ts [--rounds N] [--program FILE]
 */
import { parseArgs } from "node:util";
import { type OwnCommand, RUNTIME_FLAGS, selfCommand } from "../core/system/mod.ts";

const COMMANDS: readonly (readonly string[])[] = [
  ["--version"],
  ["postconf", "-h", "myhostname"],
  ["postconf", "-n"],
  ["postconf"],
  ["postconf", "-d"],
];

interface Row extends OwnCommand {
  readonly name: string;
  readonly times: number[];
}

function exists(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}

/** Milliseconds that a command takes. Throws if it fails. */
function measure({ program, args }: OwnCommand, env: Record<string, string>): number {
  const command = new Deno.Command(program, { args, env, stdin: "null", stdout: "null", stderr: "null" });
  const begin = performance.now();
  const { code } = command.outputSync();
  const time = performance.now() - begin;
  if (code !== 0) throw new Error(`${program} ${args.join(" ")}: exit code ${code}`);
  return time;
}

function describe({ name, times }: Row, base: number): string {
  const sorted = times.toSorted((a, b) => a - b);
  const median = sorted[sorted.length >> 1]!;
  const cells = [sorted[0]!, median, sorted.at(-1)!, median - base].map((value) => value.toFixed(1));
  return `| ${name} | ${cells.join(" | ")} |`;
}

function main(): void {
  const { values } = parseArgs({ options: { rounds: { type: "string" }, program: { type: "string" } } });
  const rounds = Number(values.rounds ?? 25);
  const program = values.program ?? new URL("../dist/postel", import.meta.url).pathname;
  const directory = Deno.makeTempDirSync({ prefix: "postel-startup-" });
  try {
    Deno.writeTextFileSync(`${directory}/empty.js`, "");
    Deno.writeTextFileSync(`${directory}/main.cf`, "compatibility_level = 3.11\nmynetworks_style = host\n");
    Deno.writeTextFileSync(`${directory}/master.cf`, "smtp inet n - n - - smtpd\n");
    const empty = ["run", ...RUNTIME_FLAGS, "--no-config", "--no-lock", `${directory}/empty.js`];
    const rows: Row[] = [{ name: "empty program", program: Deno.execPath(), args: empty, times: [] }];
    for (const words of COMMANDS) {
      const name = words.join(" ");
      if (exists(program)) rows.push({ name: `${name}, dist/postel`, program, args: [...words], times: [] });
      rows.push({ name: `${name}, sources`, ...selfCommand(...words), times: [] });
    }
    const env = { MAIL_CONFIG: directory };
    for (const row of rows) measure(row, env);
    for (let round = 0; round < rounds; round++) {
      for (const row of rows) row.times.push(measure(row, env));
    }
    const base = rows[0]!.times.toSorted((a, b) => a - b)[rounds >> 1]!;
    console.log("| command | minimum | median | maximum | beyond empty |\n| --- | --- | --- | --- | --- |");
    for (const row of rows) console.log(describe(row, base));
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
}

main();
