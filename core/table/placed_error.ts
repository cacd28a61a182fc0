import { type Config, ConfigError } from "../config/types.ts";
import { TableError } from "./types.ts";

/**
 * Says of a table that can't be opened which parameter names it and where that stands: `transport_maps: ... (main.cf, line
 * 12)`. Other errors are passed on as they are.
 * @param parameter the parameter, or what else the caller calls the list; it names a place only if it is set
 * @param spec the `type:name`, or a file of patterns
 */
export function placedError(
  error: unknown,
  config: Config | undefined,
  parameter: string,
  spec: string,
): unknown {
  if (!(error instanceof TableError)) return error;
  const named = config === undefined ? undefined : whichNames(config, parameter, spec);
  const origin = named === undefined ? undefined : config!.origin(named);
  const line = origin?.line === undefined ? "" : `, line ${origin.line}`;
  const place = origin === undefined ? "" : ` (${origin.file}${line})`;
  // Commands say only the first part, as Postfix's do: their user has just typed the name.
  const unknown = /^unsupported dictionary type: [^:]+$/.test(error.message);
  const remedy = unknown ? ': use a type that "postconf -m" lists' : "";
  return new TableError(
    error.kind,
    `${named ?? parameter}: ${error.message}${remedy}${place}`,
    error.unavailable,
  );
}

/** The parameter itself or, where its value is another's, the one in main.cf that names the table or file. */
function whichNames(config: Config, parameter: string, spec: string): string | undefined {
  if (names(config, parameter, spec)) return parameter;
  return config.names().find((name) => config.raw(name)?.includes(spec));
}

/** Does the value of main.cf name the table? A service of master.cf may have a value of its own. */
function names(config: Config, parameter: string, spec: string): boolean {
  if (!config.isSet(parameter)) return false;
  try {
    return config.string(parameter).includes(spec);
  } catch (error) {
    if (error instanceof ConfigError) return false;
    throw error;
  }
}
