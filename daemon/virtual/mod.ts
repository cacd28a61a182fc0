/**
 * virtual(8): delivers to the mailboxes of hosted domains. `virtual_mailbox_maps` names the file of a recipient below
 * `virtual_mailbox_base` (a Maildir if it ends in `/`), `virtual_uid_maps` and `virtual_gid_maps` the rights that it
 * is written with.
 *
 * Not found is a permanent failure (5.1.1), a table or a disk in trouble a temporary one; every recipient's fate is
 * logged and recorded.
 */
export { createVirtual, type VirtualDeps } from "./virtual.ts";
