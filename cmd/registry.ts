/** All commands: what they are called, what they are for, and how their module is loaded (only when used). */

/** A command's module. `name` is the name it was called under (`mailq` and `sendmail` share a module). */
export interface CommandModule {
  /** Runs the command and resolves to its exit code. */
  run(args: string[], name: string): Promise<number>;
  /** What `postel help NAME` prints below the summary. */
  readonly help?: string;
}

export interface Command {
  readonly name: string;
  readonly group: "Mail system" | "Mail" | "Queue" | "Tables" | "Configuration" | "SASL" | "Tools";
  /** One line. */
  readonly summary: string;
  readonly load: () => Promise<CommandModule>;
}

/**
 * Loads `cmd/NAME.ts` when it is called for. The specifier is computed on purpose: of one that stands in the source
 * the runtime reads the file, and all that it imports, before the program starts, and every command would pay for all
 * commands. (In the packed program the modules end in `.js`; this file is a part of one beside them.)
 */
function lazily(name: string): () => Promise<CommandModule> {
  return () => {
    const suffix = import.meta.url.slice(import.meta.url.lastIndexOf("."));
    const specifier = "./" + name + suffix;
    return import(specifier) as Promise<CommandModule>;
  };
}

export const commands: readonly Command[] = [
  {
    name: "sendmail",
    group: "Mail",
    summary: "hand in mail, as every Unix program does",
    load: lazily("sendmail"),
  },
  {
    name: "postdrop",
    group: "Mail",
    summary: "hand in mail as records, for sendmail",
    load: lazily("postdrop"),
  },
  {
    name: "postlog",
    group: "Tools",
    summary: "write lines into the mail log",
    load: lazily("postlog"),
  },
  {
    name: "daemon",
    group: "Mail system",
    summary: "run the mail system in the foreground",
    load: lazily("daemon"),
  },
  {
    name: "enter-root",
    group: "Tools",
    summary: "run a command in another root directory; pipe(8) uses it for chroot=",
    load: lazily("enter-root"),
  },
  {
    name: "postfix",
    group: "Mail system",
    summary: "start, stop, reload, check the mail system",
    load: lazily("postfix"),
  },
  {
    name: "start-here",
    group: "Mail system",
    summary: "make a private instance under ./var and run it",
    load: lazily("start_here"),
  },
  {
    name: "completion",
    group: "Tools",
    summary: "print a completion script for bash, zsh or fish",
    load: lazily("completion"),
  },
  {
    name: "postqueue",
    group: "Queue",
    summary: "list the mail queue, deliver queued mail now",
    load: lazily("postqueue"),
  },
  {
    name: "mailq",
    group: "Queue",
    summary: "list the mail queue",
    load: lazily("postqueue"),
  },
  {
    name: "postsuper",
    group: "Queue",
    summary: "delete, hold, release, requeue, expire queued mail; check the queue directories",
    load: lazily("postsuper"),
  },
  {
    name: "postcat",
    group: "Queue",
    summary: "show queue files",
    load: lazily("postcat"),
  },
  {
    name: "queue",
    group: "Queue",
    summary: "list and work on queued mail by filters; top, age table, live view",
    load: lazily("queue"),
  },
  {
    name: "postkick",
    group: "Queue",
    summary: "send a request to a service of the mail system",
    load: lazily("postkick"),
  },
  {
    name: "postmap",
    group: "Tables",
    summary: "make, ask and change lookup tables",
    load: lazily("postmap"),
  },
  {
    name: "postalias",
    group: "Tables",
    summary: "make, ask and change alias tables",
    load: lazily("postmap"),
  },
  {
    name: "newaliases",
    group: "Tables",
    summary: "rebuild the alias tables of alias_database",
    load: lazily("newaliases"),
  },
  {
    name: "table",
    group: "Tables",
    summary: "show what a lookup table file is and whether it must be rebuilt",
    load: lazily("table"),
  },
  {
    name: "postconf",
    group: "Configuration",
    summary: "show and edit main.cf and master.cf",
    load: lazily("postconf"),
  },
  {
    name: "explain",
    group: "Configuration",
    summary: "show what would become of mail to an address, and why",
    load: lazily("explain"),
  },
  {
    name: "install",
    group: "Mail system",
    summary: "install this program and its command names",
    load: lazily("install"),
  },
  {
    name: "uninstall",
    group: "Mail system",
    summary: "take back what install put in place",
    load: lazily("uninstall"),
  },
  {
    name: "init",
    group: "Mail system",
    summary: "make a private mail system in a directory",
    load: lazily("init"),
  },
  {
    name: "postmulti",
    group: "Mail system",
    summary: "manage several mail systems on one host",
    load: lazily("postmulti"),
  },
  {
    name: "postlock",
    group: "Tools",
    summary: "lock a mailbox and run a command",
    load: lazily("postlock"),
  },
  {
    name: "qshape",
    group: "Queue",
    summary: "show how old the queued mail is, by domain",
    load: lazily("qshape"),
  },
  {
    name: "adopt",
    group: "Configuration",
    summary: "report what of an existing Postfix configuration works here",
    load: lazily("adopt"),
  },
  {
    name: "rmail",
    group: "Mail",
    summary: "hand in mail that came by UUCP",
    load: lazily("rmail"),
  },
  {
    name: "smtp-source",
    group: "Tools",
    summary: "send test mail, as fast as the server takes it",
    load: lazily("smtp_source"),
  },
  {
    name: "smtp-sink",
    group: "Tools",
    summary: "take test mail and throw it away",
    load: lazily("smtp_sink"),
  },
  {
    name: "postfix-add-filter",
    group: "Configuration",
    summary: "add a content filter to master.cf",
    load: lazily("postfix_add"),
  },
  {
    name: "postfix-add-policy",
    group: "Configuration",
    summary: "add a policy service to master.cf",
    load: lazily("postfix_add"),
  },
  {
    name: "saslpasswd2",
    group: "SASL",
    summary: "set and delete passwords for SASL",
    load: lazily("saslpasswd2"),
  },
  {
    name: "saslpasswd",
    group: "SASL",
    summary: "set and delete passwords for SASL",
    load: lazily("saslpasswd2"),
  },
  {
    name: "sasldblistusers2",
    group: "SASL",
    summary: "list the users in the password file of SASL",
    load: lazily("sasldblistusers2"),
  },
  {
    name: "testsaslauthd",
    group: "SASL",
    summary: "ask saslauthd whether a password is right",
    load: lazily("testsaslauthd"),
  },
  {
    name: "saslauthd",
    group: "SASL",
    summary: "check passwords for SASL, behind a socket",
    load: lazily("saslauthd"),
  },
  {
    name: "saslfinger",
    group: "SASL",
    summary: "report how SASL is set up, for support",
    load: lazily("saslfinger"),
  },
  {
    name: "pluginviewer",
    group: "SASL",
    summary: "list the SASL mechanisms that are built in",
    load: lazily("pluginviewer"),
  },
];

/** A command by its name. */
export function findCommand(name: string): Command | undefined {
  return commands.find((command) => command.name === name);
}
