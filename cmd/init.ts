import { resolve } from "node:path";
import { Command, CommanderError, InvalidArgumentError } from "commander";
import { messageOf } from "../core/errors/mod.ts";
import { createInstance } from "../daemon/master/instance.ts";

export const help = `
Usage: postel init [--smtp-port N] [--submission-port N] DIR

Makes a private mail system below DIR: configuration, queue, mailboxes, log, and small scripts in DIR/bin that are the
commands for it. It listens on 127.0.0.1 only. What exists is completed, and no file in it is overwritten.

  --smtp-port N         the SMTP port (default: 2525)
  --submission-port N   the submission port (default: 2587)
`;

function port(text: string): number {
  const value = Number(text);
  if (!/^\d{1,5}$/.test(text) || value < 1 || value > 65535) {
    throw new InvalidArgumentError("use a port number from 1 to 65535");
  }
  return value;
}

/** `postel init`. Exit code 0, 1 if the instance can't be made, 64 for wrong usage. */
export function run(args: string[]): Promise<number> {
  const command = new Command("init")
    .exitOverride()
    .description("make a private mail system")
    .option("--smtp-port <n>", "the SMTP port", port, 2525)
    .option("--submission-port <n>", "the submission port", port, 2587)
    .argument("<dir>", "where");
  try {
    command.parse(args, { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    return Promise.resolve(error.exitCode === 0 ? 0 : 64);
  }
  const { smtpPort, submissionPort } = command.opts<{ smtpPort: number; submissionPort: number }>();
  const directory = resolve(command.args[0] ?? "");
  try {
    const { existed, config } = createInstance(directory, { smtp: smtpPort, submission: submissionPort });
    console.log(existed ? `${directory} was there; it is complete.` : `Made ${directory}.`);
    console.log(`
  configuration   ${config}/main.cf
  start it        ${directory}/bin/postfix start
  send a message  echo Hello | ${directory}/bin/sendmail you@localhost
  stop it         ${directory}/bin/postfix stop`);
    return Promise.resolve(0);
  } catch (error) {
    console.error(`postel init: ${messageOf(error)}`);
    return Promise.resolve(1);
  }
}
