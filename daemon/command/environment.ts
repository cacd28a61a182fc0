import type { Config } from "../../core/config/types.ts";
import { splitList, unbrace } from "../../core/config/mod.ts";

/** The path that commands are looked for in, whatever the daemon's own is. */
export const DEFAULT_PATH = "/usr/bin:/bin";

/**
 * What `export_environment` lets through: names, whose values come from the daemon's environment, and `name=value`.
 * @param own the daemon's environment
 */
export function exportedEnvironment(
  config: Config,
  own: (name: string) => string | undefined = (name) => Deno.env.get(name),
): Record<string, string> {
  const exported: Record<string, string> = {};
  for (const given of splitList(config.string("export_environment"))) {
    const item = unbrace(given)?.text ?? given;
    const equals = item.indexOf("=");
    if (equals > 0) {
      exported[item.slice(0, equals).trim()] = item.slice(equals + 1).trim();
      continue;
    }
    const value = own(item);
    if (value !== undefined) exported[item] = value;
  }
  exported.PATH = DEFAULT_PATH;
  return exported;
}
