/**
 * `deno task compile`: makes `dist/postel`, one executable. Where the runtime's compile stub is to be had (cached,
 * downloaded, or named in DENORT_BIN) it is a compiled program, else the packed form: this Deno and the program in one
 * file that unpacks itself once.
 *
 * Usage: compile.ts [--packed] [--output FILE]
 */
import { parseArgs } from "node:util";
import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { gzipSync } from "node:zlib";
import { VERSION } from "../../cmd/help.ts";
import { messageOf } from "../../core/errors/mod.ts";
import { PACKED_ENTRY, PACKED_FLAGS } from "../../core/system/mod.ts";
import { makeLauncher } from "../../daemon/install/launcher.ts";
import { placeFile } from "../../daemon/install/steps.ts";
import { type ArchiveFile, tarPieces } from "./archive.ts";
import { bundle } from "./bundle.ts";

const ROOT = new URL("../..", import.meta.url).pathname.replace(/\/$/, "");
/** Seconds for `deno compile`, which may wait for a download that never comes. */
const COMPILE_SECONDS = 120;

/** What went wrong, from a program's error output: the cause behind the headline, if one is given. */
function errorLine(output: Uint8Array): string {
  const lines = new TextDecoder().decode(output).split("\n").map((line) => line.trim());
  const line = lines.find((line) => line.startsWith("1: ")) ??
    lines.find((line) => line.startsWith("error: "));
  return (line ?? lines[0] ?? "").replace(/^1: /, "");
}

/** Tries the runtime's own compiler. Returns why it could not be done, or undefined. */
async function compile(modules: string, output: string): Promise<string | undefined> {
  const beside = `${output}.new`;
  const flags = PACKED_FLAGS.filter((flag) => !["--quiet", "--no-remote"].includes(flag));
  const compiled = await new Deno.Command(Deno.execPath(), {
    args: [
      "compile",
      ...flags,
      "--no-check",
      "--include",
      modules,
      "--output",
      beside,
      `${modules}/${PACKED_ENTRY}`,
    ],
    env: { NO_COLOR: "1" },
    stdout: "piped",
    stderr: "piped",
    signal: AbortSignal.timeout(COMPILE_SECONDS * 1000),
  }).output();
  if (!compiled.success) return errorLine(compiled.stderr);
  // A stub that is a whole Deno makes a file that behaves as Deno; only a try tells.
  const tried = await new Deno.Command(beside, {
    args: ["help", "postconf"],
    stdout: "piped",
    stderr: "piped",
  }).output();
  if (!new TextDecoder().decode(tried.stdout).startsWith("postel postconf - ")) {
    Deno.removeSync(beside);
    return "the compiled file does not behave as Postel";
  }
  Deno.renameSync(beside, output);
  return undefined;
}

/** Makes the packed form. Returns the version in its launcher. */
function pack(modules: string, output: string): string {
  const files: ArchiveFile[] = [
    { name: "postel", mode: 0o755, content: Deno.readFileSync(Deno.execPath()) },
    ...[...Deno.readDirSync(modules)].map(({ name }) => name).sort().map((name) => ({
      name,
      mode: 0o644,
      content: Deno.readFileSync(`${modules}/${name}`),
    })),
  ];
  const digest = createHash("sha256");
  const pieces = [...tarPieces(files)];
  for (const piece of pieces) digest.update(piece);
  const version = `${VERSION}-${digest.digest("hex").slice(0, 16)}`;
  const archive = gzipSync(Buffer.concat(pieces), { level: 6 });
  placeFile(output, [makeLauncher({ version, installed: "" }), archive], 0o755);
  return version;
}

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { packed: { type: "boolean" }, output: { type: "string" } } });
  const output = values.output ?? `${ROOT}/dist/postel`;
  const modules = `${output}.modules`;
  Deno.mkdirSync(output.slice(0, output.lastIndexOf("/")), { recursive: true });
  try {
    bundle(ROOT, modules);
    const problem = values.packed ? "asked for" : await compile(modules, output);
    if (problem === undefined) {
      console.log(`${output}: compiled`);
      return;
    }
    const version = pack(modules, output);
    const size = Math.round(Deno.statSync(output).size / 1e6);
    console.log(
      `${output}: packed, ${size} MB, version ${version}\n` +
        `Not compiled (${problem}).\nThe packed form has the same name and behaviour; it unpacks itself once, ` +
        `into /var/lib/postel for root,\ninto ~/.cache/postel for others.`,
    );
  } catch (error) {
    console.error(`compile: ${messageOf(error)}`);
    Deno.exitCode = 1;
  } finally {
    Deno.removeSync(modules, { recursive: true });
  }
}

await main();
