/** What the tests of the packed program need: the program, and places without Deno to run it in. */
import { freePort } from "../../core/system/free_port_testing.ts";

export { freePort };

/** The programs that the launcher of the packed form uses. */
const TOOLS = ["sh", "id", "mkdir", "mktemp", "chmod", "tail", "gzip", "tar", "rm"];

/** The path of one of the project's files. */
function fromSource(path: string): string {
  return new URL(`../../${path}`, import.meta.url).pathname;
}

/** What a command printed, and its exit code. */
export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command to its end. */
export function run(program: string, args: readonly string[], options: Deno.CommandOptions = {}): Ran {
  const decoder = new TextDecoder();
  const { code, stdout, stderr } = new Deno.Command(program, {
    ...options,
    args: [...args],
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).outputSync();
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

/** The path of a program, as the PATH has it; undefined if it is nowhere. */
function findProgram(name: string): string | undefined {
  const { code, stdout } = run("/bin/sh", ["-c", 'command -v "$0"', name]);
  return code === 0 ? stdout.trim() : undefined;
}

/** Makes the packed program with the project's own script. Throws with its words if that fails. */
export function packProgram(output: string): void {
  const { code, stderr } = run(Deno.execPath(), [
    "run",
    "-A",
    "--quiet",
    `--config=${fromSource("deno.json")}`,
    fromSource(".ci/pack/compile.ts"),
    "--packed",
    "--output",
    output,
  ]);
  if (code !== 0) throw new Error(stderr);
}

/** A directory with links to the launcher's tools and nothing else, for a PATH without Deno. */
export function makeToolDirectory(directory: string): void {
  Deno.mkdirSync(directory);
  for (const tool of TOOLS) Deno.symlinkSync(findProgram(tool)!, `${directory}/${tool}`);
}

/** The shared libraries of a program, the loader included. */
function librariesOf(program: string): string[] {
  return run("ldd", [program]).stdout.match(/\/\S+/g) ?? [];
}

/**
 * Makes the smallest root file system that the packed program can be put into: a shell, the launcher's tools, the C
 * library, accounts, and empty directories. No Deno, no npm, no network configuration.
 */
export function makeRoot(root: string): void {
  for (const path of ["bin", "dev", "proc", "etc", "tmp", "var/lib", "var/log", "var/mail", "usr", "root"]) {
    Deno.mkdirSync(`${root}/${path}`, { recursive: true });
  }
  Deno.chmodSync(`${root}/tmp`, 0o1777);
  Deno.chmodSync(`${root}/var/mail`, 0o1777);
  const libraries = new Set(librariesOf(Deno.execPath()));
  for (const tool of TOOLS) {
    const program = Deno.realPathSync(findProgram(tool)!);
    Deno.copyFileSync(program, `${root}/bin/${tool}`);
    for (const library of librariesOf(program)) libraries.add(library);
  }
  for (const library of libraries) {
    Deno.mkdirSync(`${root}${library.slice(0, library.lastIndexOf("/"))}`, { recursive: true });
    Deno.copyFileSync(library, `${root}${library}`);
  }
  const accounts = [["root", 0], ["nobody", 65534], ["alice", 1000]] as const;
  const passwd = accounts.map(([name, id]) => `${name}:x:${id}:${id}::/:/bin/sh\n`);
  Deno.writeTextFileSync(`${root}/etc/passwd`, passwd.join(""));
  Deno.writeTextFileSync(`${root}/etc/group`, accounts.map(([name, id]) => `${name}:x:${id}:\n`).join(""));
  // What the system's own programs do in the end, without the libraries that those need.
  const script = (name: string, text: string) =>
    Deno.writeTextFileSync(`${root}/bin/${name}`, `#!/bin/sh\n${text}\n`, { mode: 0o755 });
  script("groupadd", 'echo "$2:x:891:" >>/etc/group');
  script(
    "useradd",
    'for name; do :; done; echo "$name:x:890:890::/:/sbin/nologin" >>/etc/passwd; echo "$name:x:890:" >>/etc/group',
  );
  const without = (file: string) =>
    `kept=$(while read -r line; do case $line in "$1":*) ;; *) echo "$line" ;; esac; done <${file}); echo "$kept" >${file}`;
  script("groupdel", without("/etc/group"));
  script("userdel", `${without("/etc/passwd")}; ${without("/etc/group")}`);
  Deno.writeTextFileSync(`${root}/etc/hosts`, "127.0.0.1 localhost\n");
}

/** Runs a command in such a root, in a mount namespace of its own with `/proc` and `/dev/null`, and no environment. */
export function runInRoot(root: string, ...command: string[]): Ran {
  const script =
    `touch "$0/dev/null" && mount --bind /dev/null "$0/dev/null" && mount --bind /proc "$0/proc" && ` +
    `exec chroot "$0" "$@"`;
  return run("unshare", ["--mount", "sh", "-c", script, root, ...command], {
    clearEnv: true,
    env: { PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" },
  });
}

/** Can this process make such a root? It takes root, mount namespaces and a few programs. */
export function canRunInRoot(): boolean {
  if (Deno.uid() !== 0) return false;
  if (["unshare", "chroot", "mount", "ldd"].some((name) => findProgram(name) === undefined)) return false;
  return run("unshare", ["--mount", "sh", "-c", "mount --bind /proc /proc"]).code === 0;
}

/** All paths below a directory with type, mode, size and target, sorted: to compare before and after. */
export function snapshot(directory: string): string[] {
  const lines: string[] = [];
  const walk = (path: string) => {
    for (const { name } of Deno.readDirSync(path)) {
      const at = `${path}/${name}`;
      const info = Deno.lstatSync(at);
      const detail = info.isSymlink ? `-> ${Deno.readLinkSync(at)}` : info.isFile ? String(info.size) : "";
      lines.push(`${at.slice(directory.length)} ${((info.mode ?? 0) & 0o7777).toString(8)} ${detail}`.trim());
      if (info.isDirectory) walk(at);
    }
  };
  walk(directory);
  return lines.sort();
}

/** Waits until a condition holds. Throws what it was after a minute. */
export async function until(what: string, holds: () => boolean): Promise<void> {
  for (let waited = 0; !holds(); waited += 50) {
    if (waited > 60_000) throw new Error(`timed out: ${what}`);
    await new Promise((done) => setTimeout(done, 50));
  }
}
