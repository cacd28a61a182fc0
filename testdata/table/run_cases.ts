/** Runs the cases with one set of programs and returns what they answered. */
import type { Case } from "./cases.ts";

export interface Answer {
  readonly stdout: string;
  readonly stderr: string;
  readonly code: number;
}

/** How a command is started: the words in front of its arguments. */
export type Starter = (command: string) => readonly string[];

const MAIN_CF = "compatibility_level = 3.6\nmyhostname = mail.example.com\nmaillog_file = /dev/stdout\n";

function octets(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

function latin1(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}

/** Runs one case in a directory of its own. */
export async function runCase({ files = {}, steps }: Case, starter: Starter): Promise<Answer[]> {
  const directory = await Deno.makeTempDir();
  await Deno.writeTextFile(`${directory}/main.cf`, MAIN_CF);
  for (const [name, text] of Object.entries(files)) {
    const slash = name.lastIndexOf("/");
    if (slash >= 0) await Deno.mkdir(`${directory}/${name.slice(0, slash)}`, { recursive: true });
    await Deno.writeFile(`${directory}/${name}`, octets(text));
  }
  const answers: Answer[] = [];
  for (const { run, stdin = "" } of steps) {
    const [program, ...words] = [...starter(run[0]!), ...run.slice(1)];
    const child = new Deno.Command(program!, {
      args: words,
      cwd: directory,
      env: { MAIL_CONFIG: directory },
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const writer = child.stdin.getWriter();
    // A command that does not read its input closes the pipe before everything is written.
    await writer.write(octets(stdin)).then(() => writer.close()).catch(() => {});
    const { stdout, stderr, code } = await child.output();
    answers.push({ stdout: latin1(stdout), stderr: latin1(stderr), code });
  }
  await Deno.remove(directory, { recursive: true });
  return answers;
}
