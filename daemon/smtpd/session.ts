import { type Resolved, toExternal } from "../../core/address/mod.ts";
import { appendReply, type Reply, reply, replyLine, type SmtpStream } from "../../core/smtp/mod.ts";
import { type MatchList, type MaybePromise, TableError } from "../../core/table/mod.ts";
import type { TlsSession } from "../../core/tls/mod.ts";
import type { Login } from "./auth.ts";
import type { ServerAuth } from "./auth_settings.ts";
import type { Client } from "./client.ts";
import { CommandCounts } from "./command_counts.ts";
import { printable } from "./printable.ts";
import { changedRefusal, parseRefusal } from "./refusals.ts";
import type { SmtpdSettings } from "./settings.ts";
import type { ServerTls } from "./starttls_settings.ts";
import type { ChunkState, Transaction } from "./transaction.ts";
import type { ForwardedClient } from "./xforward.ts";
import type { Check, Outcome } from "./access/check.ts";
import type { AccessLists } from "./access/lists.ts";
import type { SmtpdDeps } from "./types.ts";
import type { Blame } from "./notice_settings.ts";
import type { Transcript } from "./transcript.ts";
import type { VerboseLog } from "./verbose.ts";

/** What all sessions of a service share. */
export interface Service {
  readonly deps: SmtpdDeps;
  readonly settings: SmtpdSettings;
  readonly access: AccessLists;
  /** Absent if the service does without TLS. */
  readonly tls?: ServerTls | undefined;
  /** Absent if clients can't authenticate. */
  readonly auth?: ServerAuth | undefined;
  /** `smtp`, `submission`: the master.cf entry, for anvil and the log. */
  readonly name: string;
  /** True if there is room for another message in the queue's file system. */
  hasSpace(): Promise<boolean>;
}

/** Watches the access checks of a session, for explanations; may answer in a restriction's place. */
export interface AccessTrace {
  /** A list begins; undefined for a restriction class or a list out of an access table. */
  enter(parameter: string | undefined): void;
  /** A restriction is about to be asked. An answer of the trace's own stands for it: nothing is asked then. */
  before(restriction: string, check: Check): Outcome | undefined;
  after(restriction: string, outcome: Outcome, check: Check): void;
}

/** Where a session stands, for the log, when no command is being worked on. */
const AFTER_CONNECT = "CONNECT";
/** The same for what is no command. */
export const UNKNOWN_COMMAND = "UNKNOWN";
/** The same behind the last line of the content. */
export const END_OF_MESSAGE = "END-OF-MESSAGE";

/** One conversation with a client: its state, its replies and its log lines. */
export class Session {
  helo: string | undefined;
  protocol: "SMTP" | "ESMTP" = "SMTP";
  /** Set once the session is under TLS. */
  tls: TlsSession | undefined;
  /** AUTH has come: anything that the client says may be a password in the wrong place. */
  authTried = false;
  /** The line of EHLO that offers AUTH. */
  authKeywords: string | undefined;
  /** Set once the client has authenticated. */
  login: Login | undefined;
  /** The command being worked on, for the log. */
  where = AFTER_CONNECT;
  errors = 0;
  junk = 0;
  /** The connection ends after the reply that was given last. */
  hangup = false;
  /** The client was refused at CONNECT: only QUIT works. */
  denied = false;
  pipeliningReported = false;
  transaction: Transaction | undefined;
  chunks: ChunkState = "none";
  /** Set while content arrives, for the log. */
  receiving: string | undefined;
  /** Access checks that were made before the transaction and hold for it. */
  readonly verdicts = new Map<string, unknown>();
  /** Set where somebody wants to know how the checks go. */
  trace: AccessTrace | undefined;
  /** Set where every line of the conversation is logged. */
  verbose: VerboseLog | undefined;
  /** What the postmaster may be told; absent if that is nothing. */
  transcript: Transcript | undefined;
  /** Lone LF is watched for with this client. */
  strictLines = false;
  /** Extensions that this client is not offered. */
  discarded: ReadonlySet<string>;
  /** Clients that may say who they speak for. */
  mayXclient = false;
  mayXforward = false;
  mayVerp = false;
  /** What XFORWARD told about the client of the next message. */
  forwarded: ForwardedClient | undefined;
  /** The address under which anvil counts the connection. */
  counted: string | undefined;
  /** Set while tables are asked what to make of a refusal. */
  late: Promise<void> | undefined;
  /** Of commands, for the line about the session's end. */
  readonly counts = new CommandCounts();

  constructor(
    readonly service: Service,
    readonly stream: SmtpStream,
    /** Another one after XCLIENT. */
    public client: Client,
    /** Tells sessions of one service apart. */
    readonly serial = 0,
  ) {
    this.discarded = service.settings.discardKeywords;
  }

  get settings(): SmtpdSettings {
    return this.service.settings;
  }

  /** Gives a reply. */
  reply(reply: Reply): void {
    // Nothing is said to a client that is hung up on.
    if (this.hangup) return;
    const { refusals } = this.settings;
    const changed = reply.code >= 400 && refusals !== undefined
      ? changedRefusal(this, refusals, reply)
      : reply;
    if (this.late === undefined && !(changed instanceof Promise)) return this.#send(changed);
    const before = this.late ?? Promise.resolve();
    this.late = before.then(async () => this.#send(await changed));
  }

  /** 421 and 521 end the session, as RFC 5321 and RFC 7504 have it. */
  #send(reply: Reply): void {
    if (reply.code === 421 || reply.code === 521) this.hangup = true;
    this.transcript?.replied(reply);
    this.verbose?.replied(reply);
    appendReply(this.stream.out, reply);
  }

  /** Waits for replies about which tables are asked. */
  async settle(): Promise<void> {
    for (let late = this.late; late !== undefined; late = this.late) {
      await late;
      if (this.late === late) this.late = undefined;
    }
  }

  /** Sends what was replied. Rejects with `SmtpStreamError`. */
  async flush(): Promise<void> {
    if (this.late !== undefined) await this.settle();
    await this.stream.flush();
  }

  /** Gives a reply that is complete as it is. */
  rawReply(text: string): void {
    const refusal = this.settings.refusals === undefined ? undefined : parseRefusal(text.trim());
    if (refusal !== undefined) return this.reply(refusal);
    const lines = text.split(/\r?\n/).filter((line) => line !== "");
    if (/^(421|521)/.test(text)) this.hangup = true;
    this.transcript?.said(lines);
    this.verbose?.said(lines);
    this.stream.out.appendText(lines.map((line) => line + "\r\n").join(""));
  }

  /** Gives a reply and counts as refusal: `return session.refuse(...)`. */
  refuse(code: number, enhanced: string, text: string, blame: Blame | "nobody" = "protocol"): false {
    this.blame(blame);
    this.reply(reply(code, enhanced, text));
    return false;
  }

  /** A line came from the client. */
  heard(line: string): void {
    this.transcript?.heard(this, line);
    this.verbose?.heard(line);
  }

  /** A response of an AUTH exchange came. */
  heardSecret(): void {
    this.transcript?.heardSecret();
    this.verbose?.heardSecret();
  }

  /** Something went wrong; the postmaster may want to know. */
  blame(kind: Blame | "nobody"): void {
    if (kind !== "nobody") this.transcript?.blame(kind);
  }

  /** Ends the session because a table can't answer, which the log has told. */
  refuseTroubled(): void {
    const refusal = reply(421, "4.3.0", `${this.settings.hostname} Server local data error`);
    const { log } = this.service.deps;
    log.info(`${this.id}: reject: ${this.where} from ${this.client.label}: ${replyLine(refusal)}`, "access", {
      queueId: this.transaction?.queueId,
      action: "reject",
      stage: this.where,
      client: this.client.label,
      clientAddress: this.client.address,
      reason: replyLine(refusal),
    });
    this.blame("data");
    this.reply(refusal);
  }

  /** The queue id for log lines. */
  get id(): string {
    return this.transaction?.queueId ?? "NOQUEUE";
  }

  /** Forgets the transaction; the queue file is removed if it was not finished. */
  reset(): void {
    const transaction = this.transaction;
    this.transaction = undefined;
    this.chunks = "none";
    this.forwarded = undefined;
    transaction?.message?.abort();
  }

  /** An address as log lines show it. */
  logged(address: string): string {
    if (address === "") return "<>";
    return `<${this.settings.addressInLog === "internal" ? address : toExternal(address)}>`;
  }

  /**
   * Logs an access decision: `ID: what: RCPT from C: text; from=<..> to=<..> proto=.. helo=<..>`.
   * @param recipient the recipient in question; by default the only one accepted so far
   */
  logDecision(what: string, text: string, recipient?: string, sender?: string): void {
    const head = `${this.id}: ${what}: ${this.where} from ${this.client.label}: ${text}`;
    this.#logOutcome(head, what, text, recipient, sender);
  }

  /** Logs what the filter in front of the queue made of a message: `proxy-accept: END-OF-MESSAGE: text; from=<..> ..`. */
  logProxied(accepted: boolean, lastReply: string): void {
    const what = `proxy-${accepted ? "accept" : "reject"}`;
    const text = printable(lastReply);
    this.#logOutcome(`${what}: ${this.where}: ${text}`, what, text, this.transaction?.firstRecipient);
  }

  #logOutcome(head: string, what: string, text: string, recipient?: string, sender?: string): void {
    const transaction = this.transaction;
    const from = sender ?? transaction?.sender;
    const to = recipient ?? (transaction?.recipients === 1 ? transaction.firstRecipient : undefined);
    let line = `${head};`;
    if (from !== undefined) line += ` from=${this.logged(from)}`;
    if (to !== undefined) line += ` to=${this.logged(to)}`;
    line += ` proto=${this.protocol}`;
    if (this.helo !== undefined) line += ` helo=<${this.helo}>`;
    this.service.deps.log.info(line, "access", {
      queueId: transaction?.queueId,
      action: what,
      stage: this.where,
      client: this.client.label,
      clientAddress: this.client.address,
      reason: text,
      from,
      to,
      protocol: this.protocol,
      helo: this.helo,
    });
  }

  /** Is the client in a list? A table that can't answer is in the log and counts as no. */
  async clientIn(list: MatchList, parameter: string): Promise<boolean> {
    try {
      return await list.matches(this.client.name, this.client.address);
    } catch (error) {
      if (!(error instanceof TableError)) throw error;
      this.warn(`${parameter}: ${error.message}`);
      return false;
    }
  }

  /** An envelope address with our own domain where it has none; tables and routing see this form. */
  completed(address: string): string {
    return this.service.deps.addressing.rewriteInternal("local", address);
  }

  /** Where mail to an address (internal form) would go. */
  resolve(address: string): MaybePromise<Resolved> {
    return this.service.deps.addressing.resolve("", this.completed(address));
  }

  warn(text: string): void {
    this.service.deps.log.warning(text);
  }
}
