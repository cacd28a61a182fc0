import type { Config, MasterEntry } from "../../core/config/types.ts";
import { ConfigError } from "../../core/config/types.ts";
import { lookupGroup, lookupUser } from "../../core/system/mod.ts";

/** What an entry of master.cf says after `pipe`. */
export interface PipeAttributes {
  readonly uid: number;
  readonly gid: number;
  readonly argv: readonly string[];
  /** Letters of `flags=`. */
  readonly flags: ReadonlySet<string>;
  readonly directory: string | undefined;
  readonly chroot: string | undefined;
  readonly lineEnd: string;
  readonly nullSender: string;
  /** Bytes, 0 for no limit. */
  readonly sizeLimit: number;
}

const FLAGS = "BDFORXhqu.>";
const ESCAPES: Readonly<Record<string, string>> = {
  a: "\x07",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
  v: "\v",
  "\\": "\\",
};

/** The escapes of `eol=`: `\r\n`, `\012`. */
function unescaped(text: string): string {
  return text.replace(
    /\\([0-7]{1,3}|[\s\S])/g,
    (_, escape: string) =>
      /^[0-7]/.test(escape) ? String.fromCharCode(parseInt(escape, 8) & 0xff) : ESCAPES[escape] ?? escape,
  );
}

/**
 * Reads the attributes. Throws `ConfigError` for those that are missing or wrong and for a user with rights that a command
 * must not have.
 */
export function readAttributes(
  config: Config,
  entry: MasterEntry,
  warn: (text: string) => void,
): PipeAttributes {
  const wrong = (text: string) => new ConfigError(text, entry.origin);
  const values = new Map<string, string>();
  let argv: string[] | undefined;
  const args = entry.arguments;
  for (let at = 0; at < args.length; at++) {
    const item = args[at]!;
    const equals = item.indexOf("=");
    const name = item.slice(0, equals);
    if (equals < 0 || !NAMES.has(name)) throw wrong(`unknown attribute name: ${item}`);
    if (name === "argv") {
      argv = [item.slice(equals + 1), ...args.slice(at + 1)];
      break;
    }
    values.set(name, item.slice(equals + 1));
  }
  if (argv === undefined || argv[0] === "") throw wrong("missing argv= command-line attribute");
  const flags = new Set(values.get("flags") ?? "");
  for (const flag of flags) if (!FLAGS.includes(flag)) warn(`unknown flag: ${flag} (ignored)`);
  const size = values.get("size") ?? "0";
  if (!/^\d{1,15}$/.test(size)) throw wrong(`get_service_attr: bad size= value: ${size}`);
  return {
    ...commandRights(config, values.get("user"), wrong),
    argv,
    flags,
    directory: values.get("directory"),
    chroot: values.get("chroot"),
    lineEnd: unescaped(values.get("eol") ?? "\\n"),
    nullSender: values.get("null_sender") ?? "MAILER-DAEMON",
    sizeLimit: Number(size),
  };
}

const NAMES = new Set(["flags", "user", "directory", "chroot", "eol", "null_sender", "size", "argv"]);

/**
 * The user and group of `user=name[:group]` in master.cf. Throws what `wrong` makes of the reason for rights that a command
 * must not have, and for names that nobody has.
 */
export function commandRights(
  config: Config,
  given: string | undefined,
  wrong: (text: string) => ConfigError,
): { uid: number; gid: number } {
  if (given === undefined || given === "") throw wrong("missing user= command-line attribute");
  const colon = given.indexOf(":");
  const name = colon < 0 ? given : given.slice(0, colon);
  const groupName = colon < 0 ? "" : given.slice(colon + 1);
  const user = lookupUser(name);
  if (user === undefined) throw wrong(`get_service_attr: unknown username: ${name}`);
  const group = groupName === "" ? undefined : lookupGroup(groupName);
  if (groupName !== "" && group === undefined) throw wrong(`get_service_attr: unknown group: ${groupName}`);
  const { uid } = user;
  const gid = group?.gid ?? user.gid;
  if (uid === 0) throw wrong("user= command-line attribute specifies root privileges");
  if (gid === 0) throw wrong("user= command-line attribute specifies privileged group id 0");
  const ownerName = config.string("mail_owner");
  const owner = lookupUser(ownerName);
  if (uid === owner?.uid) {
    throw wrong(`user= command-line attribute specifies mail system owner ${ownerName}`);
  }
  if (gid === owner?.gid) {
    throw wrong(`user= command-line attribute specifies mail system owner ${ownerName} group id ${gid}`);
  }
  const postdrop = config.string("setgid_group");
  if (gid === lookupGroup(postdrop)?.gid) {
    throw wrong(`user= command-line attribute specifies mail system ${postdrop} group id ${gid}`);
  }
  return { uid, gid };
}
