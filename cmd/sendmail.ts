import { UsageError } from "./getopt.ts";
import { FatalError, runTool, type Tool, usageError } from "./queue_tool.ts";
import { findCommand } from "./registry.ts";
import {
  configDirectoryOption,
  parseSendmail,
  type SendmailMode,
  type SendmailOptions,
} from "./sendmail_options.ts";
import { EX_TEMPFAIL, submit } from "./sendmail_submit.ts";

export const help = `
Usage: sendmail [option ...] [recipient ...]

  -t               take recipients from To:, Cc:, Bcc: (or Resent-*) headers
  -f ADDRESS       envelope sender (also -r); -F NAME  full name
  -i, -oi          a line with a single dot does not end the message
  -B 7BIT|8BITMIME body type; -G  mail from elsewhere
  -N NOTIFY  -R full|hdrs  -V ENVID  -XV[xy]   delivery reports, VERP
  -v               report the first delivery by mail; -bv  only report where it would go
  -bs              SMTP session on standard input and output
  -bp, mailq       list the queue
  -bi, -I, newaliases   rebuild the alias database; -oA FILE  this one
  -q, -qIID, -qRSITE   deliver queued mail now
  -bd, -bl         start the mail system
  -C DIR           configuration directory
  Other options of sendmail are accepted and ignored.
`;

/** sendmail(1). Exit code 0, or 75; where another command does the work, that command's exit code. */
export async function run(args: string[], name: string): Promise<number> {
  try {
    const directory = configDirectoryOption(args);
    return await runTool(name, EX_TEMPFAIL, directory, (tool) => dispatch(tool, args, directory));
  } catch (error) {
    if (error instanceof UsageError) {
      return usageError(name, error.message, `${name} [options]`, EX_TEMPFAIL);
    }
    throw error;
  }
}

const NO_OPERANDS: Readonly<Partial<Record<SendmailMode, string>>> = {
  "flush-site": "flush site requires no recipient",
  "flush-message": "flush queue_id requires no recipient",
  "list-queue": "display queue mode requires no recipient",
  "flush-queue": "flush queue mode requires no recipient",
  "start-daemon": "daemon mode requires no recipient",
  "new-aliases": "alias initialization mode requires no recipient",
  "smtp-session": "stand-alone mode requires no recipient",
};

async function dispatch(tool: Tool, args: readonly string[], directory: string | undefined): Promise<number> {
  const warn = (text: string) => tool.log.warning(text);
  const options = parseSendmail(args, tool.config, warn);
  const sitesOnly = options.mode === "flush-site" || options.mode === "flush-message";
  if (options.headerRecipients && options.mode !== "enqueue" && !sitesOnly) {
    throw new FatalError("-t can be used only in delivery mode");
  }
  const complaint = NO_OPERANDS[options.mode];
  if (complaint !== undefined && options.operands.length > 0) throw new FatalError(complaint);
  const here = directory === undefined ? [] : ["-c", directory];
  switch (options.mode) {
    case "enqueue":
      return await submit(tool, options);
    case "list-queue":
      return await other("postqueue", [...here, "-p"]);
    case "flush-queue":
      return await other("postqueue", [...here, "-f"]);
    case "flush-site":
      return await other("postqueue", [...here, "-s", options.site!]);
    case "flush-message":
      return await other("postqueue", [...here, "-i", options.flushId!]);
    case "start-daemon":
      return await other("postfix", [...here, "start"]);
    case "new-aliases":
      return await newAliases(options, directory);
    case "smtp-session":
      return await smtpSession(tool);
    case "nothing":
      return 0;
  }
}

async function other(name: string, args: string[]): Promise<number> {
  const command = findCommand(name);
  if (command === undefined) throw new FatalError(`this program has no command "${name}"`);
  return await (await command.load()).run(args, name);
}

/** Rebuilds the files of `-oA`, else those of `alias_database`. */
async function newAliases(options: SendmailOptions, directory: string | undefined): Promise<number> {
  if (options.aliasFiles.length === 0) {
    if (directory !== undefined) Deno.env.set("MAIL_CONFIG", directory);
    return await other("newaliases", []);
  }
  const here = directory === undefined ? [] : ["-c", directory];
  return await other("postalias", [...here, "--", ...options.aliasFiles]);
}

async function smtpSession({ config, log }: Tool): Promise<number> {
  return await (await import("../daemon/master/stdio.ts")).serveStdio(config, log);
}
