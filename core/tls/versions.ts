import { type Config, ConfigError } from "../config/mod.ts";
import type { TlsVersion, VersionRange } from "./types.ts";

/** All versions that the parameters know, oldest first; the engine has the last two. */
const VERSIONS = ["SSLv2", "SSLv3", "TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"] as const;
const HEX_VERSIONS: Readonly<Record<string, string>> = {
  "0300": "SSLv3",
  "0301": "TLSv1",
  "0302": "TLSv1.1",
  "0303": "TLSv1.2",
  "0304": "TLSv1.3",
};

/** A list of protocols that was understood. */
export interface Protocols {
  /** Undefined if neither TLS 1.2 nor TLS 1.3 is left. */
  readonly range: VersionRange | undefined;
  /** It leaves TLS 1.0 or 1.1 in, which the engine does not have. */
  readonly old: boolean;
}

function versionIndex(word: string): number {
  const name = HEX_VERSIONS[word.replace(/^0x/i, "")] ?? word;
  return VERSIONS.findIndex((version) => version.toLowerCase() === name.toLowerCase());
}

/**
 * Understands a protocol list: `>=TLSv1.2, <=TLSv1.3`, `!SSLv2, !TLSv1`, `TLSv1.2`. Undefined when it has something that is
 * not a protocol.
 */
export function parseProtocols(words: readonly string[]): Protocols | undefined {
  let low = 0;
  let high = VERSIONS.length - 1;
  const included = new Set<number>();
  const excluded = new Set<number>();
  for (const word of words.flatMap((part) => part.split(":"))) {
    const match = /^(>=|<=|!)?(.*)$/.exec(word)!;
    const open = match[2] === "" && (match[1] === ">=" || match[1] === "<=");
    const index = open ? 0 : versionIndex(match[2]!);
    if (index < 0) return undefined;
    if (match[1] === ">=") low = index;
    else if (match[1] === "<=") high = open ? VERSIONS.length - 1 : index;
    else if (match[1] === "!") excluded.add(index);
    else included.add(index);
  }
  const usable = (index: number) =>
    index >= low && index <= high && !excluded.has(index) && (included.size === 0 || included.has(index));
  const left = ([4, 5] as const).filter(usable).map((index) => VERSIONS[index] as TlsVersion);
  const range = left.length === 0 ? undefined : { min: left[0]!, max: left.at(-1)! };
  return { range, old: usable(2) || usable(3) };
}

/** The protocols of a parameter. Throws `ConfigError` when nothing is left that the engine speaks. */
export function readProtocols(config: Config, parameter: string): VersionRange {
  const words = config.list(parameter);
  const protocols = parseProtocols(words);
  if (protocols?.range !== undefined) return protocols.range;
  const value = words.join(", ");
  throw new ConfigError(
    protocols === undefined
      ? `bad parameter value: '${parameter} = ${value}': use a list such as ">=TLSv1.2"`
      : `${parameter} = ${value} leaves neither TLSv1.2 nor TLSv1.3, and no other version is supported`,
    config.origin(parameter),
  );
}

/** Cipher properties that every suite of the engine lacks anyway, so that excluding them needs no action. */
const ABSENT = new Set(
  ("anull enull null export exp low medium des 3des rc4 rc2 md5 idea seed psk srp dss kdhd kdhr edh dhe adh aecdh krb5 " +
    "gost camellia aria sha sha1 cbc3-sha krsa rsa krbsa kecdh ecdh export40 export56 des-cbc3-sha rc4-sha rc4-md5 aes128-sha " +
    "aes256-sha aes128-sha256 aes256-sha256 kedh edh-dss-des-cbc3-sha edh-rsa-des-cbc3-sha edh-rsa-des-cbc-sha dhe-rsa-aes256-sha " +
    "exp-rc4-md5 camellia128 camellia256 aes128-gcm-sha256 aes256-gcm-sha384 sslv2 sslv3 tlsv1")
    .split(" "),
);

/**
 * What main.cf asks of protocols and ciphers that the engine can't do, as one sentence; undefined if it does it all.
 *
 * @param prefix `smtpd_tls` or `smtp_tls`
 */
export function unsupportedText(config: Config, prefix: string): string | undefined {
  const ignored: string[] = [];
  for (const name of [`${prefix}_protocols`, `${prefix}_mandatory_protocols`]) {
    if (!config.isSet(name)) continue;
    const protocols = parseProtocols(config.list(name));
    if (protocols?.old === true && config.list(name).some((word) => /^(>=)?TLSv1(\.1)?$/i.test(word))) {
      ignored.push(`${name} (no TLSv1, no TLSv1.1)`);
    }
  }
  for (const name of [`${prefix}_ciphers`, `${prefix}_mandatory_ciphers`]) {
    if (config.isSet(name) && !["medium", "high"].includes(config.string(name).toLowerCase())) {
      ignored.push(name);
    }
  }
  for (const name of [`${prefix}_exclude_ciphers`, `${prefix}_mandatory_exclude_ciphers`]) {
    const words = config.list(name).flatMap((word) => word.split(":"));
    if (words.some((word) => word !== "" && !ABSENT.has(word.toLowerCase()))) ignored.push(name);
  }
  for (const name of ["tls_high_cipherlist", "tls_medium_cipherlist", "tls_preempt_cipherlist"]) {
    if (config.isSet(name)) ignored.push(name);
  }
  if (ignored.length === 0) return undefined;
  return `the TLS engine offers TLSv1.2 and TLSv1.3 with ECDHE and AES-GCM or ChaCha20-Poly1305 only and can't be told ` +
    `otherwise; no effect: ${ignored.join(", ")}`;
}
