/**
 * A small world for delivery tests: users, homes, mail directories and tables below one directory, seen by a mail
 * system that runs in a mount namespace of its own with that world's passwd and group files. The same world is given
 * to real Postfix when answers are recorded (testdata/local/record.ts).
 */
import process from "node:process";
import type { FakeServerOptions } from "../smtp/testing.ts";

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
  /** The name of another server of the scenario that it is sent to. */
  readonly via?: string;
  /** Given to cleanup directly: recipients may be what SMTP does not allow. */
  readonly internal?: boolean;
  /** Commands before MAIL. */
  readonly commands?: readonly string[];
}

/** TCP ports by name; `{port:NAME}` in texts. */
export type Ports = Readonly<Record<string, number>>;

/** One configuration with everything that is sent through it. `{dir}` in texts is the world's directory. */
export interface Scenario {
  readonly name: string;
  readonly main: readonly string[];
  readonly master?: readonly string[];
  readonly files: Readonly<Record<string, string | WorldFile>>;
  /** Directories that are small file systems, with their sizes. */
  readonly disks?: Readonly<Record<string, string>>;
  /** Paths that are taken away before it begins. */
  readonly removed?: readonly string[];
  /** Files of the system that files of the world are put over. */
  readonly binds?: Readonly<Record<string, string>>;
  /** Next hops, which keep what they are sent. */
  readonly peers?: Readonly<Record<string, Pick<FakeServerOptions, "lmtp" | "on">>>;
  /** Names of ports for further SMTP servers. */
  readonly servers?: readonly string[];
  /** Files that another program has locked. */
  readonly locked?: Readonly<Record<string, "fcntl" | "flock">>;
  /** Collect what is said to comsat(8), at `{port:comsat}`. */
  readonly comsat?: boolean;
  readonly messages: readonly WorldMessage[];
}

/** What came of a scenario, without everything that differs from run to run. */
export interface WorldResult extends TrafficResult {
  /** Log lines by message. */
  readonly messages: Readonly<Record<string, readonly string[]>>;
  /** Warnings that name no message. */
  readonly warnings: readonly string[];
  readonly files: Readonly<Record<string, WorldFileResult>>;
}

/** What went over the network. */
export interface TrafficResult {
  /** Replies by message that were not success. */
  readonly replies?: Readonly<Record<string, readonly string[]>>;
  /** What next hops were sent, by message. */
  readonly sent?: Readonly<Record<string, readonly string[]>>;
  /** What comsat was told. */
  readonly comsat?: readonly string[];
}

export interface WorldFileResult {
  /** `100600 4001:4001` */
  readonly status: string;
  readonly content?: string;
}

export const WORLD_USERS = Array.from(
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

function fill(text: string, directory: string, ports: Ports): string {
  return text.replaceAll("{dir}", directory).replace(/\{port:(\w+)\}/g, (_, name) => String(ports[name]!));
}

/** Writes users, homes and files. */
export function buildWorld(directory: string, scenario: Scenario, ports: Ports = {}): void {
  Deno.chmodSync(directory, 0o755);
  Deno.umask(0o022);
  const mailGroup = /^mail:[^:]*:(\d+):/m.exec(Deno.readTextFileSync("/etc/group"))?.[1] ?? "8";
  const lines = WORLD_USERS.map(({ name, uid }) =>
    `${name}:x:${uid}:${uid}:User ${name}:${directory}/home/${name}:/bin/sh`
  );
  const passwd = Deno.readTextFileSync("/etc/passwd").split("\n").filter((line) => !/^u\d\d:/.test(line));
  Deno.writeTextFileSync(`${directory}/passwd`, [...passwd.filter(Boolean), ...lines, ""].join("\n"));
  const groups = Deno.readTextFileSync("/etc/group").split("\n").filter(Boolean);
  const own = WORLD_USERS.map(({ name, uid }) => `${name}:x:${uid}:`);
  Deno.writeTextFileSync(`${directory}/group`, [...groups, ...own, "crew:x:5000:u01", ""].join("\n"));
  for (const part of ["home", "mail", "out", "lists", "vmail"]) Deno.mkdirSync(`${directory}/${part}`);
  Deno.chownSync(`${directory}/mail`, 0, Number(mailGroup));
  Deno.chmodSync(`${directory}/mail`, 0o2775);
  Deno.chmodSync(`${directory}/out`, 0o1777);
  for (const { name, uid } of WORLD_USERS) {
    Deno.mkdirSync(`${directory}/home/${name}`, { mode: 0o755 });
    Deno.chownSync(`${directory}/home/${name}`, uid, uid);
  }
  const disks = mountLines(directory, scenario);
  const binds = Object.entries(scenario.binds ?? {}).map(([over, path]) =>
    `mount --bind ${directory}/${path} ${over}`
  );
  Deno.writeTextFileSync(
    `${directory}/enter`,
    `#!/bin/sh
set -e
mount --make-rprivate /
mount --bind ${directory}/passwd /etc/passwd
mount --bind ${directory}/group /etc/group
${binds.join("\n")}
${disks}
exec "$@"
`,
    { mode: 0o755 },
  );
  for (const [path, given] of Object.entries(scenario.files)) writeFile(directory, path, given, ports);
  for (const path of scenario.removed ?? []) Deno.removeSync(`${directory}/${path}`, { recursive: true });
}

function mountLines(directory: string, scenario: Scenario): string {
  return Object.entries(scenario.disks ?? {}).map(([path, size]) => {
    const full = `${directory}/${path}`;
    const uid = WORLD_USERS.find(({ name }) => path.split("/").includes(name))?.uid ?? 0;
    return `mount -t tmpfs -o size=${size},uid=${uid},gid=${uid},mode=755 tmpfs ${full}`;
  }).join("\n");
}

function writeFile(directory: string, path: string, given: string | WorldFile, ports: Ports): void {
  const file: WorldFile = typeof given === "string" ? { content: given } : given;
  const full = `${directory}/${path}`.replace(/\/$/, "");
  // Files in a home belong to whose home it is, unless said otherwise.
  const home = /^home\/(u\d\d)\//.exec(path)?.[1];
  const owner = WORLD_USERS.find(({ name }) => name === (file.owner ?? home))?.uid ?? 0;
  Deno.mkdirSync(full.slice(0, full.lastIndexOf("/")), { recursive: true });
  if (file.link !== undefined) {
    Deno.symlinkSync(fill(file.link, directory, ports), full);
    new Deno.Command("chown", { args: ["-h", `${owner}:${owner}`, full] }).outputSync();
    return;
  }
  if (path.endsWith("/")) {
    Deno.mkdirSync(full, { recursive: true });
    if (file.mode === undefined) Deno.chmodSync(full, 0o755);
  } else Deno.writeTextFileSync(full, fill(file.content ?? "", directory, ports));
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
    // Not the time zone of whoever runs this.
    "import_environment = MAIL_CONFIG MAIL_DEBUG MAIL_LOGTAG",
  ];
}

/** Fills in the scenario's own lines. */
export function scenarioLines(lines: readonly string[], directory: string, ports: Ports = {}): string[] {
  return lines.map((line) => fill(line, directory, ports));
}
