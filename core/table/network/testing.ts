import { TableSet } from "../table_set.ts";
import { type Table, TableError } from "../types.ts";

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

/** What real `postmap -q` prints for a key, or undefined where the program or the type isn't installed. */
export async function realPostmap(spec: string, key: string): Promise<string | undefined> {
  const { code, stdout, stderr } = await new Deno.Command("/usr/sbin/postmap", {
    args: ["-q", key, spec],
    env: { LC_ALL: "C.UTF-8" },
  }).output();
  if (code === 0) return new TextDecoder().decode(stdout).replace(/\n$/, "");
  const text = new TextDecoder().decode(stderr);
  if (/unsupported dictionary type/.test(text)) return undefined;
  return /fatal|error/.test(text) ? "(temporary)" : "(none)";
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

/** A port on loopback that was free a moment ago. */
export function freePort(): number {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  listener.close();
  return port;
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
