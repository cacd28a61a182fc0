import { encodeText } from "../core/bytes/mod.ts";
import { DEFAULT_SASLDB, listSasldb, SaslError } from "../core/sasl/mod.ts";
import { getopt, UsageError } from "./getopt.ts";

export const help = `
Usage: sasldblistusers2 [-v] [[-f] file]

Lists the users in the password file of SASL (default: /etc/sasldb2).
`;

/** sasldblistusers2(8). A file that can't be read gives exit code 0, as scripts know it. */
export function run(args: string[], name: string): Promise<number> {
  let file: string | undefined;
  try {
    const { options, operands } = getopt(args, "f:vh");
    for (const { letter, value } of options) {
      if (letter === "v") {
        console.error("\nThis product works on the password file of Cyrus SASL 2.1, without the library.");
        return Promise.resolve(0);
      }
      if (letter === "h") return usage(name);
      file = value;
    }
    if (operands.length > 1 || (file !== undefined && operands.length > 0)) return usage(name);
    file ??= operands[0] ?? DEFAULT_SASLDB;
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    console.error(`${name}: ${error.message}\n${name}: Unrecognized command line option`);
    return usage(name);
  }
  try {
    let text = "";
    for (const { user, realm, property } of listSasldb(file)) text += `${user}@${realm}: ${property}\n`;
    const bytes = encodeText(text);
    for (let sent = 0; sent < bytes.length;) sent += Deno.stdout.writeSync(bytes.subarray(sent));
  } catch (error) {
    if (!(error instanceof SaslError)) throw error;
    console.error("listusers failed");
    console.error(`${name}: ${error.message}`);
  }
  return Promise.resolve(0);
}

function usage(name: string): Promise<number> {
  console.error(`${name}: usage: ${name} [-v] [[-f] sasldb]\n\t-f sasldb\tuse given file as sasldb`);
  return Promise.resolve(1);
}
