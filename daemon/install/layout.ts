import type { Layout } from "./types.ts";

/** Command names that Postfix installs below `sbin`. */
const SBIN = [
  "postalias",
  "postcat",
  "postconf",
  "postdrop",
  "postfix",
  "postfix-add-filter",
  "postfix-add-policy",
  "postkick",
  "postlock",
  "postlog",
  "postmap",
  "postmulti",
  "postqueue",
  "postsuper",
  "qmqp-sink",
  "qmqp-source",
  "qshape",
  "rmail",
  "sendmail",
  "smtp-sink",
  "smtp-source",
];

/** Command names that Postfix installs below `bin`, for users. */
const BIN = ["mailq", "newaliases"];

/** Command names that the Cyrus SASL library's own packages install below `sbin` and `bin`. */
const SASL_SBIN = [
  "pluginviewer",
  "saslauthd",
  "sasldblistusers2",
  "saslpasswd",
  "saslpasswd2",
  "testsaslauthd",
];
const SASL_BIN = ["saslfinger"];
const SASL = [...SASL_SBIN, ...SASL_BIN];

/** Where such packages put them. */
const SYSTEM_DIRECTORIES = ["/usr/sbin", "/usr/bin", "/usr/local/sbin", "/usr/local/bin"];

/** Where things go below a prefix. */
export function layoutFor(prefix: string, configuration: string): Layout {
  return {
    prefix,
    program: `${prefix}/sbin/postel`,
    versions: `${prefix}/libexec/postel`,
    manual: `${prefix}/share/man/man1`,
    systemd: `${prefix}/lib/systemd/system/postel.service`,
    manifest: `${prefix}/share/postel/manifest.json`,
    configuration,
  };
}

/** A symbolic link for a command name. */
export interface CommandLink {
  readonly name: string;
  readonly path: string;
  readonly target: string;
}

function linksFor(layout: Layout, sbin: readonly string[], bin: readonly string[]): CommandLink[] {
  return [
    ...sbin.map((name) => ({ name, path: `${layout.prefix}/sbin/${name}`, target: "postel" })),
    ...bin.map((name) => ({ name, path: `${layout.prefix}/bin/${name}`, target: "../sbin/postel" })),
  ];
}

/** The links for the command names of Postfix that this program has. */
export function commandLinks(layout: Layout, names: ReadonlySet<string>): CommandLink[] {
  return linksFor(layout, SBIN, BIN).filter(({ name }) => names.has(name));
}

/** The links for the command names of Cyrus SASL, which are made only where that library's own are not installed. */
export function saslLinks(layout: Layout, names: ReadonlySet<string>): CommandLink[] {
  return linksFor(layout, SASL_SBIN, SASL_BIN).filter(({ name }) => names.has(name));
}

/** The places where a command of that name may be installed already. */
export function systemPlaces(link: CommandLink): string[] {
  return [...new Set([link.path, ...SYSTEM_DIRECTORIES.map((directory) => `${directory}/${link.name}`)])];
}

/**
 * The name of a command's manual page: what is not a command of Postfix, or of SASL and linked, has the program's name
 * in front.
 */
export function pageName(name: string, linked: ReadonlySet<string>): string {
  const isTheirs = SBIN.includes(name) || BIN.includes(name) || (SASL.includes(name) && linked.has(name));
  return isTheirs ? name : `postel-${name}`;
}

/** Names under which other programs hand in mail, wherever the mail system is. */
export const SENDMAIL_NAMES = ["/usr/sbin/sendmail", "/usr/lib/sendmail"];
