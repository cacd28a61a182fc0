/** The password file of Cyrus SASL: a Berkeley DB hash file with the key `user NUL realm NUL property`. */
import { decodeText, encodeText } from "../bytes/mod.ts";
import { messageOf } from "../errors/mod.ts";
import { BadFormat, changeHashFile, type RawChange, RawHashFile } from "../table/raw_hash.ts";
import { type PasswordStore, SaslError } from "./types.ts";

/** Where the file is unless `sasldb_path` says otherwise. */
export const DEFAULT_SASLDB = "/etc/sasldb2";

const PASSWORD = "userPassword";
/** What old releases stored instead; a new password makes them void. */
const OLD_PROPERTIES = ["cmusaslsecretCRAM-MD5", "cmusaslsecretDIGEST-MD5", "cmusaslsecretPLAIN"];
/** Mode of a new file, before the umask. */
const NEW_MODE = 0o660;

function keyOf(user: string, realm: string, property: string): Uint8Array {
  return encodeText(`${user}\0${realm}\0${property}`);
}

/** Opens a password file for lookups. It is read when it is first asked, and again after a change. */
export function openSasldb(path: string): PasswordStore & { close(): void } {
  const file = new RawHashFile(path);
  return {
    password(user, realm) {
      if (user.includes("\0") || realm.includes("\0")) return undefined;
      try {
        return file.find(keyOf(user, realm, PASSWORD));
      } catch (error) {
        throw new SaslError(`${path}: ${messageOf(error)}`, { cause: error });
      }
    },
    close: () => file.close(),
  };
}

/** One record of a password file. */
export interface SasldbRecord {
  readonly user: string;
  readonly realm: string;
  readonly property: string;
}

/** All records in the order of the file; what is no record of the kind is left out. Throws `SaslError`. */
export function listSasldb(path: string): SasldbRecord[] {
  const file = new RawHashFile(path);
  try {
    return file.entries().flatMap(([key]) => {
      const parts = decodeText(key).split("\0");
      const [user, realm, property] = parts;
      return parts.length === 3 ? [{ user: user!, realm: realm!, property: property! }] : [];
    });
  } catch (error) {
    throw new SaslError(`${path}: ${messageOf(error)}`, { cause: error });
  } finally {
    file.close();
  }
}

/**
 * Sets a password, or takes it out if it is undefined. Throws `SaslError` if the file can't be changed; it is as before
 * then.
 * @param umask bits that a new file doesn't get
 */
export function setSasldbPassword(
  path: string,
  user: string,
  realm: string,
  password: Uint8Array | undefined,
  umask: number,
): void {
  if (user.includes("\0") || realm.includes("\0")) throw new SaslError("a NUL can't be part of a name");
  const changes: RawChange[] = [
    [keyOf(user, realm, PASSWORD), password],
    ...OLD_PROPERTIES.map((name): RawChange => [keyOf(user, realm, name), undefined]),
  ];
  try {
    changeHashFile(path, changes, NEW_MODE & ~umask);
  } catch (error) {
    const reason = error instanceof BadFormat ? `is no database: ${error.message}` : String(error);
    throw new SaslError(`${path}: ${reason}`, { cause: error });
  }
}
