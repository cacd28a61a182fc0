/** Puts the program itself in place, and for the packed form the directory that its launcher looks into. */
import { dirname } from "node:path";
import { PACKED_FLAGS } from "../../core/system/mod.ts";
import { LAUNCHER_SIZE, makeLauncher } from "./launcher.ts";
import { sha256 } from "./manifest.ts";
import { makeDirectories, placeFile } from "./steps.ts";
import type { InstallOptions, Step } from "./types.ts";

/** Copies the unpacked files to where the installed launcher will find them. */
function unpackStep(directory: string, home: string): Step {
  return {
    text: `unpack the program into ${home}`,
    act: () => {
      const made = makeDirectories(dirname(home));
      const beside = Deno.makeTempDirSync({ dir: dirname(home), prefix: "new." });
      try {
        Deno.chmodSync(beside, 0o755);
        for (const entry of Deno.readDirSync(directory)) {
          if (!entry.isFile) continue;
          const path = `${beside}/${entry.name}`;
          Deno.copyFileSync(`${directory}/${entry.name}`, path);
          Deno.chmodSync(path, entry.name === "postel" ? 0o755 : 0o644);
        }
        const { success, stderr } = new Deno.Command(`${beside}/postel`, {
          args: ["run", ...PACKED_FLAGS, `${beside}/unpacked.js`, beside, home],
          env: { DENO_DIR: `${beside}/cache`, DENO_NO_UPDATE_CHECK: "1" },
          stdout: "null",
          stderr: "piped",
        }).outputSync();
        if (!success) throw new Error(`cannot make ${home}: ${new TextDecoder().decode(stderr).trim()}`);
      } catch (error) {
        Deno.removeSync(beside, { recursive: true });
        throw error;
      }
      return [...made, { kind: "tree", path: home }];
    },
  };
}

/** The steps that put the program at its place. */
export function programSteps({ layout, program, packed }: InstallOptions): Step[] {
  const copy = (pieces: () => Uint8Array[]): Step => ({
    text: `write ${layout.program}`,
    act: () => {
      const made = makeDirectories(dirname(layout.program));
      const content = pieces();
      placeFile(layout.program, content, 0o755);
      return [
        ...made,
        { kind: "file", path: layout.program, sha256: sha256(Deno.readFileSync(layout.program)) },
      ];
    },
  });
  if (packed === undefined) return [copy(() => [Deno.readFileSync(program)])];
  const home = `${layout.versions}/${packed.version}`;
  return [
    unpackStep(packed.directory, home),
    copy(() => [
      makeLauncher({ version: packed.version, installed: home }),
      Deno.readFileSync(program).subarray(LAUNCHER_SIZE),
    ]),
  ];
}
