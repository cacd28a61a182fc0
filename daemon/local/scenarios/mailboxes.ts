/** Mailboxes and Maildirs of users, at home and in spool directories. */
import { lines, mail } from "./parts.ts";
import type { Scenario } from "../world_testing.ts";

const mailboxes: Scenario = {
  name: "mailboxes",
  main: ["mailbox_size_limit = 20000", "message_size_limit = 19000", "stale_lock_time = 100s"],
  files: {
    aliases: lines(
      "tolong {dir}/out/long",
      "deny {dir}/out/denied",
      "symlink {dir}/out/symlink",
      "hard {dir}/out/hard",
      "locked {dir}/out/locked",
      "gone {dir}/out/gone/file",
    ),
    "mail/u02": { content: "From x\nold\n\n", owner: "u02", mode: 0o600 },
    "mail/u03": { content: "partial line without end", owner: "u03", mode: 0o600 },
    "mail/u04": { content: "From x\n", owner: "u05", mode: 0o660 },
    "mail/u06": { link: "{dir}/home/u06/box" },
    "mail/u07/": { owner: "u07", mode: 0o700 },
    "mail/u08": { content: "x".repeat(19900) + "\n", owner: "u08", mode: 0o600 },
    "mail/u09.lock": { content: "1", owner: "u09" },
    "mail/u10.lock": { content: "1", owner: "u10", age: 200 },
    "mail/u11": { content: "", owner: "u11", mode: 0o400 },
    "out/denied": { content: "", mode: 0o600 },
    "out/symlink": { link: "/etc/hosts" },
    "out/locked.lock": "1",
  },
  disks: { "home/u20": "64k" },
  messages: [
    mail("u01", "u01", {
      body: ["From here", ">From there", ">>From far", "from low", "From", "Fromage", "", "From  two", "."],
    }),
    mail("u01-null", "u12", { from: "" }),
    mail("u01-odd", "u13", { from: '"odd sender"@outside.example' }),
    mail("u01-8bit", "u14", { body: ["caf\u00e9", "x".repeat(990), "", ""] }),
    ...["02", "03", "04", "06", "07", "08", "09", "10", "11"].map((n) => mail(`u${n}`, `u${n}`)),
    mail("u15+ext", "U15+Ext"),
    ...["tolong", "deny", "symlink", "locked", "gone"].map((name) => mail(name, name)),
  ],
};

const homeMailbox: Scenario = {
  name: "home mailbox",
  main: ["home_mailbox = Mailbox", "require_home_directory = yes", "strict_mailbox_ownership = no"],
  files: {
    aliases: "",
    "home/u02/Mailbox": { content: "From x\n", owner: "u03", mode: 0o666 },
    "home/u04/Mailbox": { link: "{dir}/home/u04/x" },
    "home/u05/": { owner: "u06", mode: 0o700 },
    "home/u07/Mailbox/": {},
  },
  disks: { "home/u20": "8k" },
  messages: [
    ...["u01", "u02", "u04", "u05", "u07"].map((name) => mail(name, name)),
    mail("full", "u20", { body: Array.from({ length: 300 }, () => "x".repeat(78)) }),
  ],
};

const maildirs: Scenario = {
  name: "maildirs",
  main: ["home_mailbox = Maildir/", "mailbox_size_limit = 20000", "message_size_limit = 19000"],
  files: {
    aliases: lines("dir {dir}/out/new/deep/", "dirdeny {dir}/lists/denied/"),
    "home/u02/Maildir/new/": {},
    "home/u11/Maildir/": {},
    "home/u03/Maildir": "a file",
    "home/u04/Maildir/": { owner: "u05", mode: 0o700 },
    "home/u06/Maildir": { link: "{dir}/home/u06/real" },
    "home/u06/real/": {},
    "home/u07/": { owner: "u00", mode: 0o755 },
    "home/u08/Maildir/tmp/": { mode: 0o500 },
    "lists/denied/": { mode: 0o700 },
  },
  disks: { "home/u20": "12k" },
  messages: [
    ...["u01", "u02", "u03", "u04", "u06", "u07", "u08", "u11", "dir", "dirdeny"].map((name) =>
      mail(name, name)
    ),
    mail("from", "u09", { body: ["From here", ">From there"], from: "" }),
    mail("ext", "u10+Ext", {}),
    mail("full", "u20", { body: Array.from({ length: 200 }, () => "x".repeat(78)) }),
  ],
};

const spoolDirectory: Scenario = {
  name: "spool of root",
  main: ["mail_spool_directory = {dir}/vmail", "mailbox_delivery_lock = flock, dotlock"],
  files: {
    aliases: "",
    "vmail/": { mode: 0o755 },
    "vmail/u02": { content: "From x\n", owner: "u02", mode: 0o600 },
  },
  messages: ["u01", "u02"].map((name) => mail(name, name)),
};

const spoolMaildir: Scenario = {
  name: "spool of Maildirs",
  main: ["mail_spool_directory = {dir}/vmail/", "prepend_delivered_header ="],
  files: {
    aliases: lines("tofile {dir}/out/file", "tocmd |cat >{dir}/out/cmd", "fwd u05@outside.example"),
    "vmail/": { mode: 0o1777 },
  },
  messages: ["u01", "u02+Ext", "tofile", "tocmd", "fwd"].map((name) => mail(name, name)),
};

export const mailboxesScenarios: readonly Scenario[] = [
  mailboxes,
  homeMailbox,
  maildirs,
  spoolDirectory,
  spoolMaildir,
];
