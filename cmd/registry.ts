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

export const commands: readonly Command[] = [
  {
    name: "sendmail",
    group: "Mail",
    summary: "hand in mail, as every Unix program does",
    load: () => import("./sendmail.ts"),
  },
  {
    name: "postdrop",
    group: "Mail",
    summary: "hand in mail as records, for sendmail",
    load: () => import("./postdrop.ts"),
  },
  {
    name: "postlog",
    group: "Tools",
    summary: "write lines into the mail log",
    load: () => import("./postlog.ts"),
  },
  {
    name: "daemon",
    group: "Mail system",
    summary: "run the mail system in the foreground",
    load: () => import("./daemon.ts"),
  },
  {
    name: "postfix",
    group: "Mail system",
    summary: "start, stop, reload, check the mail system",
    load: () => import("./postfix.ts"),
  },
  {
    name: "start-here",
    group: "Mail system",
    summary: "make a private instance under ./var and run it",
    load: () => import("./start_here.ts"),
  },
  {
    name: "completion",
    group: "Tools",
    summary: "print a completion script for bash, zsh or fish",
    load: () => import("./completion.ts"),
  },
  {
    name: "postqueue",
    group: "Queue",
    summary: "list the mail queue, deliver queued mail now",
    load: () => import("./postqueue.ts"),
  },
  {
    name: "mailq",
    group: "Queue",
    summary: "list the mail queue",
    load: () => import("./postqueue.ts"),
  },
  {
    name: "postsuper",
    group: "Queue",
    summary: "delete, hold, release, requeue, expire queued mail; check the queue directories",
    load: () => import("./postsuper.ts"),
  },
  {
    name: "postcat",
    group: "Queue",
    summary: "show queue files",
    load: () => import("./postcat.ts"),
  },
  {
    name: "postkick",
    group: "Queue",
    summary: "send a request to a service of the mail system",
    load: () => import("./postkick.ts"),
  },
  {
    name: "postmap",
    group: "Tables",
    summary: "make, ask and change lookup tables",
    load: () => import("./postmap.ts"),
  },
  {
    name: "postalias",
    group: "Tables",
    summary: "make, ask and change alias tables",
    load: () => import("./postmap.ts"),
  },
  {
    name: "newaliases",
    group: "Tables",
    summary: "rebuild the alias tables of alias_database",
    load: () => import("./newaliases.ts"),
  },
  {
    name: "table",
    group: "Tables",
    summary: "show what a lookup table file is and whether it must be rebuilt",
    load: () => import("./table.ts"),
  },
  {
    name: "postconf",
    group: "Configuration",
    summary: "show and edit main.cf and master.cf",
    load: () => import("./postconf.ts"),
  },
];

/** A command by its name. */
export function findCommand(name: string): Command | undefined {
  return commands.find((command) => command.name === name);
}
