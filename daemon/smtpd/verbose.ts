/**
 * What a session says with `smtpd -v` or for a client in debug_peer_list: the conversation line by line, and each
 * restriction with its answer. Passwords never get there.
 */
import type { Logger } from "../../core/log/mod.ts";
import { ByteBuffer, decodeText } from "../../core/bytes/mod.ts";
import { appendReply, type Reply } from "../../core/smtp/mod.ts";
import type { Check, Outcome } from "./access/check.ts";
import { withoutSecrets } from "./secrets.ts";
import { printable } from "./printable.ts";
import type { AccessTrace, Session } from "./session.ts";

/** Makes a session say more if the service or its client is to be watched. */
export async function beVerbose(session: Session): Promise<void> {
  const { service, settings } = session;
  const { log } = service.deps;
  const always = log.verbosity > 0;
  if (!always && settings.debugPeers.isEmpty) return;
  if (!always && !await session.clientIn(settings.debugPeers, "debug_peer_list")) return;
  session.verbose = new VerboseLog(session, log);
  session.trace = new VerboseTrace(log);
}

/** The conversation as log lines: `< client: EHLO there`, `> client: 250 hello`. */
export class VerboseLog {
  constructor(private readonly session: Session, private readonly log: Logger) {}

  get #client(): string {
    return this.session.client.label;
  }

  heard(line: string): void {
    this.log.info(`< ${this.#client}: ${withoutSecrets(this.session, line)}`);
  }

  /** A response of an AUTH exchange. */
  heardSecret(): void {
    this.log.info(`< ${this.#client}: (authentication data, not shown)`);
  }

  replied(reply: Reply): void {
    const wire = new ByteBuffer(256);
    appendReply(wire, reply);
    this.said(decodeText(wire.view()).split("\r\n").slice(0, -1));
  }

  said(lines: readonly string[]): void {
    for (const line of lines) {
      // Challenges have parts of what the client said before in them.
      const shown = line.startsWith("334 ") && line.length > 4 ? "334 (challenge, not shown)" : line;
      this.log.info(`> ${this.#client}: ${printable(shown)}`);
    }
  }
}

const STATUS: Readonly<Record<Outcome, number>> = { dunno: 0, ok: 1, reject: 2 };

/** The restrictions as they are asked, and what they say: 0 no opinion, 1 permit, 2 refuse. */
class VerboseTrace implements AccessTrace {
  constructor(private readonly log: Logger) {}

  enter(parameter: string | undefined): void {
    this.log.info(`>>> ${parameter ?? "restriction list"} <<<`);
  }

  before(restriction: string): undefined {
    this.log.info(`generic_checks: name=${restriction}`);
    return undefined;
  }

  after(restriction: string, outcome: Outcome, _check: Check): void {
    this.log.info(`generic_checks: name=${restriction} status=${STATUS[outcome]}`);
  }
}
