import { type Reply, reply, replyLine } from "../../../core/smtp/mod.ts";
import { printable } from "../printable.ts";
import type { Session } from "../session.ts";
import type { Blame } from "../notice_settings.ts";
import type { Hit } from "./actions.ts";
import { fixedStatus } from "./dsn_fix.ts";
import type { TempfailAction } from "./settings.ts";

/** What a restriction decides: `ok` ends the list with permission, `reject` with a refusal, `dunno` goes on. */
export type Outcome = "ok" | "reject" | "dunno";

/** Which list of restrictions is being worked through. */
export type Stage = "client" | "helo" | "sender" | "recipient" | "data" | "end_of_data" | "etrn" | "rewrite";

/** A refusal that is kept in mind: `defer_if_permit`, `defer_if_reject`. */
export interface Deferral {
  readonly code: number;
  readonly enhanced: string;
  readonly text: string;
}

/** What the checks of one command know and remember. */
export class Check {
  /** The refusal, after outcome `reject`. */
  refusal: Reply | undefined;
  deferIfReject: Deferral | undefined;
  deferIfPermit: Deferral | undefined;
  /** `warn_if_reject` stands before the restriction that is being tried. */
  warnOnly = false;
  /** How deep access tables led to other lists. */
  depth = 0;
  /** The table entry that led to the list being worked through. */
  from: Hit | undefined;
  /** The table entry that permitted, for the log. */
  permittedBy: Hit | undefined;
  permitLogged = false;

  constructor(
    readonly session: Session,
    readonly stage: Stage,
    /** What refusals name in `<name>: class rejected`; in a list out of an access table, what was looked up there. */
    public name: string,
    public nameClass: string,
    readonly subject: {
      readonly sender?: string | undefined;
      readonly recipient?: string | undefined;
      readonly etrn?: string | undefined;
    } = {},
  ) {}

  /** The sender in question (internal form), if there is one. */
  get sender(): string | undefined {
    return this.subject.sender ?? this.session.transaction?.sender;
  }

  get recipient(): string | undefined {
    return this.subject.recipient;
  }

  get helo(): string | undefined {
    return this.session.helo;
  }

  /**
   * Refuses. The enhanced code's class follows the reply code. Behind `warn_if_reject` this is only logged; after
   * `defer_if_reject` it becomes temporary.
   */
  refuse(code: number, enhanced: string, text: string, blame: Blame = "policy"): Outcome {
    if (this.deferIfReject !== undefined && code >= 500 && !this.warnOnly) {
      const kept = this.deferIfReject;
      this.deferIfReject = undefined;
      return this.refuse(kept.code, kept.enhanced, kept.text);
    }
    let refusal = reply(code, `${String(code)[0]}${enhanced.slice(1)}`, printable(text));
    if (this.session.service.deps.config.bool("soft_bounce") && refusal.code >= 500) {
      refusal = reply(refusal.code - 100, `4${refusal.enhanced.slice(1)}`, refusal.text);
    }
    const what = this.warnOnly ? "reject_warning" : "reject";
    this.log(what, replyLine(refusal));
    this.session.blame(blame);
    if (this.warnOnly) return "dunno";
    this.refusal = refusal;
    return "reject";
  }

  /** Ends the list with a refusal that is in the log already and that nobody is told. */
  refuseSilently(): Outcome {
    if (this.warnOnly) return "dunno";
    this.refusal = reply(421, "4.3.2", "Service currently unavailable");
    return "reject";
  }

  /** Refuses with `<name>: class rejected: reason`. */
  refuseNamed(code: number, enhanced: string, reason: string): Outcome {
    return this.refuse(code, enhanced, `<${this.name}>: ${this.nameClass} rejected: ${reason}`);
  }

  /** The configuration does not make sense; the log has said why. */
  misconfigured(): Outcome {
    // Nobody meant such a mistake to be passed over.
    this.warnOnly = false;
    return this.refuse(451, "4.3.5", "Server configuration error", "software");
  }

  /** Remembers to refuse should the mail be permitted in the end; the first reason counts. */
  deferIfPermitted(code: number, enhanced: string, text: string): Outcome {
    if (this.warnOnly) return this.refuse(code, enhanced, text);
    this.deferIfPermit ??= { code, enhanced, text };
    return "dunno";
  }

  /** Refuses for now: at once, or should the mail be permitted in the end (`..._tempfail_action`). */
  tempfail(action: TempfailAction, code: number, enhanced: string, text: string): Outcome {
    return action === "defer" && !this.warnOnly
      ? this.refuse(code, enhanced, text)
      : this.deferIfPermitted(code, enhanced, text);
  }

  /** An enhanced code that suits what is refused: codes about mailboxes say whose. The log tells of changes. */
  statusFor(nameClass: string, enhanced: string): string {
    const fixed = fixedStatus(enhanced, nameClass);
    if (fixed !== enhanced) {
      this.session.service.deps.log.info(`mapping DSN status ${enhanced} into ${nameClass} status ${fixed}`);
    }
    return fixed;
  }

  /** Remembers to turn a later refusal into a temporary one. */
  deferIfRejected(code: number, enhanced: string, text: string): Outcome {
    this.deferIfReject ??= { code, enhanced, text };
    return "dunno";
  }

  /** Logs a decision about what is being checked. */
  log(what: string, text: string): void {
    this.session.logDecision(what, text, this.subject.recipient, this.subject.sender);
  }
}
