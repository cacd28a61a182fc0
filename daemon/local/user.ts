import { lookupUser } from "../../core/system/mod.ts";
import type { UserRights } from "./state.ts";

/** Longer names belong to nobody. */
const LONGEST_NAME = 256;

/** The user of a local part. A name that could be more than a part of a path is nobody's. */
export function userNamed(name: string): UserRights | undefined {
  // deno-lint-ignore no-control-regex -- control characters are what is looked for
  if (name.length > LONGEST_NAME || /[/\x00-\x1f\x7f]/.test(name) || name === "." || name === "..") {
    return undefined;
  }
  return lookupUser(name);
}
