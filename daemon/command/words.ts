/** Everything else makes a shell necessary. */
const PLAIN = /^[0-9A-Za-z!@%\-_=+:,./ \t]*$/;

const SHELL = "/bin/sh";

/**
 * The program and its arguments for a command of an aliases file or of main.cf: run directly where it is made of plain
 * words, by the shell where it has characters that mean something to one.
 */
export function commandWords(command: string): readonly string[] {
  const words = command.split(/[ \t]+/).filter(Boolean);
  return PLAIN.test(command) && words.length > 0 ? words : shellWords(command);
}

/** The same with the shell in any case. */
export function shellWords(command: string): readonly string[] {
  return [SHELL, "-c", command];
}
