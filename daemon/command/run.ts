import process from "node:process";
import { decodeText, encodeText, printable } from "../../core/bytes/mod.ts";
import { asUser, type Identity, selfCommand } from "../../core/system/mod.ts";
import { errorName, systemReason } from "../mailbox/mod.ts";
import type { CommandEnd } from "./outcome.ts";
import { shellWords } from "./words.ts";

/** A command that gets a message. */
export interface CommandRun {
  /** The program and its arguments. */
  readonly words: readonly string[];
  /** What the shell is given when there is no program of that name; absent: no shell. */
  readonly shellCommand?: string;
  readonly identity: Pick<Identity, "uid" | "gid">;
  readonly directory: string;
  /** The command's root directory; `directory` is then a name in it. */
  readonly root?: string;
  /** All of the command's environment. */
  readonly environment: Readonly<Record<string, string>>;
  /** Seconds. */
  readonly timeLimit: number;
  /** What it reads; each piece is valid until the next one is asked for. */
  readonly input: Iterable<Uint8Array<ArrayBuffer>>;
  /** UTF-8 in what it says stays as it is (`smtputf8_enable`). */
  readonly utf8: boolean;
  /** Who says that a program can't be run: `local`, `pipe`. */
  readonly name: string;
  /** Told why a program can't be run. */
  readonly fatal: (text: string) => void;
}

/** So much of what a command says is kept. */
const OUTPUT_LIMIT = 4095;
/** A program that left others behind: so long its pipes are emptied after its end (milliseconds). */
const LAST_WORDS = 300;
/** How `enter-root` ends when it could not become the command. */
export const NOT_ENTERED = 125;

/**
 * Runs a command as a user: no groups but the user's own, a session of its own, the message on its input. Ends when the
 * command does, or with all its processes at the time limit. Rejects only with what `input` throws.
 */
export async function runCommand(run: CommandRun): Promise<CommandEnd> {
  const started = start(run);
  if (!(started instanceof Deno.ChildProcess)) return started;
  const child = started;
  const output = new Output();
  const readers = [child.stdout, child.stderr].map((stream) => stream.getReader());
  const drained = Promise.all(readers.map((reader) => collect(reader, output)));
  let timedOut = false;
  const timer = setTimeout(() => {
    timedOut = true;
    killGroup(child.pid);
  }, run.timeLimit * 1000);
  let writeError: string | undefined;
  let inputError: unknown;
  const written = feed(child, run.input).then((text) => writeError = text, (error) => {
    inputError = error;
    killGroup(child.pid);
  });
  const status = await child.status;
  clearTimeout(timer);
  await Promise.race([drained, new Promise((done) => setTimeout(done, LAST_WORDS))]);
  await Promise.all(readers.map((reader) => reader.cancel().catch(() => {})));
  await Promise.all([drained, written]);
  if (inputError !== undefined) throw inputError;
  const end = { output: output.text(run.utf8), ...(writeError === undefined ? {} : { writeError }) };
  if (run.root !== undefined && status.code === NOT_ENTERED) {
    const said = end.output.trim();
    run.fatal(said);
    return {
      how: "not run",
      number: 75,
      output: said.startsWith("pipe_command:") ? `${run.name}: fatal: ${said} ` : "",
    };
  }
  if (timedOut) return { ...end, how: "timed out", number: 0 };
  if (status.signal !== null) return { ...end, how: "signaled", number: signalNumber(status) };
  return { ...end, how: "exited", number: status.code };
}

/** The runtime tells a death by signal as exit status 128 plus its number, beside the name. */
function signalNumber(status: Deno.CommandStatus): number {
  return status.code - 128;
}

function start(run: CommandRun): Deno.ChildProcess | CommandEnd {
  const { identity, directory, root } = run;
  const notRun = (text: string, said: string): CommandEnd => {
    run.fatal(text);
    return { how: "not run", number: 75, output: said };
  };
  if (run.words.some((word) => word.includes("\0"))) return notRun("command with a NUL character", "");
  if (root !== undefined) return startInRoot(run, root, notRun);
  const { words } = run;
  try {
    // Only who may search the directory can see what `.` in it is.
    asUser({ ...identity, groups: [identity.gid] }, () => Deno.lstatSync(`${directory}/.`));
  } catch (error) {
    const who = `uid=${identity.uid} gid=${identity.gid}`;
    return notRun(`cannot change directory to "${directory}" for ${who}: ${systemReason(error)}`, "");
  }
  try {
    return spawn(run, words);
  } catch (error) {
    if (errorName(error) === "ENOENT" && run.shellCommand !== undefined && !words[0]!.includes("/")) {
      return spawn(run, shellWords(run.shellCommand));
    }
    const caller = run.shellCommand === undefined ? "pipe_command: " : "";
    const text = `${caller}execvp ${words[0]}: ${spawnReason(error)}`;
    return notRun(text, `${run.name}: fatal: ${text} `);
  }
}

/** Another copy of this program changes the root directory, gives root up, and becomes the command. */
function startInRoot(
  run: CommandRun,
  root: string,
  notRun: (text: string, said: string) => CommandEnd,
): Deno.ChildProcess | CommandEnd {
  if (process.geteuid?.() !== 0) return notRun(`chroot ${root}: Operation not permitted`, "");
  const { uid, gid } = run.identity;
  const { program, args } = selfCommand(
    "enter-root",
    root,
    String(uid),
    String(gid),
    run.directory,
    ...run.words,
  );
  return spawn({ ...run, identity: { uid: 0, gid: 0 }, directory: "/" }, [program, ...args]);
}

function spawnReason(error: unknown): string {
  return errorName(error) === "ENOENT" ? "No such file or directory" : systemReason(error);
}

function spawn(run: CommandRun, words: readonly string[]): Deno.ChildProcess {
  const { uid, gid } = run.identity;
  const isRoot = process.geteuid?.() === 0;
  if (!isRoot && process.geteuid?.() !== uid) {
    throw new Error(
      `Running as user ${process.geteuid?.()}, not as root: cannot run a command as user ${uid}`,
    );
  }
  const command = new Deno.Command(words[0]!, {
    args: words.slice(1),
    // With a user given, the runtime drops all supplementary groups.
    ...(isRoot ? { uid, gid } : {}),
    cwd: run.directory,
    clearEnv: true,
    env: { ...run.environment },
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
    detached: true,
  });
  return command.spawn();
}

/** Writes the message; resolves to the reason if that failed. A command may stop reading when it has seen enough. */
async function feed(
  child: Deno.ChildProcess,
  input: Iterable<Uint8Array<ArrayBuffer>>,
): Promise<string | undefined> {
  const writer = child.stdin.getWriter();
  let broken: unknown;
  // A pipe that breaks shows here as well; it is handled where it is written to.
  writer.closed.catch(() => {});
  try {
    for (const piece of input) {
      try {
        await writer.write(piece);
      } catch (error) {
        broken = error;
        break;
      }
    }
  } finally {
    await writer.close().catch(() => {});
  }
  return broken === undefined || broken instanceof Deno.errors.BrokenPipe ? undefined : systemReason(broken);
}

/** The first octets of what a command says. */
class Output {
  readonly #bytes = new Uint8Array(OUTPUT_LIMIT);
  #length = 0;

  /** False when there is no room for more. */
  add(bytes: Uint8Array): boolean {
    const part = bytes.subarray(0, OUTPUT_LIMIT - this.#length);
    this.#bytes.set(part, this.#length);
    this.#length += part.length;
    return this.#length < OUTPUT_LIMIT;
  }

  /** On one line, with `_` for each octet that can't be printed. */
  text(utf8: boolean): string {
    const text = decodeText(this.#bytes.subarray(0, this.#length)).replace(/[\t\n]/g, " ");
    const plain = utf8 ? text : text.replace(/\P{ASCII}/gu, (other) => "_".repeat(encodeText(other).length));
    return printable(plain, "_");
  }
}

async function collect(
  reader: ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>>,
  output: Output,
): Promise<void> {
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      if (!output.add(value)) {
        // Who goes on writing gets a broken pipe.
        await reader.cancel();
        return;
      }
    }
  } catch {
    // Cancelled while it waited.
  }
}

/** Ends a process that leads a group, with all of the group. */
export function killGroup(pid: number): void {
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // It has just ended.
  }
}
