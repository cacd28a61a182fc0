/** Passwords of system accounts: the shadow file (getspnam(3)), hashes (crypt(3)) and PAM (pam(3)). */
import { cString, errorText } from "./libc.ts";

/** An entry of the shadow password file (shadow(5)). Days count from the first of January 1970; -1 is "not set". */
export interface ShadowEntry {
  readonly password: string;
  readonly lastChange: number;
  readonly maximum: number;
  readonly expires: number;
}

const SHADOW_SYMBOLS = {
  getspnam_r: { parameters: ["buffer", "buffer", "buffer", "usize", "buffer"], result: "i32" },
} as const;
const CRYPT_SYMBOLS = {
  crypt_r: { parameters: ["buffer", "buffer", "buffer"], result: "pointer", nonblocking: true },
} as const;

type Shadow = Deno.DynamicLibrary<typeof SHADOW_SYMBOLS>["symbols"];
type Crypt = Deno.DynamicLibrary<typeof CRYPT_SYMBOLS>["symbols"];

let shadow: Shadow | undefined;
let crypt: Crypt | undefined;

/** Room for the strings of one entry. */
const ENTRY_ROOM = 16384;
/** `struct crypt_data` of libxcrypt has 32768 bytes; the one of old C libraries is larger. */
const CRYPT_ROOM = 262_144;

/** Loads the first library that is there. Throws an `Error` that names them all. */
function open<S extends Deno.ForeignLibraryInterface>(
  names: readonly string[],
  symbols: S,
): Deno.DynamicLibrary<S> {
  for (const name of names) {
    try {
      return Deno.dlopen(name, symbols);
    } catch {
      // The next name is for another system.
    }
  }
  throw new Error(`cannot load any of the libraries ${names.join(", ")}`);
}

/** The shadow entry of a user; undefined if there is none. Throws the system's error, without root for example. */
export function lookupShadow(name: string): ShadowEntry | undefined {
  if (name === "" || name.includes("\0")) return undefined;
  shadow ??= open(["libc.so.6"], SHADOW_SYMBOLS).symbols;
  const struct = new Uint8Array(72);
  const room = new Uint8Array(ENTRY_ROOM);
  const found = new BigUint64Array(1);
  const status = shadow.getspnam_r(cString(name), struct, room, BigInt(room.length), found);
  const ENOENT = 2;
  if (status !== 0 && status !== ENOENT) throw new Error(`getspnam: ${errorText(status)}`);
  if (found[0] === 0n) return undefined;
  const view = new DataView(struct.buffer);
  const pointer = Deno.UnsafePointer.create(view.getBigUint64(8, true));
  const day = (offset: number) => Number(view.getBigInt64(offset, true));
  return {
    password: pointer === null ? "" : Deno.UnsafePointerView.getCString(pointer),
    lastChange: day(16),
    maximum: day(32),
    expires: day(56),
  };
}

/** Loads libcrypt; throws if it is not there. */
export function requireCrypt(): void {
  crypt ??= open(["libcrypt.so.1", "libcrypt.so.2"], CRYPT_SYMBOLS).symbols;
}

/**
 * The hash of a password under a setting, which may be a whole hash, as crypt(3) computes it, on a thread of its own;
 * undefined if the setting is none. Throws where libcrypt is missing.
 */
export async function cryptPassword(password: Uint8Array, setting: string): Promise<string | undefined> {
  requireCrypt();
  if (password.includes(0) || setting.includes("\0")) return undefined;
  const phrase = new Uint8Array(password.length + 1);
  phrase.set(password);
  const room = new Uint8Array(CRYPT_ROOM);
  const hash = await crypt!.crypt_r(phrase, cString(setting), room);
  if (hash === null) return undefined;
  const text = Deno.UnsafePointerView.getCString(hash);
  room.fill(0);
  phrase.fill(0);
  // What begins with an asterisk says that the setting made no sense.
  return text.startsWith("*") ? undefined : text;
}

const PAM_SYMBOLS = {
  pam_start: { parameters: ["buffer", "buffer", "buffer", "buffer"], result: "i32" },
  pam_authenticate: { parameters: ["pointer", "i32"], result: "i32", nonblocking: true },
  pam_acct_mgmt: { parameters: ["pointer", "i32"], result: "i32", nonblocking: true },
  pam_end: { parameters: ["pointer", "i32"], result: "i32" },
  pam_strerror: { parameters: ["pointer", "i32"], result: "pointer" },
} as const;
/** Answers belong to PAM, which frees them: they come from the C library's heap. */
const HEAP_SYMBOLS = {
  calloc: { parameters: ["usize", "usize"], result: "pointer" },
  strdup: { parameters: ["buffer"], result: "pointer" },
} as const;
const CONVERSATION = {
  parameters: ["i32", "pointer", "pointer", "pointer"],
  result: "i32",
} as const;

interface Pam {
  readonly pam: Deno.DynamicLibrary<typeof PAM_SYMBOLS>["symbols"];
  readonly heap: Deno.DynamicLibrary<typeof HEAP_SYMBOLS>["symbols"];
}

let pamLibrary: Pam | undefined;

/** Loads libpam; throws if it is not there. */
export function requirePam(): void {
  pamLibrary ??= {
    pam: open(["libpam.so.0"], PAM_SYMBOLS).symbols,
    heap: open(["libc.so.6"], HEAP_SYMBOLS).symbols,
  };
}

const PAM_SUCCESS = 0;
const PAM_BUF_ERR = 5;
const PAM_CONV_ERR = 19;
const PAM_SILENT = 0x8000;
const PROMPT_ECHO_OFF = 1;
const PROMPT_ECHO_ON = 2;
const MOST_MESSAGES = 32;

/**
 * Asks PAM whether a user may log in with a password, and whether the account is in order.
 * @param service names a file of /etc/pam.d
 * @returns undefined for yes, else what PAM says
 * Throws where libpam is missing.
 */
export async function askPam(
  service: string,
  user: string,
  password: Uint8Array,
): Promise<string | undefined> {
  requirePam();
  const { pam, heap } = pamLibrary!;
  // Services are file names.
  if (!/^[A-Za-z0-9._-]+$/.test(service) || service.startsWith(".")) return "the service has no PAM name";
  if (user.includes("\0") || password.includes(0)) return "a NUL can't be part of a login";
  const secret = new Uint8Array(password.length + 1);
  secret.set(password);
  const conversation = new Deno.UnsafeCallback(CONVERSATION, (count, messages, answers) => {
    if (count < 1 || count > MOST_MESSAGES || messages === null || answers === null) return PAM_CONV_ERR;
    const list = heap.calloc(BigInt(count), 16n);
    if (list === null) return PAM_BUF_ERR;
    const responses = new DataView(Deno.UnsafePointerView.getArrayBuffer(list, count * 16));
    const pointers = new Deno.UnsafePointerView(messages);
    for (let index = 0; index < count; index++) {
      const message = pointers.getPointer(index * 8);
      const style = message === null ? 0 : new Deno.UnsafePointerView(message).getInt32(0);
      const reply = style === PROMPT_ECHO_OFF
        ? heap.strdup(secret)
        : style === PROMPT_ECHO_ON
        ? heap.strdup(cString(user))
        : null;
      responses.setBigUint64(index * 16, Deno.UnsafePointer.value(reply), true);
    }
    const place = new DataView(Deno.UnsafePointerView.getArrayBuffer(answers, 8));
    place.setBigUint64(0, Deno.UnsafePointer.value(list), true);
    return PAM_SUCCESS;
  });
  try {
    const struct = new BigUint64Array([Deno.UnsafePointer.value(conversation.pointer), 0n]);
    const made = new BigUint64Array(1);
    const started = pam.pam_start(cString(service), cString(user), struct, made);
    const handle = Deno.UnsafePointer.create(made[0]!);
    if (started !== PAM_SUCCESS || handle === null) return `pam_start failed (${started})`;
    const said = (status: number) => {
      const text = pam.pam_strerror(handle, status);
      return text === null ? `error ${status}` : Deno.UnsafePointerView.getCString(text);
    };
    let status = PAM_SUCCESS;
    try {
      status = await pam.pam_authenticate(handle, PAM_SILENT);
      if (status !== PAM_SUCCESS) return said(status);
      status = await pam.pam_acct_mgmt(handle, PAM_SILENT);
      return status === PAM_SUCCESS ? undefined : said(status);
    } finally {
      pam.pam_end(handle, status);
    }
  } finally {
    conversation.close();
    secret.fill(0);
  }
}
