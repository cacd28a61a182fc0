/**
 * The packed form of the program: one file that is a shell script of fixed length with a compressed tar archive behind
 * it. The archive has the runtime (`postel`) and the program's modules; it is unpacked once into a directory that only
 * its owner can write to, named by a digest of the content.
 */
import { PACKED_ENTRY, PACKED_FLAGS, QUICK_COMMANDS, quickEntry, shellWord } from "../../core/system/mod.ts";

/** Bytes of the script, padded: the archive begins behind them. */
export const LAUNCHER_SIZE = 4096;

/** What differs between two launchers. */
export interface LauncherFacts {
  /** Version and digest; the name of the directory that the archive is unpacked into. */
  readonly version: string;
  /** Where `postel install` unpacked it already; empty if nowhere. */
  readonly installed: string;
}

/** The launcher script as bytes, `LAUNCHER_SIZE` of them. Throws if the path is too long for it. */
export function makeLauncher({ version, installed }: LauncherFacts): Uint8Array<ArrayBuffer> {
  const flags = PACKED_FLAGS.join(" ");
  const choices = Object.entries(QUICK_COMMANDS).map(([module, names]) =>
    `${names.map((name) => `*${name}*`).join("|")}) postel_entry=${quickEntry(module)} ;;`
  ).join("\n");
  const archiveAt = LAUNCHER_SIZE + 1;
  const script = `#!/bin/sh
# Postel, packed: behind byte ${LAUNCHER_SIZE} of this script stands a compressed tar archive with the runtime and the
# program. It is unpacked once, into a directory that nobody else can write to. (Names begin with postel_ because an
# exported variable of the caller with the same name would be changed for the program.)
postel_version=${shellWord(version)}
postel_installed=${shellWord(installed)}

fail() { echo "postel: $1" >&2; exit 75; }

run() {
  DENO_DIR=$postel_home/cache DENO_NO_UPDATE_CHECK=1
  export DENO_DIR DENO_NO_UPDATE_CHECK
  postel_module=$1; shift
  exec "$postel_home/postel" run ${flags} "$postel_home/$postel_module" "$@"
}

unpack() (
  umask 022
  mkdir -p "$postel_base" && [ -d "$postel_base" ] && [ -O "$postel_base" ] ||
    fail "cannot unpack into $postel_base: name a directory of your own in XDG_CACHE_HOME"
  postel_final=$postel_home
  postel_home=$(mktemp -d "$postel_base/new.XXXXXX") || fail "cannot make a directory in $postel_base"
  trap 'rm -rf "$postel_home"' 0
  trap 'exit 75' 1 2 15
  chmod 755 "$postel_home"
  tail -c +${archiveAt} "$0" | gzip -dc | tar -xf - -C "$postel_home" && [ -x "$postel_home/postel" ] ||
    fail "cannot unpack $0 into $postel_home: is the disk full, the file damaged?"
  (run unpacked.js "$postel_home" "$postel_final") </dev/null
)

if [ -n "$postel_installed" ] && [ -x "$postel_installed/postel" ]; then
  postel_home=$postel_installed
else
  if [ -O /var/lib/postel ] || [ "$(id -u)" = 0 ]; then
    postel_base=/var/lib/postel
  else
    postel_base=\${XDG_CACHE_HOME:-\${HOME:-}/.cache}/postel
  fi
  postel_home=$postel_base/$postel_version
  [ -x "$postel_home/postel" ] && [ -O "$postel_base" ] && [ -O "$postel_home" ] || unpack || exit 75
fi
case \${0##*/}:\${1-} in
${choices}
*) postel_entry=${PACKED_ENTRY} ;;
esac
run "$postel_entry" "$0" "\${0##*/}" "$@"
exit 75
`;
  const text = new TextEncoder().encode(script);
  if (text.length > LAUNCHER_SIZE) {
    throw new Error(`The path ${installed} is too long for the launcher: choose a shorter prefix`);
  }
  const bytes = new Uint8Array(LAUNCHER_SIZE).fill(0x0a);
  bytes.set(text);
  return bytes;
}

/** The version that a launcher has; undefined for a file that is none. */
export function launcherVersion(head: Uint8Array): string | undefined {
  const text = new TextDecoder().decode(head.subarray(0, LAUNCHER_SIZE));
  return text.startsWith("#!/bin/sh\n# Postel, packed:")
    ? /^postel_version='([^']+)'$/m.exec(text)?.[1]
    : undefined;
}

/** Is this the head of a packed program that is not installed, and unpacks itself into a cache? */
export function isUninstalled(head: Uint8Array): boolean {
  const text = new TextDecoder().decode(head.subarray(0, LAUNCHER_SIZE));
  return launcherVersion(head) !== undefined && /^postel_installed=''$/m.test(text);
}
