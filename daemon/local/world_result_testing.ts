/** What came of a scenario: the log by message, the files, without everything that differs from run to run. */
import type { Ports, WorldFileResult, WorldResult } from "./world_testing.ts";
import { WORLD_USERS } from "./world_testing.ts";

const ID = /\b[0-9A-F]{8,13}\b/g;

/** True when every message that the log knows has come to an end or is deferred. */
export function isSettled(log: string, expected: number): boolean {
  const known = new Set<string>();
  const over = new Set<string>();
  for (const line of log.split("\n")) {
    const id = /: ([0-9A-F]{8,13}): /.exec(line)?.[1];
    if (id === undefined) continue;
    if (line.includes("message-id=")) known.add(id);
    if (line.endsWith(": removed") || line.includes("status=deferred")) over.add(id);
  }
  return known.size >= expected && [...known].every((id) => over.has(id));
}

/** Dates, ids, process numbers and the directory out of a text. */
export function normalised(text: string, directory: string, ports: Ports = {}): string {
  let shown = text;
  for (const [name, port] of Object.entries(ports)) {
    shown = shown.replace(new RegExp(`(?<=[:/(])${port}\\b`, "g"), `{port:${name}}`);
  }
  return shown
    .replaceAll(directory, "{dir}")
    .replace(/\b[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d \d{4}\b/g, "ASCTIME")
    .replace(/\b[A-Z][a-z]{2}, +\d{1,2} [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d [+-]\d{4}( \([A-Z]+\))?/g, "DATE")
    .replace(/\/tmp\/(TIME|\d+)\.P[\dQ]+\.\S+?(?=:)/g, "/tmp/UNIQUE")
    .replace(/;\n\tDATE/g, "; DATE")
    .replace(ID, "ID")
    .replace(/(ID ){50,}.*/, "ID ...")
    // The shell calls itself as it was called.
    .replace(": /bin/sh: ", ": sh: ");
}

/** Sorts what the log says by message. */
export function sortLog(
  log: string,
  directory: string,
  ports: Ports = {},
): Pick<WorldResult, "messages" | "warnings"> {
  const caseOf = new Map<string, string>();
  const messages: Record<string, string[]> = {};
  const warnings: string[] = [];
  const lines = log.split("\n");
  for (const line of lines) {
    const found = /: ([0-9A-F]{8,13}): message-id=<([^@]*)@case>/.exec(line);
    if (found !== null) caseOf.set(found[1]!, found[2]!);
  }
  for (const line of lines) {
    const found = /postfix\/(local|virtual|pipe|qmgr|discard|error|lmtp|smtp|cleanup)\[\d+\]: (.*)$/.exec(
      line,
    );
    if (found === null) continue;
    const [, program, text] = found;
    const id = /^(?:warning: )?([0-9A-F]{8,13}):/.exec(text!)?.[1];
    const isOutcome = / status=/.test(text!) || / from=</.test(text!);
    if (!isOutcome && !text!.startsWith("warning:") && !text!.startsWith("fatal:")) continue;
    const shown = `${program}: ${
      normalised(text!, directory, ports)
        .replace(/, delay=[^,]*, delays=[^,]*/, "")
        .replace(/, size=\d+/, "")
        .replace(/, conn_use=\d+/, "")
        .replace(/queued as FAKE\d*/, "queued as FAKE")
    }`;
    const name = id === undefined ? undefined : caseOf.get(id);
    if (/overriding earlier entry|connect #\d|_read: read time limit/.test(shown)) continue;
    if (name !== undefined) (messages[name] ??= []).push(shown);
    else if (program !== "qmgr" && program !== "discard") warnings.push(shown);
  }
  for (const list of Object.values(messages)) list.sort();
  return { messages, warnings: [...new Set(warnings)].sort() };
}

/** Everything below the directories that mail is delivered to. */
export function collectFiles(directory: string, root = directory): Record<string, WorldFileResult> {
  const files: Record<string, WorldFileResult> = {};
  const walk = (path: string) => {
    const entries = [...Deno.readDirSync(`${root}/${path}`)].sort((a, b) => a.name < b.name ? -1 : 1);
    let number = 0;
    for (const entry of entries) {
      const full = `${path}/${entry.name}`;
      const { mode, uid, gid } = Deno.lstatSync(`${root}/${full}`);
      const isNew = path.endsWith("/new");
      const shown = isNew ? `${path}/${++number} ${shape(entry.name)}` : normalised(full, directory);
      const status = `${(mode ?? 0).toString(8)} ${uid}:${gid}`;
      if (entry.isSymlink) files[shown] = { status };
      else if (entry.isDirectory) {
        files[shown] = { status };
        walk(full);
      } else if (entry.isFile) {
        const text = new TextDecoder("latin1").decode(Deno.readFileSync(`${root}/${full}`));
        files[shown] = { status, content: normalised(text, directory).slice(0, 6000) };
      }
    }
  };
  for (const part of ["home", "mail", "out", "vmail", "lists"]) walk(part);
  for (const { name } of WORLD_USERS) {
    const path = `home/${name}`;
    if (files[path] !== undefined && !Object.keys(files).some((each) => each.startsWith(`${path}/`))) {
      delete files[path];
    }
  }
  return files;
}

/** A Maildir name with its numbers taken out. */
function shape(name: string): string {
  return name.replace(/^\d+\./, "TIME.").replace(/V[0-9a-f]+I[0-9a-f]+M\d+\..*/, "VvIiMm.HOST");
}
