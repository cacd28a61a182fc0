/** Users, mailboxes and settings for the measurement of Maildir deliveries. */
import { spreadSubdirectories } from "../core/system/mod.ts";

export const USERS = 200;
/** Accounts get the numbers after it; virtual mailboxes belong to this one. */
const FIRST_UID = 70_000;

export const KINDS = ["local", "virtual"] as const;
export type Kind = typeof KINDS[number];

/** Mail of this sender is put on hold, so that nothing is delivered before all of it is in the queue. */
export const HELD_SENDER = "held@example.org";

function names(): string[] {
  // As `smtp-source -N` makes them.
  return Array.from({ length: USERS }, (_, index) => `${index + 1}user`);
}

/** Lines for /etc/passwd. */
export function passwdLines(base: string): string {
  return names()
    .map((name, index) => {
      const uid = FIRST_UID + 1 + index;
      return `${name}:x:${uid}:${uid}::${base}/home/${name}:/bin/false\n`;
    })
    .join("");
}

/** What both systems have in main.cf for these loads. */
export function deliverySettings(base: string, peer: string): string[] {
  return [
    "mydestination = local.example",
    "local_recipient_maps =",
    `home_mailbox = ${peer}/`,
    "virtual_mailbox_domains = virtual.example",
    `virtual_mailbox_base = ${base}`,
    `virtual_mailbox_maps = texthash:${base}/mailboxes-${peer}`,
    `virtual_uid_maps = static:${FIRST_UID}`,
    `virtual_gid_maps = static:${FIRST_UID}`,
    "relayhost =",
    `smtpd_sender_restrictions = check_sender_access inline:{ {${HELD_SENDER} = HOLD} }`,
  ];
}

/**
 * Makes homes, and the directories of virtual mailboxes with their table for each peer. Where the file system can, users
 * are put all over the disk, as those of a real machine are: beside each other, and where the last run's files were just
 * deleted, each new file would be dear on ext4 without a journal.
 */
export function layOut(base: string, peers: readonly string[]): void {
  for (const peer of peers) {
    Deno.mkdirSync(`${base}/virtual/${peer}`, { recursive: true });
    Deno.chownSync(`${base}/virtual/${peer}`, FIRST_UID, FIRST_UID);
    const lines = names().map((name) => `${name}@virtual.example virtual/${peer}/${name}/\n`);
    Deno.writeTextFileSync(`${base}/mailboxes-${peer}`, lines.join(""));
  }
  Deno.mkdirSync(`${base}/home`);
  for (const directory of ["home", ...peers.map((peer) => `virtual/${peer}`)]) {
    spreadSubdirectories(`${base}/${directory}`);
  }
  names().forEach((name, index) => {
    const home = `${base}/home/${name}`;
    Deno.mkdirSync(home, { recursive: true });
    Deno.chownSync(home, FIRST_UID + 1 + index, FIRST_UID + 1 + index);
  });
}

/** Files in the `new` directories. */
export function delivered(base: string, peer: string, kind: Kind): number {
  let count = 0;
  for (const name of names()) {
    const box = kind === "local" ? `${base}/home/${name}/${peer}` : `${base}/virtual/${peer}/${name}`;
    try {
      for (const _ of Deno.readDirSync(`${box}/new`)) count += 1;
    } catch {
      // Nothing was delivered to this user yet.
    }
  }
  return count;
}
