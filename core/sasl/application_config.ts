/** The Cyrus library's settings for an application: `smtpd.conf` with lines of the form `name: value`. */
import { messageOf } from "../errors/mod.ts";
import { SaslError } from "./types.ts";

export interface ApplicationConfig {
  /** The file that was read; undefined: there is none, so that defaults hold. */
  readonly file: string | undefined;
  readonly values: ReadonlyMap<string, string>;
}

/** Reads the settings out of a text. Throws `SaslError` that names file and line. */
function parseApplicationConfig(text: string, file: string): ReadonlyMap<string, string> {
  const values = new Map<string, string>();
  for (const [index, raw] of text.split("\n").entries()) {
    const line = raw.trim();
    if (line === "" || line.startsWith("#")) continue;
    const match = /^([A-Za-z0-9_-]+)\s*:\s*(.*)$/.exec(line);
    if (match === null) {
      throw new SaslError(`${file}, line ${index + 1}: expected "name: value"`);
    }
    values.set(match[1]!, match[2]!);
  }
  return values;
}

/** Reads `NAME.conf` from the first directory that has it. Throws `SaslError`. */
export function readApplicationConfig(name: string, directories: readonly string[]): ApplicationConfig {
  if (name.includes("/")) throw new SaslError(`SASL application name must not contain /: "${name}"`);
  for (const directory of directories) {
    const file = `${directory}/${name}.conf`;
    try {
      return { file, values: parseApplicationConfig(Deno.readTextFileSync(file), file) };
    } catch (error) {
      if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) continue;
      if (error instanceof SaslError) throw error;
      throw new SaslError(`${file}: ${messageOf(error)}`, { cause: error });
    }
  }
  return { file: undefined, values: new Map() };
}

/** Where the file is looked for: `cyrus_sasl_config_path` if it is set, else the directories that distributions use. */
export function configDirectories(configured: string, configDirectory: string): string[] {
  if (configured !== "") return configured.split(":").filter((directory) => directory !== "");
  return [...new Set([`${configDirectory}/sasl`, "/etc/postfix/sasl", "/etc/sasl2", "/usr/lib/sasl2"])];
}
