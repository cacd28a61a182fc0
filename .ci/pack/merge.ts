/**
 * Merges pieces of the bundled program that the same commands load. The bundler makes a piece of every set of modules
 * that a different set of entries needs; a command such as `postqueue` then loads thirty files, which costs more than what is in them.
 */

import { PACKED_ENTRY, QUICK_COMMANDS } from "../../core/system/mod.ts";

/**
 * Modules of commands whose start counts. (Those that need a library of the runtime for their sockets are not among them: what
 * is merged with theirs would load it too, and it takes longer than all files.)
 */
const QUICK_MODULES = Object.keys(QUICK_COMMANDS).map((module) => `${module}.js`);

/** A static import or re-export of another piece, in the form that the bundler prints. */
const STATIC_IMPORT = /^(import|export) (?:\{([^}]*)\} from )?"\.\/([\w.-]+\.js)";$/gm;

/** What a piece exports; the bundler prints one such list at the end. */
const EXPORTS = /^export \{\n([^}]*)\n\};$/m;

/** Bundles `entry` in `directory` into one file, without the files named in `external`. */
export type Bundler = (directory: string, entry: string, external: readonly string[], output: string) => void;

/** The pieces by name. */
type Pieces = Map<string, string>;

function imports(source: string): string[] {
  return [...source.matchAll(STATIC_IMPORT)].map(([, , , name]) => name!);
}

/** Names that a piece exports to others. */
function exportedNames(source: string): string[] {
  const [, list = ""] = EXPORTS.exec(source) ?? [];
  return list.split(",").map((item) => item.trim().split(" as ").at(-1)!).filter((name) => name !== "");
}

/** A piece and all that it loads with itself. */
function closure(entry: string, pieces: Pieces): Set<string> {
  const found = new Set([entry]);
  // A set's iteration takes in what is added meanwhile.
  for (const name of found) for (const other of imports(pieces.get(name)!)) found.add(other);
  return found;
}

/** Pieces that the same quick commands load, by the name of the file they shall be merged into. */
function groups(pieces: Pieces): Map<string, string[]> {
  const loads = QUICK_MODULES.map((name) => closure(name, pieces));
  const shared = closure(PACKED_ENTRY, pieces);
  const byUsers = new Map<string, string[]>();
  for (const name of pieces.keys()) {
    if (name === PACKED_ENTRY) continue;
    const users = QUICK_MODULES.filter((_, index) => shared.has(name) || loads[index]!.has(name));
    if (users.length > 0) byUsers.set(users.join(), [...byUsers.get(users.join()) ?? [], name]);
  }
  const result = new Map<string, string[]>();
  for (const members of byUsers.values()) {
    const command = members.find((name) => QUICK_MODULES.includes(name));
    const name = command ?? `merged-${result.size}.js`;
    if (members.length > 1) result.set(name, members);
  }
  return result;
}

/** The name under which a merged file exports what one of its pieces exports. */
function mergedName(piece: string, name: string): string {
  return `${piece.replace(/\.js$/, "").replaceAll(/\W/g, "_")}$${name}`;
}

/** Imports of merged pieces become imports of the file they are in. */
function redirect(source: string, mergedInto: ReadonlyMap<string, string>): string {
  return source.replaceAll(STATIC_IMPORT, (statement, verb, list: string | undefined, piece) => {
    const target = mergedInto.get(piece);
    if (target === undefined) return statement;
    if (list === undefined) return `import "./${target}";`;
    if (target === piece) return statement;
    const names = list.split(",").map((item) => {
      const [name = "", local = name] = item.trim().split(" as ");
      return `${mergedName(piece, name)} as ${local}`;
    });
    return `${verb} { ${names.join(", ")} } from "./${target}";`;
  });
}

/** Throws if a piece asks another one for a name that it does not export. */
function checkImports(pieces: Pieces): void {
  const exported = new Map([...pieces].map(([name, source]) => [name, new Set(exportedNames(source))]));
  for (const [name, source] of pieces) {
    for (const [, , list = "", piece = ""] of source.matchAll(STATIC_IMPORT)) {
      const wanted = list.split(",").map((item) => item.trim().split(" as ")[0]!).filter((item) =>
        item !== ""
      );
      const missing = wanted.find((item) => !exported.get(piece)?.has(item));
      if (missing !== undefined) {
        throw new Error(`${name} imports ${missing}, which ${piece} does not export`);
      }
    }
  }
}

/** Merges the pieces in `directory`, whose dynamic imports have computed specifiers already. Throws if they don't fit. */
export function mergePieces(directory: string, bundleOne: Bundler): void {
  const pieces: Pieces = new Map();
  for (const { name } of Deno.readDirSync(directory)) {
    if (name.endsWith(".js")) pieces.set(name, Deno.readTextFileSync(`${directory}/${name}`));
  }
  const merged = groups(pieces);
  const mergedInto = new Map(
    [...merged].flatMap(([name, members]) => members.map((member) => [member, name])),
  );
  const results: Pieces = new Map();
  for (const [name, members] of merged) {
    const entry = members.map((member) => {
      const names = exportedNames(pieces.get(member)!);
      const list = names.map((item) => member === name ? item : `${item} as ${mergedName(member, item)}`);
      return `export { ${list.join(", ")} } from "./${member}";\n`;
    }).join("");
    const others = [...pieces.keys()].filter((other) => !members.includes(other)).map((other) =>
      `./${other}`
    );
    Deno.writeTextFileSync(`${directory}/merge-entry.js`, entry);
    bundleOne(directory, "merge-entry.js", others, "merge-output.js");
    results.set(name, Deno.readTextFileSync(`${directory}/merge-output.js`));
    for (const file of ["merge-entry.js", "merge-output.js"]) Deno.removeSync(`${directory}/${file}`);
  }
  for (const member of mergedInto.keys()) {
    pieces.delete(member);
    Deno.removeSync(`${directory}/${member}`);
  }
  for (const [name, source] of results) pieces.set(name, source);
  for (const [name, source] of pieces) pieces.set(name, redirect(source, mergedInto));
  checkImports(pieces);
  for (const [name, source] of pieces) Deno.writeTextFileSync(`${directory}/${name}`, source);
}
