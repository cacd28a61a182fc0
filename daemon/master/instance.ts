/**
 * A private mail system in a directory of its own: what the quick start runs. Everything is below that directory, it
 * listens on loopback only, and every address at `localhost` has a Maildir.
 */
import { chmodSync, chownSync, existsSync, mkdirSync, statSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import process from "node:process";
import { INTERNAL_SERVICES } from "./internal_services.ts";
import { lastingCommand, lookupGroup, lookupUser, shellWord } from "../../core/system/mod.ts";

export interface Instance {
  readonly directory: string;
  /** Configuration directory, `DIR/etc`. */
  readonly config: string;
  /** Was anything there before? Existing files are never overwritten. */
  readonly existed: boolean;
}

export interface InstancePorts {
  readonly smtp: number;
  readonly submission: number;
}

/** Commands that get a small script in `DIR/bin`, so that they find this instance. */
const SCRIPTS = [
  "sendmail",
  "mailq",
  "newaliases",
  "postcat",
  "postconf",
  "postmap",
  "postqueue",
  "postsuper",
  "postfix",
];

/** Whom mailboxes belong to: who runs this, or `nobody` in place of root, who never gets mail delivered. */
function mailboxOwner(): { uid: number; gid: number } {
  const uid = process.geteuid?.() ?? 0;
  if (uid !== 0) return { uid, gid: process.getegid?.() ?? 0 };
  const nobody = lookupUser("nobody");
  if (nobody === undefined) {
    throw new Error('There is no user "nobody" to deliver mail as: run this as an ordinary user');
  }
  return nobody;
}

/** Who the mail system runs as: the caller; for root, the users and groups of an installed Postfix, or nobody. */
function mailOwner(): { owner: string; group: string } {
  const uid = process.geteuid?.() ?? 0;
  const gid = process.getegid?.() ?? 0;
  if (uid === 0) {
    const owner = lookupUser("postfix")?.name ?? "nobody";
    const group = lookupGroup("postdrop")?.name ?? lookupGroup(lookupUser(owner)?.gid ?? gid)?.name ??
      "nogroup";
    return { owner, group };
  }
  return { owner: lookupUser(uid)?.name ?? String(uid), group: lookupGroup(gid)?.name ?? String(gid) };
}

/** The first directory on the way to `path` that only its owner may pass, if there is one. */
function closedAncestor(path: string): string | undefined {
  for (let at = dirname(path);; at = dirname(at)) {
    const info = statSync(at, { throwIfNoEntry: false });
    if (info !== undefined && (info.mode & 0o001) === 0) return at;
    if (at === dirname(at)) return undefined;
  }
}

function mainCf(directory: string): string {
  const { uid, gid } = mailboxOwner();
  const { owner, group } = mailOwner();
  return `# A private Postel instance. Every Postfix parameter may be set here; "bin/postconf -n" shows what is set.
compatibility_level = 3.11
mail_owner = ${owner}
setgid_group = ${group}
queue_directory = ${directory}/spool
data_directory = ${directory}/data
maillog_file = ${directory}/log/mail.log
maillog_file_prefixes = ${directory}/log

# Nobody but this host talks to it, and this host may send anywhere.
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8

# Mail for any address at localhost lands in ${directory}/mail/NAME/new.
myhostname = localhost.localdomain
myorigin = localhost
mydestination =
alias_maps =
alias_database =
virtual_mailbox_domains = localhost, localhost.localdomain
virtual_mailbox_base = ${directory}/mail
virtual_mailbox_maps = sqlite:${directory}/etc/mailboxes
virtual_uid_maps = static:${uid}
virtual_gid_maps = static:${gid}
virtual_minimum_uid = 1
recipient_delimiter = +
`;
}

/**
 * Any name has a mailbox. Patterns can't say that: virtual(8) takes no part of an address from them. The query can, and
 * lets through only names that are safe in a path; an empty database is all it needs.
 */
function mailboxes(directory: string): string {
  return `# Which address has which mailbox below virtual_mailbox_base; / at the end: Maildir. See sqlite_table(5).
dbpath = ${directory}/etc/mailboxes.db
query = SELECT lower('%u') || '/'
  WHERE lower('%u') GLOB '[a-z0-9]*' AND lower('%u') NOT GLOB '*[^a-z0-9._-]*'
`;
}

function masterCf({ smtp, submission }: InstancePorts): string {
  return `# service        type       private unpriv chroot wakeup maxproc command
127.0.0.1:${smtp}   inet       n       -      n      -      -       smtpd
127.0.0.1:${submission}   inet       n       -      n      -      -       smtpd
  -o syslog_name=postfix/submission
${INTERNAL_SERVICES}`;
}

function writeNew(path: string, text: string, mode: number): void {
  if (existsSync(path)) return;
  writeFileSync(path, text, { mode });
  chmodSync(path, mode);
}

/** Makes a directory and what is missing above it; whatever the umask is, other users go through, as root's processes do. */
function makeOpen(directory: string): void {
  const first = mkdirSync(directory, { recursive: true });
  if (first === undefined) return;
  for (let made = directory; made.length >= first.length; made = dirname(made)) chmodSync(made, 0o755);
}

/**
 * Makes the instance, or completes what is missing of one. Files that exist stay as they are. Throws if root runs it
 * where the mailboxes could not be reached without root's rights.
 * @param directory absolute path
 */
export function createInstance(directory: string, ports: InstancePorts): Instance {
  const config = `${directory}/etc`;
  const existed = existsSync(`${config}/main.cf`);
  const isRoot = process.geteuid?.() === 0;
  const closed = isRoot ? closedAncestor(directory) : undefined;
  if (closed !== undefined) {
    throw new Error(
      `mail is not delivered as root, and other users can't enter ${closed}: ` +
        "run this as an ordinary user, or in a directory that is open to others",
    );
  }
  for (const part of ["etc", "bin", "data", "log", "mail", "spool"]) makeOpen(`${directory}/${part}`);
  const { uid, gid } = mailboxOwner();
  if (isRoot) {
    chownSync(`${directory}/mail`, uid, gid);
    const owner = lookupUser(mailOwner().owner);
    if (owner !== undefined) chownSync(`${directory}/data`, owner.uid, owner.gid);
  }
  writeNew(`${config}/main.cf`, mainCf(directory), 0o644);
  writeNew(`${config}/master.cf`, masterCf(ports), 0o644);
  writeNew(`${config}/mailboxes`, mailboxes(directory), 0o644);
  writeNew(`${config}/mailboxes.db`, "", 0o644);
  for (const name of SCRIPTS) {
    const { program, args } = lastingCommand(name);
    const words = [program, ...args].map(shellWord).join(" ");
    // Always anew: the program may have moved since.
    const path = `${directory}/bin/${name}`;
    writeFileSync(path, `#!/bin/sh\nMAIL_CONFIG=${shellWord(config)} exec ${words} "$@"\n`);
    chmodSync(path, 0o755);
  }
  return { directory, config, existed };
}
