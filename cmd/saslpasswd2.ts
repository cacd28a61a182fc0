import { hostname } from "node:os";
import { isAbsolute } from "node:path";
import {
  configDirectories,
  DEFAULT_SASLDB,
  readApplicationConfig,
  SaslError,
  setSasldbPassword,
} from "../core/sasl/mod.ts";
import { getopt, UsageError } from "./getopt.ts";
import { passwordFromTerminal } from "./saslpasswd_terminal.ts";

/** Bytes of standard input that count as password. */
const MOST_BYTES = 2048;
/** What the library's results "bad parameter" and "failure" become. */
const BAD_PARAMETER = 7;
const FAILURE = 1;

const USAGE = `usage: NAME [-v] [-c [-p] [-n]] [-d] [-a appname] [-f sasldb] [-u DOM] userid
	-p	pipe mode -- no prompt, password read on stdin
	-c	create -- ask mechs to create the account
	-d	disable -- ask mechs to disable/delete the account
	-n	no userPassword -- don't set plaintext userPassword property
		  (only set mechanism-specific secrets)
	-f sasldb	use given file as sasldb
	-a appname	use appname as application name
	-u DOM	use DOM for user domain
	-v	print version numbers and exit
`;

export const help = `
Usage: saslpasswd2 [-cdnpv] [-a application] [-f file] [-u domain] user

Sets, changes and deletes passwords in the password file of SASL.

  -c         make a new account            -d   delete it
  -p         read the password from standard input, without asking
  -n         no plaintext password, only what mechanisms derive from it
  -u domain  the account's domain (default: this host's name)
  -f file    the password file (default: /etc/sasldb2)
  -a name    read the settings of this application (smtpd)
`;

/** saslpasswd2(8). */
export async function run(args: string[], name: string): Promise<number> {
  const complain = (text: string) => console.error(`${name}: ${text}`);
  const usage = () => {
    complain(USAGE.replace("NAME", name).trimEnd());
    return FAILURE;
  };
  const flags = new Set<string>();
  const values = new Map<string, string>();
  let operands: readonly string[];
  try {
    const parsed = getopt(args, "vcdpnf:u:a:h");
    operands = parsed.operands;
    for (const { letter, value } of parsed.options) {
      if (letter === "h") return usage();
      flags.add(letter);
      values.set(letter, value);
    }
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    complain(error.message);
    return usage();
  }
  if (flags.has("v")) {
    console.error("\nThis product works on the password file of Cyrus SASL 2.1, without the library.");
    return 0;
  }
  const operand = operands[0];
  if (operand === undefined || operands.length > 1 || (flags.has("c") && flags.has("d"))) return usage();
  const application = values.get("a") ?? "saslpasswd";
  if (application.includes("/")) {
    complain("appname must not contain /");
    return FAILURE;
  }
  const at = operand.indexOf("@");
  const user = at < 0 ? operand : operand.slice(0, at);
  const realm = at < 0 ? values.get("u") || hostname() : operand.slice(at + 1);
  try {
    let password: Uint8Array | undefined;
    if (!flags.has("d")) {
      const piped = flags.has("p") || !Deno.stdin.isTerminal();
      const given = piped ? readPassword() : passwordFromTerminal();
      if (given === undefined) {
        complain("passwords don't match; aborting");
        return BAD_PARAMETER;
      }
      password = given;
      if (password.length === 0) {
        complain("invalid parameter supplied");
        return BAD_PARAMETER;
      }
      if (flags.has("n")) return 0;
    }
    const file = values.get("f") ??
      readApplicationConfig(application, configDirectories("", "/etc/postfix")).values.get("sasldb_path") ??
      DEFAULT_SASLDB;
    const umask = Deno.umask();
    setSasldbPassword(isAbsolute(file) ? file : `${Deno.cwd()}/${file}`, user, realm, password, umask);
    return await Promise.resolve(0);
  } catch (error) {
    if (!(error instanceof SaslError)) throw error;
    complain("generic failure");
    complain(error.message);
    return FAILURE;
  }
}

/** One read, without the newline at the end and what stands behind a NUL. */
function readPassword(): Uint8Array {
  const buffer = new Uint8Array(MOST_BYTES);
  let bytes = buffer.subarray(0, Deno.stdin.readSync(buffer) ?? 0);
  if (bytes.at(-1) === 10) bytes = bytes.subarray(0, -1);
  const nul = bytes.indexOf(0);
  return nul < 0 ? bytes : bytes.subarray(0, nul);
}
