/** The mail system's own user and group. */
import { lookupGroup, lookupUser } from "../../core/system/mod.ts";
import type { Entry, Step } from "./types.ts";

/** The first of these programs that is there and works; its output is passed on when it fails. */
function runFirst(candidates: readonly (readonly [string, readonly string[]])[]): void {
  for (const [program, args] of candidates) {
    let output: Deno.CommandOutput;
    try {
      output = new Deno.Command(program, { args: [...args], stdout: "null", stderr: "piped" }).outputSync();
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) continue;
      throw error;
    }
    if (output.success) return;
    throw new Error(`${program} ${args.join(" ")}: ${new TextDecoder().decode(output.stderr).trim()}`);
  }
  throw new Error(`none of the programs ${candidates.map(([program]) => program).join(", ")} is there`);
}

/** Steps that make the accounts which are missing. */
export function accountSteps(owner: string, group: string, home: string): Step[] {
  const steps: Step[] = [];
  if (lookupGroup(group) === undefined) {
    steps.push({
      text: `make the system group ${group}`,
      act: (): Entry[] => {
        runFirst([["groupadd", ["--system", group]], ["addgroup", ["-S", group]]]);
        return [{ kind: "group", name: group }];
      },
    });
  }
  if (lookupUser(owner) === undefined) {
    steps.push({
      text: `make the system user ${owner}`,
      act: (): Entry[] => {
        const nobodyElse = lookupGroup(owner) === undefined;
        const shell = "/sbin/nologin";
        runFirst([
          [
            "useradd",
            [
              "--system",
              ...(nobodyElse ? ["--user-group"] : ["--gid", owner]),
              ...["--home-dir", home, "--no-create-home", "--shell", shell, owner],
            ],
          ],
          ["adduser", ["-S", "-D", "-H", "-h", home, "-s", shell, owner]],
        ]);
        return [{ kind: "user", name: owner }];
      },
    });
  }
  return steps;
}

/** Takes an account away again. Throws with the system's words if that fails. */
export function removeAccount(entry: Entry & { kind: "user" | "group" }): void {
  const { kind, name } = entry;
  if (kind === "user") {
    if (lookupUser(name) !== undefined) runFirst([["userdel", [name]], ["deluser", [name]]]);
  } else if (lookupGroup(name) !== undefined) {
    runFirst([["groupdel", [name]], ["delgroup", [name]]]);
  }
}
