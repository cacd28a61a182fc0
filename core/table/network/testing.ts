import { freePort } from "../../system/free_port_testing.ts";
import assert from "node:assert/strict";
import { TableSet } from "../table_set.ts";
import { type Table, TableError } from "../types.ts";

export { freePort };

const POSTMAP = "/usr/sbin/postmap";

/** A directory for one test file, tables with settings files in it, and what they said. */
export class Bench {
  readonly directory = Deno.makeTempDirSync({ prefix: "network_table_" });
  readonly said: string[] = [];
  readonly #log = {
    info: (text: string) => void this.said.push(text),
    warning: (text: string) => void this.said.push(text),
  };
  readonly #sets: TableSet[] = [];
  #files = 0;

  /** Opens a table by its full name. */
  open(spec: string): Table {
    const set = new TableSet(undefined, { log: this.#log });
    this.#sets.push(set);
    return set.open(spec);
  }

  /** Writes a settings file; returns its path. */
  settings(values: Readonly<Record<string, string | number>>): string {
    const path = `${this.directory}/table${this.#files++}.cf`;
    Deno.writeTextFileSync(
      path,
      Object.entries(values).map(([name, value]) => `${name} = ${value}\n`).join(""),
    );
    return path;
  }

  /** Opens a table with a settings file of its own. */
  table(type: string, values: Readonly<Record<string, string | number>>): Table {
    return this.open(`${type}:${this.settings(values)}`);
  }

  close(): void {
    for (const set of this.#sets) set.close();
    Deno.removeSync(this.directory, { recursive: true });
  }
}

/** What a lookup gives, in one word or text: the value, `(none)`, or the kind of error. */
export async function outcome(table: Table, key: string): Promise<string> {
  try {
    return await table.lookup(key) ?? "(none)";
  } catch (error) {
    if (error instanceof TableError) return `(${error.kind})`;
    throw error;
  }
}

/**
 * Asks real `postmap` for the keys and compares with what this program said, in the words of `outcome`. Does nothing where
 * the program or its table type isn't installed.
 */
export async function compareWithPostmap(
  spec: string,
  answers: Readonly<Record<string, string>>,
): Promise<void> {
  if (installed(POSTMAP) === undefined) return;
  // An error ends the real program after a second, so only keys with an answer are asked for in one go.
  const failing = Object.keys(answers).filter((key) =>
    /^\((?:temporary|configuration)\)$/.test(answers[key]!)
  );
  const asked = Object.keys(answers).filter((key) => !failing.includes(key));
  const child = new Deno.Command(POSTMAP, {
    args: ["-q", "-", spec],
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(asked.map((key) => `${key}\n`).join("")));
  await writer.close();
  const { stdout, stderr } = await child.output();
  const problem = new TextDecoder().decode(stderr);
  if (/unsupported dictionary type/.test(problem)) return;
  const expected = asked.filter((key) => answers[key] !== "(none)").map((key) => `${key}\t${answers[key]}\n`)
    .join("");
  assert.deepEqual(new TextDecoder().decode(stdout).split("\n"), expected.split("\n"), `${spec}: ${problem}`);
  for (const key of failing) {
    const { code, stderr } = await new Deno.Command(POSTMAP, { args: ["-q", key, spec] }).output();
    assert.match(new TextDecoder().decode(stderr), /fatal/, `${spec}: ${key}: exit status ${code}`);
  }
}

/** What tables with different settings answer, and the comparison of all that with real postmap. */
export class Comparison {
  readonly #running: Promise<void>[] = [];

  /**
   * @param base settings that all tables have
   * @param comparable keys with which real postmap can do the same
   */
  constructor(
    private readonly bench: Bench,
    private readonly type: string,
    private readonly base: Readonly<Record<string, string | number>>,
    private readonly keys: readonly string[],
    private readonly comparable: (key: string) => boolean = () => true,
  ) {}

  /** The answers for all keys, of a table with the base settings and these; postmap is asked meanwhile. */
  async answers(
    values: Readonly<Record<string, string | number>>,
    keys: readonly string[] = this.keys,
  ): Promise<Record<string, string>> {
    const table = this.bench.table(this.type, { ...this.base, ...values });
    const answers: Record<string, string> = {};
    for (const key of keys) answers[key] = await outcome(table, key);
    const compared = Object.entries(answers).filter(([key]) => this.comparable(key));
    this.#running.push(compareWithPostmap(`${this.type}:${table.name}`, Object.fromEntries(compared)));
    return answers;
  }

  /** Waits for postmap; rejects if it answered otherwise. */
  async done(): Promise<void> {
    await Promise.all(this.#running.splice(0));
  }
}

/**
 * What a lookup gives in a process that, after it loaded the table's type and opened the table, gave up root. Without root
 * there is nothing to give up: an ordinary lookup then.
 */
export async function outcomeWithoutRights(table: Table, key: string): Promise<string> {
  if (Deno.uid() !== 0) return await outcome(table, key);
  const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "-A",
      "--config",
      new URL("../../../deno.json", import.meta.url).pathname,
      new URL("without_rights_testing.ts", import.meta.url).pathname,
      `${table.type}:${table.name}`,
      key,
    ],
  }).output();
  return new TextDecoder().decode(stdout) || new TextDecoder().decode(stderr);
}

/** Is a program of this name installed in one of the usual places? Returns its path. */
export function installed(...candidates: readonly string[]): string | undefined {
  return candidates.find((path) => {
    try {
      return Deno.statSync(path).isFile;
    } catch {
      return false;
    }
  });
}

/** A server program, started by a test and ended by it. */
export class ServerProcess {
  #child: Deno.ChildProcess | undefined;

  constructor(
    private readonly path: string,
    private readonly args: readonly string[],
    private readonly options: { readonly uid?: number; readonly gid?: number; readonly cwd?: string } = {},
  ) {}

  /** Starts the program and waits until `ready` doesn't throw any more. */
  async start(ready: () => Promise<unknown>): Promise<void> {
    this.#child = new Deno.Command(this.path, {
      args: [...this.args],
      stdin: "null",
      stdout: "null",
      stderr: "null",
      ...this.options,
    }).spawn();
    let ended: Deno.CommandStatus | undefined;
    this.#child.status.then((status) => ended = status);
    let reason: unknown;
    for (let attempt = 0; attempt < 300; attempt++) {
      if (ended !== undefined) throw new Error(`${this.path} ended with ${ended.code}`);
      try {
        await ready();
        return;
      } catch (error) {
        reason = error;
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    }
    await this.stop("SIGKILL");
    throw new Error(`${this.path} did not become ready: ${reason}`);
  }

  /** Ends the program and waits for its end. */
  async stop(signal: Deno.Signal = "SIGTERM"): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (child === undefined) return;
    try {
      child.kill(signal);
    } catch {
      // It had ended already.
    }
    await child.status;
  }
}

/** Throws until something listens there. */
export async function listening(options: Deno.ConnectOptions | Deno.UnixConnectOptions): Promise<void> {
  const connection = "path" in options ? await Deno.connect(options) : await Deno.connect(options);
  connection.close();
}

/**
 * Makes `cert.pem`, a certificate for 127.0.0.1 that vouches for itself, and `key.pem`. Resolves to false where openssl isn't
 * installed.
 */
export async function makeCertificate(directory: string): Promise<boolean> {
  const openssl = installed("/usr/bin/openssl");
  if (openssl === undefined) return false;
  const { code } = await new Deno.Command(openssl, {
    args: "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=127.0.0.1 -addext"
      .split(" ").concat([
        "subjectAltName=IP:127.0.0.1",
        "-keyout",
        `${directory}/key.pem`,
        "-out",
        `${directory}/cert.pem`,
      ]),
    stdout: "null",
    stderr: "null",
  }).output();
  return code === 0;
}
