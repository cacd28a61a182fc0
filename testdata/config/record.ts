/**
 * Records what real Postfix's postconf prints for the configurations in `setups/`, and what it makes of them:
 *
 *     deno run -A testdata/config/record.ts
 *
 * It needs Postfix 3.7 in /usr/sbin and runs on copies. The answers go to `answers.json`.
 */
import { commands, edits, isolated, SETUPS, withPlace } from "./cases.ts";

interface Answer {
  readonly setup: string;
  readonly args: readonly string[];
  readonly code: number;
  readonly stdout: string;
  /** Without their order, which depends on a hash table. */
  readonly stderr: readonly string[];
  /** For command lines that edit: the files that are different now. */
  readonly files?: Record<string, string>;
}

const decoder = new TextDecoder();

/** What -v adds is for people who look for a mistake, and names the machine's addresses. */
const isComplaint = (line: string) => /^postconf: (warning|fatal): /.test(line);

function ask(setup: string, args: readonly string[], editing: boolean): Answer {
  const directory = isolated(setup);
  const verbose = args[0]?.startsWith("-v") === true;
  const result = new Deno.Command("postconf", {
    args: ["-c", directory, ...withPlace(args)],
    env: { LC_ALL: "C", PATH: "/usr/sbin" },
  }).outputSync();
  const text = (bytes: Uint8Array) => decoder.decode(bytes).replaceAll(directory, "@DIRECTORY@").replaceAll("/usr/sbin/postconf", "postconf");
  const files: Record<string, string> = {};
  for (const name of ["main.cf", "master.cf"]) {
    const now = Deno.readTextFileSync(`${directory}/${name}`);
    const before = Deno.readTextFileSync(new URL(`setups/${setup}/${name}`, import.meta.url));
    if (now !== before) files[name] = now;
  }
  Deno.removeSync(directory, { recursive: true });
  return {
    setup,
    args,
    code: result.code,
    stdout: text(result.stdout),
    stderr: text(result.stderr).split("\n").filter((line) => line !== "" && !(verbose && !isComplaint(line))).sort(),
    ...(editing ? { files } : {}),
  };
}

const answers = SETUPS.flatMap((setup) => [
  ...commands(setup).map((args) => ask(setup, args, false)),
  ...edits(setup).map((args) => ask(setup, args, true)),
]);
const target = new URL("answers.json", import.meta.url);
Deno.writeTextFileSync(target, `[\n${answers.map((answer) => JSON.stringify(answer)).join(",\n")}\n]\n`);
console.log(`${answers.length} answers`);
