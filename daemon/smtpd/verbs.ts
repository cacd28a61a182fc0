import type { Word } from "../../core/smtp/mod.ts";
import { auth } from "./auth.ts";
import { bdat } from "./bdat.ts";
import { data } from "./data.ts";
import { etrn } from "./etrn.ts";
import { ehlo, helo } from "./hello.ts";
import { help } from "./help.ts";
import { mail } from "./mail.ts";
import { rcpt } from "./rcpt.ts";
import type { Session } from "./session.ts";
import { noop, quit, rset } from "./simple.ts";
import { starttls } from "./starttls.ts";
import { vrfy } from "./vrfy.ts";
import { xclient } from "./xclient.ts";
import { xforward } from "./xforward.ts";

/**
 * Does what a command says. The result says whether it was accepted; a refused one counts as an error, undefined counts
 * as neither.
 */
export type Handler = (
  session: Session,
  words: readonly Word[],
  line: string,
) => boolean | undefined | Promise<boolean | undefined>;

/** One command of the protocol. */
export interface Verb {
  readonly handler: Handler;
  /** Counts towards `smtpd_junk_command_limit`. */
  readonly junk?: true;
  /** Has to be the last one of a pipelined group (RFC 2920 section 3.1). */
  readonly last?: true;
}

/** All commands, by upper-case name. */
export const verbs: ReadonlyMap<string, Verb> = new Map<string, Verb>(Object.entries({
  HELO: { handler: helo, junk: true, last: true },
  EHLO: { handler: ehlo, junk: true, last: true },
  XCLIENT: { handler: xclient },
  XFORWARD: { handler: xforward },
  STARTTLS: { handler: starttls, last: true },
  AUTH: { handler: auth },
  MAIL: { handler: mail },
  RCPT: { handler: rcpt },
  DATA: { handler: data, last: true },
  BDAT: { handler: bdat },
  RSET: { handler: rset, junk: true },
  NOOP: { handler: noop, junk: true, last: true },
  VRFY: { handler: vrfy, junk: true, last: true },
  ETRN: { handler: etrn, junk: true },
  HELP: { handler: (session) => help(session, verbs.keys()), junk: true },
  QUIT: { handler: quit },
}));
