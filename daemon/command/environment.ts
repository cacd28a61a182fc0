import type { Config } from "../../core/config/types.ts";
import { splitList, unbrace } from "../../core/config/mod.ts";

/** The path that commands are looked for in, whatever the daemon's own is. */
const DEFAULT_PATH = "/usr/bin:/bin";

/** `name` and `name=value` in a list such as `export_environment`; undefined stands for no value of its own. */
function* environmentItems(text: string): Generator<[string, string | undefined]> {
  for (const given of splitList(text)) {
    const item = unbrace(given)?.text ?? given;
    const equals = item.indexOf("=");
    if (equals > 0) yield [item.slice(0, equals).trim(), item.slice(equals + 1).trim()];
    else yield [item, undefined];
  }
}

/**
 * What `export_environment` lets through: `name=value`, and names, whose values come from the daemon's environment as far
 * as `import_environment` lets it in.
 * @param own the daemon's environment
 */
export function exportedEnvironment(
  config: Config,
  own: (name: string) => string | undefined = (name) => Deno.env.get(name),
): Record<string, string> {
  const imported = new Map<string, string | undefined>();
  for (const [name, value] of environmentItems(config.string("import_environment"))) {
    imported.set(name, value ?? own(name));
  }
  const exported: Record<string, string> = {};
  for (const [name, value] of environmentItems(config.string("export_environment"))) {
    const found = value ?? imported.get(name);
    if (found !== undefined) exported[name] = found;
  }
  exported.PATH = DEFAULT_PATH;
  return exported;
}
