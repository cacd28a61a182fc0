/**
 * The cache of compiled code that the runtime keeps beside an unpacked program, filled before anybody runs it.
 *
 * Of a module the runtime keeps what is compiled when the module is loaded. A function is compiled when it is first
 * called, which is too late for the cache: every process would compile it anew, and for a command that runs for a moment
 * that is most of its work. The flag `--no-lazy` makes the compiler do everything at once; but it holds for the modules
 * of the runtime itself, too, of which a command calls little, and code made under other flags is refused. So a second
 * process makes the complete code in a cache of its own, and only what it made of the commands' modules is taken over.
 */
import { DatabaseSync } from "node:sqlite";
import { pathToFileURL } from "node:url";
import { PACKED_ENTRIES, PACKED_FLAGS } from "../../core/system/mod.ts";

/** Entry modules: loading one would run it. */
const ENTRIES = new Set([...PACKED_ENTRIES, "unpacked.js"]);

/** The argument with which `unpacked.js` only loads the commands. */
export const LOAD_COMMANDS = "--load-commands";

/** The runtime's file in its cache directory. */
const CODE_CACHE = "v8_code_cache_v2";

/**
 * Bytes with which the engine's code begins: four words that say what it is good for (format, version, source, flags).
 * Behind them are the payload's length and the payload.
 */
const CONDITIONS = 16;
/** The first three of them. */
const CONDITIONS_WITHOUT_FLAGS = 12;

/** Fills the cache of the program in `directory`, in a process that runs from there. */
export async function fillCodeCache(directory: string): Promise<void> {
  const cache = `${directory}/cache`;
  await loadModules(directory);
  // An entry module ends its process, so it gets one.
  for (const entry of PACKED_ENTRIES) runModule(directory, cache, [entry, "", "postel", "help"]);
  const beside = `${cache}/complete`;
  Deno.mkdirSync(beside);
  try {
    const made = runModule(directory, beside, ["unpacked.js", LOAD_COMMANDS], ["--v8-flags=--no-lazy"]);
    if (made) takeOver(`${beside}/${CODE_CACHE}`, `${cache}/${CODE_CACHE}`);
  } catch {
    // Without complete code the commands start slower, and work.
  } finally {
    Deno.removeSync(beside, { recursive: true });
  }
}

/** Runs a module of the program, as its launcher does, with its own cache directory. Was it successful? */
function runModule(
  directory: string,
  cache: string,
  [module = "", ...args]: readonly string[],
  flags: readonly string[] = [],
): boolean {
  return new Deno.Command(`${directory}/postel`, {
    args: ["run", ...PACKED_FLAGS, ...flags, `${directory}/${module}`, ...args],
    env: { DENO_DIR: cache, DENO_NO_UPDATE_CHECK: "1" },
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).outputSync().success;
}

/** Loads every module once, so that the runtime keeps its compiled code. */
async function loadModules(directory: string): Promise<void> {
  for (const entry of Deno.readDirSync(directory)) {
    if (!entry.isFile || !entry.name.endsWith(".js") || ENTRIES.has(entry.name)) continue;
    const address = pathToFileURL(`${directory}/${entry.name}`).href;
    // One that can't be loaded on this system says so to whom uses it; here it only has no cache.
    await import(address).catch(() => {});
  }
}

interface CompiledModule {
  readonly specifier: string;
  readonly hash: string;
  readonly data: Uint8Array;
}

/**
 * Puts the complete code of modules into the cache, each under the conditions of the code that it replaces. If they should mean something
 * else in a later engine, it refuses the code and compiles what it needs.
 */
function takeOver(from: string, to: string): void {
  const complete = new DatabaseSync(from);
  const cache = new DatabaseSync(to);
  try {
    // Commands that run already may be writing.
    cache.exec("PRAGMA busy_timeout = 10000");
    // The hashes have 64 bits.
    const columns =
      "SELECT specifier, CAST(source_hash AS TEXT) AS hash, data FROM codecache WHERE specifier";
    const find = cache.prepare(`${columns} = ?`);
    const replace = cache.prepare("UPDATE codecache SET data = ? WHERE specifier = ?");
    for (const row of complete.prepare(`${columns} LIKE 'file:%'`).all()) {
      const { specifier, hash, data } = row as unknown as CompiledModule;
      const present = find.get(specifier) as unknown as CompiledModule | undefined;
      if (present === undefined || present.hash !== hash) continue;
      const head = present.data.subarray(0, CONDITIONS);
      if (head.subarray(0, CONDITIONS_WITHOUT_FLAGS).some((byte, at) => byte !== data[at])) continue;
      const code = data.slice();
      code.set(head);
      replace.run(code, specifier);
    }
  } finally {
    complete.close();
    cache.close();
  }
}
