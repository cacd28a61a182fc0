/** Bundles the program into a flat directory of modules, one for every command and shared pieces. */
import { PACKED_ENTRIES } from "../../core/system/mod.ts";
import { mergePieces } from "./merge.ts";

/** Entry modules of the packed program besides the commands. */
const ENTRIES = [...PACKED_ENTRIES, "unpacked.js"].map((name) => name.replace(/\.js$/, ".ts"));

/** Data that modules read from beside themselves. */
const DATA = ["parameters.json", "parameters_postel.json", "parameters_derived.json"]
  .map((name) => `core/config/${name}`);

/** The modules in `cmd/` that the registry names as commands. */
function commandModules(root: string): string[] {
  const registry = Deno.readTextFileSync(`${root}/cmd/registry.ts`);
  const names = [...registry.matchAll(/\blazily\("([\w-]+)"\)/g)].map(([, name]) => `${name}.ts`);
  const present = new Set([...Deno.readDirSync(`${root}/cmd`)].map(({ name }) => name));
  const missing = names.find((name) => !present.has(name));
  if (missing !== undefined) {
    throw new Error(`cmd/registry.ts names a command in cmd/${missing}: there is no such file`);
  }
  return [...new Set(names)].sort();
}

/** What the bundler puts at the top of its shared piece, and what stands there in its place. */
const EAGER_REQUIRE = `import { createRequire as __deno_internal_createRequire } from "node:module";
var __require = __deno_internal_createRequire(import.meta.url);`;
const LAZY_REQUIRE = `var __require = (name) =>
  process.getBuiltinModule("node:module").createRequire(import.meta.url)(name);`;

/**
 * Changes the bundler's output so that a command starts fast: the specifiers of dynamic imports become computed ones
 * (the runtime reads whatever stands literally in the source before anything runs), and Node's module loader is
 * fetched only by a package that needs it (10 ms).
 */
function makeLazy(source: string): string {
  return source
    .replaceAll(/\bimport\(("\.\/[\w.-]+\.js")\)/g, "import(String($1))")
    .replace(EAGER_REQUIRE, LAZY_REQUIRE);
}

/** Runs the bundler in a directory. Throws with its words if it fails. */
function runBundler(cwd: string, args: readonly string[]): void {
  const { success, stderr, stdout } = new Deno.Command(Deno.execPath(), {
    args: ["bundle", "--quiet", "--platform", "deno", ...args],
    cwd,
    stdout: "piped",
    stderr: "piped",
  }).outputSync();
  const decoder = new TextDecoder();
  if (!success) throw new Error(`deno bundle: ${decoder.decode(stderr)}${decoder.decode(stdout)}`);
}

/** Bundles into `out`, which is emptied first. Throws with the bundler's words if it fails. */
export function bundle(root: string, out: string): void {
  Deno.mkdirSync(out, { recursive: true });
  for (const { name } of Deno.readDirSync(out)) Deno.removeSync(`${out}/${name}`, { recursive: true });
  const modules = [...ENTRIES, ...commandModules(root)].map((name) => `cmd/${name}`);
  runBundler(root, ["--code-splitting", "--outdir", out, ...modules]);
  for (const { name } of Deno.readDirSync(out)) {
    const path = `${out}/${name}`;
    const lazy = makeLazy(Deno.readTextFileSync(path));
    if (lazy.includes("__deno_internal_createRequire")) {
      throw new Error(`deno bundle: ${name} begins otherwise than expected; adapt EAGER_REQUIRE`);
    }
    Deno.writeTextFileSync(path, lazy);
  }
  mergePieces(out, (cwd, entry, external, output) => {
    runBundler(cwd, ["--no-config", ...external.map((name) => `--external=${name}`), "-o", output, entry]);
  });
  for (const path of DATA) {
    Deno.copyFileSync(`${root}/${path}`, `${out}/${path.slice(path.lastIndexOf("/") + 1)}`);
  }
}
