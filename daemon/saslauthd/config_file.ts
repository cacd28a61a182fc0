import { messageOf } from "../../core/errors/mod.ts";
import { MechanismError } from "./types.ts";

/** Where the options of `ldap` and `httpform` are unless `-O` names a file. */
export const DEFAULT_CONFIG = "/etc/saslauthd.conf";

/** The options of saslauthd.conf by their names. */
export type Options = ReadonlyMap<string, string>;

/** Reads lines of the form `name: value`. Throws `MechanismError` that names file and line. */
export function readOptions(path: string): Options {
  let text: string;
  try {
    text = Deno.readTextFileSync(path);
  } catch (error) {
    throw new MechanismError(`cannot read ${path}: ${messageOf(error)}`);
  }
  const options = new Map<string, string>();
  for (const [index, raw] of text.split("\n").entries()) {
    const line = raw.trim();
    if (line === "" || line.startsWith("#")) continue;
    const match = /^([A-Za-z0-9_-]+)\s*:\s*(.*)$/.exec(line);
    // What is wrong is not shown: it may be a password.
    if (match === null) throw new MechanismError(`${path}, line ${index + 1}: expected "name: value"`);
    options.set(match[1]!.toLowerCase(), match[2]!);
  }
  return options;
}

/** A yes or no; false for everything that doesn't mean yes. */
export function isYes(options: Options, name: string, otherwise = false): boolean {
  const value = options.get(name);
  return value === undefined ? otherwise : /^(yes|on|true|1|y|t)$/i.test(value);
}
