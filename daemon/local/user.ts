import { statSync } from "node:fs";
import { lookupUser, type SystemUser } from "../../core/system/mod.ts";

/** Longer names belong to nobody. */
const LONGEST_NAME = 256;
/** How long, in milliseconds, an account is remembered: a burst of mail asks the system's databases once. */
const REMEMBERED = 10_000;
/** Milliseconds between two looks at the file that has most accounts. */
const LOOKED_AT = 1000;
const PASSWD = "/etc/passwd";
/** Accounts beyond this are forgotten at once. */
const MOST = 10_000;

/** Looks users up for one agent. What was found is forgotten when the file of accounts changes. */
export class Users {
  readonly #known = new Map<string, { readonly user: SystemUser; readonly until: number }>();
  #lookedAt = -Infinity;
  #version = "";

  /** The user of a local part. A name that could be more than a part of a path is nobody's. */
  named(name: string): SystemUser | undefined {
    // deno-lint-ignore no-control-regex -- control characters are what is looked for
    if (name.length > LONGEST_NAME || /[/\x00-\x1f\x7f]/.test(name) || name === "." || name === "..") {
      return undefined;
    }
    const now = performance.now();
    if (now - this.#lookedAt > LOOKED_AT) this.#look(now);
    const known = this.#known.get(name);
    if (known !== undefined && known.until > now) return known.user;
    const user = lookupUser(name);
    // Who is not there yet may be there for the next message.
    if (user === undefined) return undefined;
    if (this.#known.size >= MOST) this.#known.clear();
    this.#known.set(name, { user, until: now + REMEMBERED });
    return user;
  }

  #look(now: number): void {
    this.#lookedAt = now;
    const status = statSync(PASSWD, { throwIfNoEntry: false });
    const version = `${status?.ino} ${status?.size} ${status?.mtimeMs}`;
    if (version !== this.#version) this.#known.clear();
    this.#version = version;
  }
}
