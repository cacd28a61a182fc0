/** Passwords of the system's accounts and of the SASL password file. */
import { timingSafeEqual } from "node:crypto";
import { encodeText } from "../../core/bytes/mod.ts";
import { messageOf } from "../../core/errors/mod.ts";
import { DEFAULT_SASLDB, openSasldb } from "../../core/sasl/mod.ts";
import {
  askPam,
  cryptPassword,
  lookupShadow,
  lookupUser,
  requireCrypt,
  requirePam,
  type ShadowEntry,
  type SystemUser,
} from "../../core/system/mod.ts";
import { type Mechanism, MechanismError } from "./types.ts";

/** Compares in a time that doesn't tell where the two differ. */
export function same(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && timingSafeEqual(a, b);
}

/** Does the password have this hash of crypt(3)? */
export async function hasHash(password: Uint8Array, hash: string): Promise<boolean> {
  if (hash === "") return false;
  const made = await cryptPassword(password, hash);
  return made !== undefined && same(encodeText(made), encodeText(hash));
}

/** The password file of SASL. */
export function sasldbMechanism(hostname: string, path = DEFAULT_SASLDB): Mechanism {
  const store = openSasldb(path);
  return async ({ login, password, realm }) => {
    const at = login.indexOf("@");
    const user = at < 0 ? login : login.slice(0, at);
    const stored = await store.password(user, at < 0 ? realm || hostname : login.slice(at + 1));
    return stored !== undefined && same(stored, password) ? "OK" : "NO";
  };
}

function usable(library: string, load: () => void): void {
  try {
    load();
  } catch (error) {
    throw new MechanismError(`${library} is needed: ${messageOf(error)}`);
  }
}

const MILLISECONDS_A_DAY = 86_400_000;

/** Where `shadow` looks. */
export interface ShadowSources {
  user(name: string): SystemUser | undefined;
  entry(name: string): ShadowEntry | undefined;
  /** Milliseconds since 1970. */
  now(): number;
}

const SYSTEM: ShadowSources = { user: lookupUser, entry: lookupShadow, now: Date.now };

/** The shadow password file, which only root can read. Expired accounts and passwords are refused. */
export function shadowMechanism(sources: ShadowSources = SYSTEM): Mechanism {
  usable("libcrypt", requireCrypt);
  return async ({ login, password }) => {
    if (sources.user(login) === undefined) return "NO Invalid username";
    const entry = sources.entry(login);
    if (entry === undefined) return "NO Invalid shadow username";
    if (!await hasHash(password, entry.password)) return "NO Incorrect password";
    const today = Math.floor(sources.now() / MILLISECONDS_A_DAY);
    if (entry.expires !== -1 && today > entry.expires) return "NO Account expired";
    if (entry.lastChange !== -1 && entry.maximum !== -1 && today > entry.lastChange + entry.maximum) {
      return "NO Password expired";
    }
    return "OK";
  };
}

/** The password field of the user database (getpwnam(3)). */
export function getpwentMechanism(): Mechanism {
  usable("libcrypt", requireCrypt);
  return async ({ login, password }) => {
    const user = lookupUser(login);
    if (user === undefined) return "NO Invalid username";
    return await hasHash(password, user.password) ? "OK" : "NO Incorrect password";
  };
}

/** PAM under the service's name: `/etc/pam.d/smtp`. */
export function pamMechanism(): Mechanism {
  usable("libpam", requirePam);
  return async ({ login, password, service }) => {
    const problem = await askPam(service, login, password);
    return problem === undefined ? "OK" : `NO PAM auth error: ${problem}`;
  };
}
