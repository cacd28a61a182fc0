import { encodeText } from "../core/bytes/mod.ts";
import { askSaslauthd, DEFAULT_MUX, SaslError } from "../core/sasl/mod.ts";
import { getopt, UsageError } from "./getopt.ts";

/** Exit code of -1, which the program ends with when the answer is no. */
const REFUSED = 255;

export const help = `
Usage: testsaslauthd -u user -p password [-r realm] [-s service] [-f socket] [-R times]

Asks saslauthd whether a password is right. Exit code 0 if it is.
`;

/** testsaslauthd(8). */
export async function run(args: string[], name: string): Promise<number> {
  const values = new Map<string, string>();
  try {
    for (const { letter, value } of getopt(args, "u:p:r:s:f:R:h").options) {
      if (letter === "h") return usage(name);
      values.set(letter, value);
    }
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    console.error(`${name}: ${error.message}`);
    return usage(name);
  }
  const login = values.get("u");
  const password = values.get("p");
  if (login === undefined || password === undefined) return usage(name);
  const path = values.get("f") ?? DEFAULT_MUX;
  const repetitions = Number(values.get("R") ?? "1") || 1;
  let code = 0;
  for (let count = 0; count < repetitions; count++) {
    write(`${count}: `);
    try {
      const answer = await askSaslauthd(path, {
        login,
        password: encodeText(password),
        service: values.get("s") ?? "imap",
        realm: values.get("r") ?? "",
      });
      code = answer.startsWith("OK") ? 0 : REFUSED;
      write(code === 0 ? 'OK "Success."\n' : 'NO "authentication failed"\n');
    } catch (error) {
      if (!(error instanceof SaslError)) throw error;
      // The words that the other implementation has for a socket that nobody listens on.
      console.error(
        error.message.includes("ENOENT") ? "connect() : No such file or directory" : error.message,
      );
      code = REFUSED;
    }
  }
  return code;
}

function write(text: string): void {
  Deno.stdout.writeSync(encodeText(text));
}

function usage(name: string): number {
  console.error(
    `usage: ${name} -u username -p password\n              [-r realm] [-s servicename]\n              [-f socket path] [-R repeatnum]`,
  );
  return 1;
}
