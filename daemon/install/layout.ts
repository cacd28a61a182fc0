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

/** The links for the command names that this program has: path and target. */
export function commandLinks(layout: Layout, names: ReadonlySet<string>): { path: string; target: string }[] {
  return [
    ...SBIN.filter((name) => names.has(name)).map((name) => ({
      path: `${layout.prefix}/sbin/${name}`,
      target: "postel",
    })),
    ...BIN.filter((name) => names.has(name)).map((name) => ({
      path: `${layout.prefix}/bin/${name}`,
      target: "../sbin/postel",
    })),
  ];
}

/** The name of a command's manual page: what is not a command of Postfix has the program's name in front. */
export function pageName(name: string): string {
  return SBIN.includes(name) || BIN.includes(name) ? name : `postel-${name}`;
}

/** Names under which other programs hand in mail, wherever the mail system is. */
export const SENDMAIL_NAMES = ["/usr/sbin/sendmail", "/usr/lib/sendmail"];
