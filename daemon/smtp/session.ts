import { decodeText, printable } from "../../core/bytes/mod.ts";
import type { Logger } from "../../core/log/mod.ts";
import { type ByteChannel, type CoarseTimer, SmtpStream, SmtpStreamError } from "../../core/smtp/mod.ts";
import { leadingStatus } from "../../core/status/mod.ts";
import type { TlsSession } from "../../core/tls/mod.ts";
import { IdleChannel } from "./channel.ts";
import type { ServerReply } from "./dsn.ts";
import type { TlsPolicy } from "./secure_policy.ts";
import type { ClientSettings } from "./settings.ts";

/** What a server can do, by its EHLO reply. */
export interface Features {
  esmtp: boolean;
  pipelining: boolean;
  eightBitMime: boolean;
  dsn: boolean;
  smtputf8: boolean;
  starttls: boolean;
  /** RFC 8689; it counts only if it was said under TLS. */
  requireTls: boolean;
  size: boolean;
  /** The largest message that it takes, 0 if it does not say. */
  sizeLimit: number;
  auth: string;
  /** Lower-case attribute names of XFORWARD. */
  xforward: ReadonlySet<string>;
  pixDelayDotCrLf: boolean;
}

/** A server about which nothing is known yet. */
export function noFeatures(): Features {
  return {
    esmtp: false,
    pipelining: false,
    eightBitMime: false,
    dsn: false,
    smtputf8: false,
    starttls: false,
    requireTls: false,
    size: false,
    sizeLimit: 0,
    auth: "",
    xforward: new Set(),
    pixDelayDotCrLf: false,
  };
}

/** The other end of a session. */
export interface Peer {
  /** Host name by routing, not by lookup of the address. */
  readonly host: string;
  /** IP address or socket path. */
  readonly address: string;
  /** 0 for a UNIX socket. */
  readonly port: number;
}

/** The server's reply has no end. */
export class EndlessReplyError extends Error {
  override readonly name = "EndlessReplyError";
}

/** More than this in one reply, and the server will never stop. */
const MOST_REPLY_BYTES = 1 << 20;
const MOST_REPLY_LINES = 10000;
const MOST_LINE_BYTES = 100_000;

/** Seconds that a server has to take our QUIT. */
const FAREWELL_TIME = 5;

/** A session with a server: the conversation, what it can do, how often it was used. */
export class Session {
  readonly stream: SmtpStream;
  channel: IdleChannel;
  /** How it has to be protected; absent if TLS is no subject. */
  tlsPolicy: TlsPolicy | undefined;
  /** Set once it is under TLS. */
  tls: TlsSession | undefined;
  /** TLS failed, and the message may be sent to the same server without. */
  retryPlain = false;
  features = noFeatures();
  /** The message that is being delivered, for warnings. */
  queueId = "";
  /** Deliveries over this session, the present one included. */
  deliveries = 0;
  /** No other message may go over it. */
  closing = false;
  /** It is one of the best mail exchangers of its destination. */
  bestMx = false;
  /** Every line of the conversation is logged, without passwords. */
  verbose = false;
  /** What is sent is part of an AUTH exchange, and so may be what the server says of it. */
  secret = false;
  /** The name under which the server presents itself. */
  helo = "";
  /** `host[address]`, as it stands in reasons. */
  readonly named: string;
  /** `host[address]:port`, as it stands in `relay=`. */
  readonly relay: string;
  /** Seconds of `performance.now()` after which it is not used again. */
  readonly expires: number;

  constructor(
    readonly peer: Peer,
    connection: ByteChannel,
    timer: CoarseTimer,
    readonly settings: ClientSettings,
    readonly log: Logger,
    /** What stands in the place of a line of a reply (`smtp_reply_filter`); undefined: the line itself. */
    readonly filterLine?: (line: string) => Promise<string | undefined>,
  ) {
    this.channel = new IdleChannel(connection);
    this.stream = new SmtpStream(this.channel, timer);
    this.named = `${peer.host}[${peer.address}]`;
    this.relay = peer.port === 0 ? this.named : `${this.named}:${peer.port}`;
    this.expires = performance.now() / 1000 + settings.reuseTimeLimit;
  }

  /** May it carry one more message? */
  get reusable(): boolean {
    const { reuseCountLimit } = this.settings;
    return !this.closing && !this.channel.spoiled && performance.now() / 1000 < this.expires &&
      (reuseCountLimit === 0 || this.deliveries <= reuseCountLimit);
  }

  /** How long each wait may take from now on, in seconds. */
  limit(seconds: number): void {
    this.stream.setTimeout(seconds);
    if (this.settings.perRequestDeadline) this.stream.setDeadline(seconds);
  }

  /** Goes on under TLS. */
  secured(channel: ByteChannel, state: TlsSession): void {
    this.channel = new IdleChannel(channel);
    this.stream.switchChannel(this.channel);
    this.tls = state;
  }

  /** Puts a command into the output; it leaves with the next `flush` or `reply`. */
  send(command: string): void {
    if (this.verbose) this.logSent(command);
    this.stream.out.appendText(command + "\r\n");
  }

  /** Logs a line that is sent: what is not a command of a password exchange as it is. */
  logSent(command: string): void {
    const shown = !this.secret
      ? command
      : command.startsWith("AUTH ")
      ? command.replace(/^(AUTH \S+) .*$/s, "$1 (not shown)")
      : "(authentication data, not shown)";
    this.log.info(`> ${this.relay}: ${printable(shown)}`);
  }

  #logReceived(line: string): void {
    // A server that refuses a password may quote it.
    const shown = this.secret
      ? line.replace(/^(\d{3}(?:[ -](?:\d\.\d+\.\d+)?)?)?.*$/s, "$1 (not shown)")
      : line;
    this.log.info(`< ${this.relay}: ${shown}`);
  }

  /** Sends what waits and reads one reply. Rejects with `SmtpStreamError` or `EndlessReplyError`. */
  async reply(): Promise<ServerReply> {
    const { stream, settings } = this;
    if (stream.out.length > 0) await stream.flush();
    const limit = settings.replyLineLimit;
    let text = "";
    let bytes = 0;
    for (let lines = 1;; lines++) {
      const raw = stream.takeLine(limit) ?? await this.#readLine(limit);
      bytes += raw.length;
      let line = printable(decodeText(raw));
      if (this.verbose) this.#logReceived(line);
      if (stream.truncated) {
        this.log.warning(`${this.relay}: response longer than ${limit}: ${line.slice(0, 30)}...`);
      }
      if (this.filterLine !== undefined) line = await this.#filtered(line, this.filterLine);
      if (text.length < limit) text = text === "" ? line : `${text}\n${line}`;
      const separator = /^\d{3}($|[ -])/.exec(line)?.[1];
      if (separator === "" || separator === " ") return parseReply(line, text);
      if (separator === undefined && this.features.pipelining && line !== "") this.#warnOfGarbage(line);
      if (bytes > MOST_REPLY_BYTES || lines > MOST_REPLY_LINES) throw new EndlessReplyError();
    }
  }

  /** Lines that are no replies are skipped, but where replies are matched with commands by counting, say so. */
  #warnOfGarbage(line: string): void {
    const { protocol, helpfulWarnings } = this.settings;
    const smtp = protocol === "smtp";
    const kind = smtp ? "ESMTP" : "LMTP";
    this.log.warning(`${this.queueId}: non-${kind} response from ${this.relay}: ${line.slice(0, 100)}`);
    if (!helpfulWarnings) return;
    const parameter = smtp
      ? "smtp_discard_ehlo_keyword_address_maps"
      : "lmtp_discard_lhlo_keyword_address_maps";
    this.log.warning(
      `to prevent loss of mail, turn off command pipelining for ${this.peer.address} with the ${parameter} parameter`,
    );
  }

  /** Waits for a line; a server that never ends one is not read for ever. */
  async #readLine(limit: number): Promise<Uint8Array> {
    const { stream } = this;
    for (;;) {
      if (stream.buffered > MOST_LINE_BYTES) throw new EndlessReplyError();
      if (!await stream.fill()) throw new SmtpStreamError("lost", "The server closed the connection");
      const line = stream.takeLine(limit);
      if (line !== undefined) return line;
    }
  }

  async #filtered(line: string, filter: NonNullable<Session["filterLine"]>): Promise<string> {
    const replaced = await filter(line);
    if (replaced === undefined) return line;
    this.log.info(`${this.relay}: replacing server reply "${line}" with "${replaced}"`);
    return replaced;
  }

  /** Sends one command and reads its reply. */
  command(command: string): Promise<ServerReply> {
    this.send(command);
    return this.reply();
  }

  /** Says goodbye to a server that is not to be talked to any more, and does not wait for its answer. */
  async leave(): Promise<void> {
    this.closing = true;
    this.limit(FAREWELL_TIME);
    this.send("QUIT");
    try {
      await this.stream.flush();
    } catch {
      // It went first.
    }
  }

  close(): void {
    this.closing = true;
    this.stream.close();
  }
}

function parseReply(lastLine: string, text: string): ServerReply {
  const code = Number(lastLine.slice(0, 3));
  const digit = lastLine[0]!;
  if (!"245".includes(digit)) return { code, status: "5.5.0", text };
  let start = 4;
  while (lastLine[start] === " ") start += 1;
  const status = leadingStatus(lastLine.slice(start));
  // A code of another class than the reply's is none.
  return { code, status: status?.startsWith(digit) ? status : `${digit}.0.0`, text };
}
