import { messageOf, reasonOf } from "../errors/mod.ts";
import { parseCertificate, type PemBlock, pemBlocks, pemBytes } from "./certificate.ts";
import { crypto } from "./crypto.ts";
import type { KeyPair } from "./types.ts";

/** Milliseconds for which files are taken to be unchanged. */
const CHECK_INTERVAL = 5000;

/** Keys and certificates can't be used; `message` names the file and says why. */
export class KeyFileError extends Error {
  override readonly name = "KeyFileError";
  /** @param denied this process may not read the file */
  constructor(message: string, readonly denied = false) {
    super(message);
  }
}

interface Entry {
  readonly identity: string;
  readonly content: string;
}

/**
 * Contents of key and certificate files. Files that only root can read are read while this process is root; afterwards the
 * contents that are here go on to be used.
 */
export class KeyStore {
  readonly #files = new Map<string, Entry>();

  /** The content of a file: from the disk if it has changed and may be read. Throws `KeyFileError`. */
  read(path: string): string {
    const known = this.#files.get(path);
    try {
      const info = Deno.statSync(path);
      const identity = `${info.ino} ${info.size} ${info.mtime?.getTime()}`;
      if (known?.identity === identity) return known.content;
      const content = Deno.readTextFileSync(path);
      this.#files.set(path, { identity, content });
      return content;
    } catch (error) {
      const denied = error instanceof Deno.errors.PermissionDenied || error instanceof Deno.errors.NotCapable;
      if (denied && known !== undefined && !isVisible(path)) return known.content;
      const reason = denied ? "Permission denied" : reasonOf(error);
      throw new KeyFileError(`cannot open ${path}: ${reason}`, denied);
    }
  }
}

/** Can at least the file's time stamps be seen? Then a denied read means that it was replaced. */
function isVisible(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}

/** Where key pairs come from: parameters of Postfix. */
export interface KeyFiles {
  /** `..._tls_chain_files`: each key followed by its certificates, in any number of files. */
  readonly chainFiles: readonly string[];
  /** Pairs of certificate file and key file. */
  readonly pairs: readonly (readonly [certificates: string, key: string])[];
}

function isKey(block: PemBlock): boolean {
  return block.label.endsWith("PRIVATE KEY");
}

function makePair(key: PemBlock, certificates: readonly PemBlock[], place: string): KeyPair {
  if (key.label === "ENCRYPTED PRIVATE KEY" || key.text.includes("ENCRYPTED")) {
    throw new KeyFileError(`${place}: the private key is protected by a password; store it without one`);
  }
  if (certificates.length === 0) throw new KeyFileError(`${place}: no certificate`);
  try {
    const certificate = parseCertificate(pemBytes(certificates[0]!));
    const { createPrivateKey, createPublicKey } = crypto();
    const publicKey = createPublicKey(createPrivateKey(key.text)).export({ type: "spki", format: "der" });
    if (new Uint8Array(publicKey).toHex() !== certificate.publicKey.toHex()) {
      throw new KeyFileError(`${place}: the private key does not match the certificate`);
    }
    return { key: key.text, chain: certificates.map((block) => block.text).join("\n") + "\n", certificate };
  } catch (error) {
    if (error instanceof KeyFileError) throw error;
    throw new KeyFileError(`${place}: ${messageOf(error)}`);
  }
}

/** The pairs of a text in which every key stands before its certificates. Throws `KeyFileError`. */
export function pairsInChain(content: string, place: string): KeyPair[] {
  const pairs: KeyPair[] = [];
  let key: PemBlock | undefined;
  let certificates: PemBlock[] = [];
  const finish = () => {
    if (key !== undefined) pairs.push(makePair(key, certificates, place));
    certificates = [];
  };
  for (const block of pemBlocks(content)) {
    if (isKey(block)) {
      finish();
      key = block;
    } else if (block.label.endsWith("CERTIFICATE")) {
      if (key === undefined) throw new KeyFileError(`${place}: a certificate stands before any private key`);
      certificates.push(block);
    }
  }
  finish();
  if (pairs.length === 0) throw new KeyFileError(`${place}: no private key`);
  return pairs;
}

function loadPairs(files: KeyFiles, store: KeyStore): KeyPair[] {
  if (files.chainFiles.length > 0) {
    const content = files.chainFiles.map((path) => store.read(path)).join("\n");
    return pairsInChain(content, files.chainFiles.join(", "));
  }
  return files.pairs.map(([certificateFile, keyFile]) => {
    const certificates = pemBlocks(store.read(certificateFile))
      .filter((block) => block.label.endsWith("CERTIFICATE"));
    const key = pemBlocks(store.read(keyFile)).find(isKey);
    if (key === undefined) throw new KeyFileError(`${keyFile}: no private key`);
    return makePair(key, certificates, `${certificateFile}, ${keyFile}`);
  });
}

/** What a key ring tells the world. */
export interface KeyRingEvents {
  /** New files can't be used; the old ones stay in use. */
  warn(text: string): void;
  /** New files can't be read by this process: a successor with more rights is needed. */
  readonly requestReplacement?: ((reason: string) => void) | undefined;
}

/** The key pairs of a service. Files that are replaced on disk are noticed within seconds. */
export class KeyRing {
  #pairs: readonly KeyPair[];
  #checked = performance.now();
  #complaint = "";
  #contents: string;

  /** Reads everything at once. Throws `KeyFileError`. */
  constructor(
    readonly files: KeyFiles,
    readonly store: KeyStore,
    readonly events: KeyRingEvents,
    readonly interval = CHECK_INTERVAL,
  ) {
    this.#contents = this.#read();
    this.#pairs = loadPairs(files, store);
  }

  /** The pairs as they are on disk now, or as they last were in order. */
  pairs(): readonly KeyPair[] {
    const now = performance.now();
    if (now - this.#checked < this.interval) return this.#pairs;
    this.#checked = now;
    try {
      const contents = this.#read();
      if (contents !== this.#contents) {
        this.#pairs = loadPairs(this.files, this.store);
        this.#contents = contents;
      }
      this.#complaint = "";
    } catch (error) {
      if (!(error instanceof KeyFileError)) throw error;
      this.#complain(error);
    }
    return this.#pairs;
  }

  /** All files, for a comparison. */
  #read(): string {
    const paths = this.files.chainFiles.length > 0 ? this.files.chainFiles : this.files.pairs.flat();
    return paths.map((path) => this.store.read(path)).join("\0");
  }

  #complain(error: KeyFileError): void {
    if (error.message === this.#complaint) return;
    this.#complaint = error.message;
    // A certificate was replaced and its key is out of sight: only root can make the pair whole.
    if (error.denied || error.message.endsWith("does not match the certificate")) {
      this.events.requestReplacement?.(error.message);
    }
    this.events.warn(`${error.message}; the previous keys stay in use`);
  }
}

/** The text of a file with certificates of authorities and of all hashed files of a directory. Throws `KeyFileError`. */
export function readAuthorities(file: string, directory: string, store: KeyStore): string {
  const texts = file === "" ? [] : [store.read(file)];
  if (directory !== "") {
    try {
      for (const entry of Deno.readDirSync(directory)) {
        // As c_rehash(1) names them: the directory may hold keys and other things.
        if (/^[0-9a-f]{8}\.\d+$/.test(entry.name)) {
          texts.push(Deno.readTextFileSync(`${directory}/${entry.name}`));
        }
      }
    } catch (error) {
      throw new KeyFileError(`cannot read ${directory}: ${messageOf(error)}`);
    }
  }
  return texts.join("\n");
}

/** Where OpenSSL keeps the authorities of the system (`tls_append_default_CA`). */
export const SYSTEM_AUTHORITIES = "/etc/ssl/certs/ca-certificates.crt";
