/**
 * A small world for delivery tests: users, homes, mail directories and tables below one directory, seen by a mail
 * system that runs in a mount namespace of its own with that world's passwd and group files. The same world is given
 * to real Postfix when answers are recorded (testdata/local/record.ts).
 */
import process from "node:process";

/** A file of the world; a path that ends in `/` is a directory. */
export interface WorldFile {
  readonly content?: string;
  readonly mode?: number;
  /** A user's name; root if absent. */
  readonly owner?: string;
  /** Target of a symbolic link. */
  readonly link?: string;
  /** Seconds that the file is old. */
  readonly age?: number;
}

export interface WorldMessage {
  /** Names the case; becomes the Message-ID. */
  readonly id: string;
  readonly from?: string;
  readonly to: readonly string[];
  /** Body lines. */
  readonly body?: readonly string[];
  /** Further header lines. */
  readonly headers?: readonly string[];
  /** Further MAIL and RCPT parameters. */
  readonly mail?: string;
  readonly rcpt?: string;
}

/** One configuration with everything that is sent through it. `{dir}` in texts is the world's directory. */
export interface Scenario {
  readonly name: string;
  readonly main: readonly string[];
  readonly master?: readonly string[];
  readonly files: Readonly<Record<string, string | WorldFile>>;
  /** Directories that are small file systems, with their sizes. */
  readonly disks?: Readonly<Record<string, string>>;
  readonly messages: readonly WorldMessage[];
}

/** What came of a scenario, without everything that differs from run to run. */
export interface WorldResult {
  /** Log lines by message. */
  readonly messages: Readonly<Record<string, readonly string[]>>;
  /** Warnings that name no message. */
  readonly warnings: readonly string[];
  readonly files: Readonly<Record<string, WorldFileResult>>;
}

export interface WorldFileResult {
  /** `100600 4001:4001` */
  readonly status: string;
  readonly content?: string;
}

const USERS = Array.from(
  { length: 40 },
  (_, n) => ({ name: `u${String(n).padStart(2, "0")}`, uid: 4000 + n }),
);

/** True where a world can be made: root, with the right to have mount namespaces. */
export const WORLD_POSSIBLE = process.geteuid?.() === 0 && canUnshare();

function canUnshare(): boolean {
  try {
    return new Deno.Command("unshare", { args: ["-m", "true"], stdout: "null", stderr: "null" })
      .outputSync().success;
  } catch {
    return false;
  }
}

const fill = (text: string, directory: string) => text.replaceAll("{dir}", directory);

/** Writes users, homes and files. */
export function buildWorld(directory: string, scenario: Scenario): void {
  Deno.chmodSync(directory, 0o755);
  Deno.umask(0o022);
  const mailGroup = /^mail:[^:]*:(\d+):/m.exec(Deno.readTextFileSync("/etc/group"))?.[1] ?? "8";
  const lines = USERS.map(({ name, uid }) =>
    `${name}:x:${uid}:${uid}:User ${name}:${directory}/home/${name}:/bin/sh`
  );
  const passwd = Deno.readTextFileSync("/etc/passwd").split("\n").filter((line) => !/^u\d\d:/.test(line));
  Deno.writeTextFileSync(`${directory}/passwd`, [...passwd.filter(Boolean), ...lines, ""].join("\n"));
  const groups = Deno.readTextFileSync("/etc/group").split("\n").filter(Boolean);
  const own = USERS.map(({ name, uid }) => `${name}:x:${uid}:`);
  Deno.writeTextFileSync(`${directory}/group`, [...groups, ...own, "crew:x:5000:u01", ""].join("\n"));
  for (const part of ["home", "mail", "out", "lists", "vmail"]) Deno.mkdirSync(`${directory}/${part}`);
  Deno.chownSync(`${directory}/mail`, 0, Number(mailGroup));
  Deno.chmodSync(`${directory}/mail`, 0o2775);
  Deno.chmodSync(`${directory}/out`, 0o1777);
  for (const { name, uid } of USERS) {
    Deno.mkdirSync(`${directory}/home/${name}`, { mode: 0o755 });
    Deno.chownSync(`${directory}/home/${name}`, uid, uid);
  }
  const disks = mountLines(directory, scenario);
  Deno.writeTextFileSync(
    `${directory}/enter`,
    `#!/bin/sh
set -e
mount --make-rprivate /
mount --bind ${directory}/passwd /etc/passwd
mount --bind ${directory}/group /etc/group
${disks}
exec "$@"
`,
    { mode: 0o755 },
  );
  for (const [path, given] of Object.entries(scenario.files)) writeFile(directory, path, given);
}

function mountLines(directory: string, scenario: Scenario): string {
  return Object.entries(scenario.disks ?? {}).map(([path, size]) => {
    const full = `${directory}/${path}`;
    const uid = USERS.find(({ name }) => path.split("/").includes(name))?.uid ?? 0;
    return `mount -t tmpfs -o size=${size},uid=${uid},gid=${uid},mode=755 tmpfs ${full}`;
  }).join("\n");
}

function writeFile(directory: string, path: string, given: string | WorldFile): void {
  const file: WorldFile = typeof given === "string" ? { content: given } : given;
  const full = `${directory}/${path}`.replace(/\/$/, "");
  // Files in a home belong to whose home it is, unless said otherwise.
  const home = /^home\/(u\d\d)\//.exec(path)?.[1];
  const owner = USERS.find(({ name }) => name === (file.owner ?? home))?.uid ?? 0;
  Deno.mkdirSync(full.slice(0, full.lastIndexOf("/")), { recursive: true });
  if (file.link !== undefined) {
    Deno.symlinkSync(fill(file.link, directory), full);
    new Deno.Command("chown", { args: ["-h", `${owner}:${owner}`, full] }).outputSync();
    return;
  }
  if (path.endsWith("/")) {
    Deno.mkdirSync(full, { recursive: true });
    if (file.mode === undefined) Deno.chmodSync(full, 0o755);
  } else Deno.writeTextFileSync(full, fill(file.content ?? "", directory));
  Deno.chownSync(full, owner, owner);
  if (file.mode !== undefined) Deno.chmodSync(full, file.mode);
  if (file.age !== undefined) {
    const when = Date.now() / 1000 - file.age;
    Deno.utimeSync(full, when, when);
  }
}

/** main.cf lines that every scenario begins with. */
export function worldMain(directory: string): string[] {
  return [
    "mail_name = Postfix",
    "mail_owner = postfix",
    "setgid_group = postdrop",
    "enable_long_queue_ids = no",
    "myhostname = mx.example.com",
    "mydestination = example.com, mx.example.com, localhost",
    "myorigin = example.com",
    "local_recipient_maps =",
    "alias_database =",
    `alias_maps = texthash:${directory}/aliases`,
    `mail_spool_directory = ${directory}/mail`,
    "recipient_delimiter = +",
    "biff = no",
    "deliver_lock_attempts = 2",
    "deliver_lock_delay = 1s",
    `transport_maps = inline:{ { outside.example = discard: } { outside2.example = discard: } }`,
    "smtpd_recipient_restrictions = permit_mynetworks, reject",
    "smtpd_reject_unlisted_recipient = no",
    "smtpd_client_port_logging = no",
    "local_destination_concurrency_limit = 1",
    "max_idle = 5s",
    "export_environment = PATH=/usr/bin:/bin TZ=UTC LANG=C",
  ];
}

/** Fills in the scenario's own lines. */
export function scenarioLines(lines: readonly string[], directory: string): string[] {
  return lines.map((line) => fill(line, directory));
}

/** Speaks one message to the server. */
export async function sendMessage(
  client: { say(line: string): Promise<string> },
  message: WorldMessage,
): Promise<void> {
  const expect = async (line: string, code: RegExp) => {
    const reply = await client.say(line);
    if (!code.test(reply)) throw new Error(`${message.id}: ${line.slice(0, 80)}: ${reply}`);
  };
  await expect(`MAIL FROM:<${message.from ?? "sender@outside.example"}>${message.mail ?? ""}`, /^250/);
  for (const to of message.to) await expect(`RCPT TO:<${to}>${message.rcpt ?? ""}`, /^250/);
  await expect("DATA", /^354/);
  const lines = [
    `Message-ID: <${message.id}@case>`,
    "Date: Mon, 1 Jan 2024 00:00:00 +0000",
    "From: sender@outside.example",
    "To: rcpt@example.com",
    "Subject: test",
    ...(message.headers ?? []),
    "",
    ...(message.body ?? ["hello"]),
  ];
  await expect(lines.map((line) => line.startsWith(".") ? `.${line}` : line).join("\r\n") + "\r\n.", /^250/);
}

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
export function normalised(text: string, directory: string): string {
  return text
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
export function sortLog(log: string, directory: string): Pick<WorldResult, "messages" | "warnings"> {
  const caseOf = new Map<string, string>();
  const messages: Record<string, string[]> = {};
  const warnings: string[] = [];
  const lines = log.split("\n");
  for (const line of lines) {
    const found = /: ([0-9A-F]{8,13}): message-id=<([^@]*)@case>/.exec(line);
    if (found !== null) caseOf.set(found[1]!, found[2]!);
  }
  for (const line of lines) {
    const found = /postfix\/(local|virtual|pipe|qmgr|discard|error|lmtp)\[\d+\]: (.*)$/.exec(line);
    if (found === null) continue;
    const [, program, text] = found;
    const id = /^(?:warning: )?([0-9A-F]{8,13}):/.exec(text!)?.[1];
    const isOutcome = / status=/.test(text!) || / from=</.test(text!);
    if (!isOutcome && !text!.startsWith("warning:") && !text!.startsWith("fatal:")) continue;
    const shown = `${program}: ${
      normalised(text!, directory)
        .replace(/, delay=[^,]*, delays=[^,]*/, "")
        .replace(/, size=\d+/, "")
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
      const shown = isNew ? `${path}/${++number} ${shape(entry.name)}` : full;
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
  for (const { name } of USERS) {
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
