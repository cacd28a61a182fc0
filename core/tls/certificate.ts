import { decodeText } from "../bytes/mod.ts";
import { crypto } from "./crypto.ts";
import { children, DerError, type Element, OBJECT_IDENTIFIER, readElement } from "./der.ts";

/** What access decisions and the log need of a certificate. */
export interface Certificate {
  /** DER. */
  readonly raw: Uint8Array;
  /** SubjectPublicKeyInfo, DER. */
  readonly publicKey: Uint8Array;
  /** The first common name; empty if there is none that can be shown. */
  readonly subject: string;
  readonly issuer: string;
  /** Whole names, DER, for comparisons. */
  readonly subjectName: Uint8Array;
  readonly issuerName: Uint8Array;
  /** DNS names of subjectAltName, lower case, as they are; a name with odd characters is left out. */
  readonly dnsNames: readonly string[];
  readonly key: KeyKind;
}

/** Algorithm of a key, with what OpenSSL says of its size. */
export interface KeyKind {
  readonly algorithm: "RSA" | "ECDSA" | "Ed25519" | "Ed448" | "other";
  /** Bits of an RSA key. */
  readonly bits: number;
  /** `prime256v1`; empty if it is no elliptic curve that has a name here. */
  readonly curve: string;
}

const COMMON_NAME = "550403";
const SUBJECT_ALT_NAME = "551d11";
const RSA = "2a864886f70d010101";
const RSA_PSS = "2a864886f70d01010a";
const EC = "2a8648ce3d0201";
const ED25519 = "2b6570";
const ED448 = "2b6571";
const CURVES: ReadonlyMap<string, string> = new Map([
  ["2a8648ce3d030107", "prime256v1"],
  ["2b81040022", "secp384r1"],
  ["2b81040023", "secp521r1"],
]);
const VERSION_TAG = 0xa0;
const EXTENSIONS_TAG = 0xa3;
const DNS_NAME_TAG = 0x82;
const BMP_STRING = 0x1e;
/** Longer names than this are not shown (Postfix's CCERT_BUFSIZ). */
const MOST_NAME_LENGTH = 256;

function text(element: Element): string {
  if (element.tag !== BMP_STRING) return decodeText(element.content);
  let found = "";
  for (let at = 0; at + 1 < element.content.length; at += 2) {
    found += String.fromCharCode(element.content[at]! * 256 + element.content[at + 1]!);
  }
  return found;
}

function commonName(name: Element): string {
  for (const set of children(name.content)) {
    for (const pair of children(set.content)) {
      const [type, value] = children(pair.content);
      if (type === undefined || value === undefined || type.content.toHex() !== COMMON_NAME) continue;
      const found = text(value);
      // deno-lint-ignore no-control-regex -- control characters are what is looked for
      return found.length > MOST_NAME_LENGTH || /[\x00-\x1f\x7f]/.test(found) ? "" : found;
    }
  }
  return "";
}

/** Short names of what names are made of (RFC 4519). */
const SHORT_NAMES: ReadonlyMap<string, string> = new Map([
  ["550406", "C"],
  ["550408", "ST"],
  ["550407", "L"],
  ["55040a", "O"],
  ["55040b", "OU"],
  [COMMON_NAME, "CN"],
  ["2a864886f70d010901", "emailAddress"],
]);

/** `/O=Example/CN=Test CA`: a whole name as OpenSSL prints it on one line; parts of other kinds are left out. */
export function nameText(name: Uint8Array): string {
  let line = "";
  for (const set of children(readElement(name).content)) {
    for (const pair of children(set.content)) {
      const [type, value] = children(pair.content);
      const short = type === undefined ? undefined : SHORT_NAMES.get(type.content.toHex());
      if (short !== undefined && value !== undefined) {
        // deno-lint-ignore no-control-regex -- control characters are what is looked for
        line += `/${short}=${text(value).replace(/[\x00-\x1f\x7f]/g, "?")}`;
      }
    }
  }
  return line.slice(0, 2 * MOST_NAME_LENGTH);
}

function keyKind(publicKey: Element): KeyKind {
  const [algorithm, key] = children(publicKey.content);
  const parts = algorithm === undefined ? [] : children(algorithm.content);
  const identifier = parts[0]?.content.toHex() ?? "";
  if (identifier === RSA || identifier === RSA_PSS) {
    const modulus = children(readElement(key!.content.subarray(1)).content)[0]!.content;
    const leading = modulus.findIndex((byte) => byte !== 0);
    const significant = modulus.subarray(Math.max(leading, 0));
    const bits = significant.length * 8 - Math.clz32(significant[0] ?? 0) + 24;
    return { algorithm: "RSA", bits, curve: "" };
  }
  const other = (name: KeyKind["algorithm"]) => ({ algorithm: name, bits: 0, curve: "" });
  if (identifier === ED25519) return other("Ed25519");
  if (identifier === ED448) return other("Ed448");
  if (identifier !== EC) return other("other");
  const curve = parts[1]?.tag === OBJECT_IDENTIFIER ? CURVES.get(parts[1].content.toHex()) : undefined;
  return { algorithm: "ECDSA", bits: 0, curve: curve ?? "" };
}

function dnsNames(extensions: Element | undefined): string[] {
  if (extensions === undefined) return [];
  for (const extension of children(readElement(extensions.content).content)) {
    const parts = children(extension.content);
    if (parts[0]?.content.toHex() !== SUBJECT_ALT_NAME) continue;
    const names = children(readElement(parts.at(-1)!.content).content);
    return names.filter((name) => name.tag === DNS_NAME_TAG)
      .map((name) => String.fromCharCode(...name.content.subarray(0, MOST_NAME_LENGTH)).toLowerCase())
      .filter((name) => /^[a-z0-9*._-]+$/.test(name));
  }
  return [];
}

/** Takes a DER certificate apart. Throws `DerError`. */
export function parseCertificate(raw: Uint8Array): Certificate {
  const body = children(readElement(raw).content)[0];
  const parts = body === undefined ? [] : children(body.content);
  if (parts[0]?.tag === VERSION_TAG) parts.shift();
  const [, , issuer, , subject, publicKey] = parts;
  if (issuer === undefined || subject === undefined || publicKey === undefined) {
    throw new DerError("bad certificate");
  }
  return {
    raw,
    publicKey: publicKey.whole,
    subject: commonName(subject),
    issuer: commonName(issuer),
    subjectName: subject.whole,
    issuerName: issuer.whole,
    dnsNames: dnsNames(parts.slice(6).find((part) => part.tag === EXTENSIONS_TAG)),
    key: keyKind(publicKey),
  };
}

/** `AB:CD:...` over a DER certificate or public key. @param algorithm `md5`, `sha1`, `sha256`, ... */
export function fingerprint(der: Uint8Array, algorithm: string): string {
  const hex = crypto().createHash(algorithm).update(der).digest("hex").toUpperCase();
  return hex.match(/../g)!.join(":");
}

/** Does the runtime know a digest? */
export function isDigest(algorithm: string): boolean {
  try {
    crypto().createHash(algorithm);
    return true;
  } catch {
    return false;
  }
}

const PEM_BLOCK = /-----BEGIN ([A-Z0-9 ]+)-----\r?\n[\s\S]*?-----END \1-----/g;

/** One block of a PEM file (RFC 7468). */
export interface PemBlock {
  readonly label: string;
  /** With its BEGIN and END lines. */
  readonly text: string;
}

/** The blocks of a PEM text; what stands between them is comment. */
export function pemBlocks(content: string): PemBlock[] {
  return [...content.matchAll(PEM_BLOCK)].map((match) => ({ label: match[1]!, text: match[0] }));
}

/** The octets of a PEM block. Throws `DerError`. */
export function pemBytes(block: PemBlock): Uint8Array {
  const base64 = block.text.split(/\r?\n/).filter((line) => !line.startsWith("-----") && !line.includes(":"))
    .join("");
  try {
    return Uint8Array.fromBase64(base64.replace(/\s+/g, ""));
  } catch {
    throw new DerError("bad PEM block");
  }
}
