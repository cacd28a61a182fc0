import type { Config } from "../config/types.ts";
import { MakeError } from "./make_options.ts";

/** `type:name`, or a name alone, which is of `default_database_type`. Throws `MakeError`. */
export function typeAndName(operand: string, config: Config): { type: string; name: string } {
  const colon = operand.indexOf(":");
  if (colon < 0) return { type: config.string("default_database_type"), name: operand };
  const type = operand.slice(0, colon);
  const name = operand.slice(colon + 1);
  if (type === "" || name === "") {
    throw new MakeError(`open dictionary: expecting "type:name" form instead of "${operand}"`);
  }
  return { type, name };
}
