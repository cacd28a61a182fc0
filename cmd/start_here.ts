import { relative, resolve } from "node:path";
import process from "node:process";
import { messageOf } from "../core/errors/mod.ts";
import { createInstance } from "../daemon/master/instance.ts";

export const help = `
Usage: postel start-here [DIR]

Makes a private mail server under DIR (default: ./var) unless it is there already, and runs it in the
foreground on 127.0.0.1:2525 (SMTP) and 127.0.0.1:2587 (submission). Ctrl-C stops it. Existing files are
never overwritten: edit DIR/etc/main.cf as you like. The ports for a new instance can be given in the
environment as POSTEL_SMTP_PORT and POSTEL_SUBMISSION_PORT.
`;

function port(name: string, standard: number): number {
  const text = Deno.env.get(name);
  if (text === undefined || text === "") return standard;
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1 || value > 65535) {
    throw new Error(`${name}=${text}: use a port number from 1 to 65535`);
  }
  return value;
}

/** `postel start-here`. Exit code 0 after Ctrl-C, 64 for wrong usage, 1 if it can't start. */
export async function run(args: string[]): Promise<number> {
  if (args.length > 1 || args[0]?.startsWith("-")) {
    console.error(help.trim());
    return 64;
  }
  const directory = resolve(args[0] ?? "var");
  let ports;
  try {
    ports = { smtp: port("POSTEL_SMTP_PORT", 2525), submission: port("POSTEL_SUBMISSION_PORT", 2587) };
  } catch (error) {
    console.error(`postel start-here: ${messageOf(error)}`);
    return 64;
  }
  let config: string;
  try {
    config = createInstance(directory, ports).config;
  } catch (error) {
    console.error(`postel start-here: ${messageOf(error)}`);
    return 1;
  }
  const { runForeground } = await import("./daemon.ts");
  return await runForeground({ directory: config, singleProcess: true }, () => {
    const here = `./${relative(process.cwd(), directory)}`;
    console.log(`Postel is running; everything is in ${here}.

  SMTP          127.0.0.1:${ports.smtp}
  submission    127.0.0.1:${ports.submission}
  mail          ${here}/mail/NAME/new/    for NAME@localhost, any NAME
  log           ${here}/log/mail.log

Send a message:
  echo "Hello" | ${here}/bin/sendmail you@localhost
  printf 'Subject: hi\\n\\nHello\\n' | curl -sT - smtp://127.0.0.1:${ports.smtp} --mail-from me@example.com --mail-rcpt you@localhost
Look at it:
  cat ${here}/mail/you/new/*
Stop: Ctrl-C`);
    if (process.geteuid?.() === 0) {
      console.log("\nThe server runs as root and mail is delivered as nobody: for trying out only.");
    }
  });
}
