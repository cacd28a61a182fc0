import { encodeText } from "../core/bytes/mod.ts";

/** Asks for a password twice, without showing it; undefined if the two differ. */
export function passwordFromTerminal(): Uint8Array | undefined {
  const first = ask("Password: ");
  const second = ask("Again (for verification): ");
  return first === second ? encodeText(first) : undefined;
}

/** Reads a line in raw mode, in which the terminal shows nothing. */
function ask(prompt: string): string {
  const { stdin, stdout } = Deno;
  stdout.writeSync(encodeText(prompt));
  const bytes: number[] = [];
  const buffer = new Uint8Array(1);
  // With cbreak Ctrl-C still ends the program; the terminal is set back by the runtime.
  stdin.setRaw(true, { cbreak: true });
  try {
    while ((stdin.readSync(buffer) ?? 0) > 0) {
      const byte = buffer[0]!;
      if (byte === 10 || byte === 13 || byte === 4) break;
      if (byte === 8 || byte === 127) bytes.pop();
      else bytes.push(byte);
    }
  } finally {
    stdin.setRaw(false);
    stdout.writeSync(encodeText("\n"));
  }
  return new TextDecoder().decode(Uint8Array.from(bytes));
}
