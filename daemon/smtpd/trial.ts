/** Access checks of a session that nobody holds: for explanations and for the check of a configuration. */
import type { Config, MasterEntry } from "../../core/config/mod.ts";
import type { Addressing } from "../../core/address/mod.ts";
import type { Logger } from "../../core/log/mod.ts";
import { CoarseTimer, type Reply, SmtpStream } from "../../core/smtp/mod.ts";
import { TableSet } from "../../core/table/mod.ts";
import { AccessLists } from "./access/lists.ts";
import { checkClient, checkData, checkHelo, checkRecipient, checkSender } from "./access/stages.ts";
import type { Client } from "./client.ts";
import { createService } from "./service.ts";
import { type AccessTrace, Session } from "./session.ts";
import { type AccessActions, Transaction } from "./transaction.ts";
import type { SmtpdDeps, SmtpdResolver } from "./types.ts";

/** The session to imagine. Addresses are in internal form. */
export interface Trial {
  readonly config: Config;
  readonly entry: MasterEntry;
  readonly tables: TableSet;
  readonly addressing: Addressing;
  readonly log: Logger;
  /** Without it DNS restrictions decide nothing. */
  readonly resolver?: SmtpdResolver;
  readonly clientAddress: string;
  /** Verified name of the client; `unknown` if it has none. */
  readonly clientName: string;
  /** Undefined: the client does not introduce itself. */
  readonly helo: string | undefined;
  readonly sender: string;
  readonly recipient: string;
  readonly trace: AccessTrace;
}

/** Which command would be refused, and how. */
export interface Refusal {
  readonly command: "CONNECT" | "EHLO" | "MAIL" | "RCPT" | "DATA";
  readonly reply: Reply;
}

/** How the session ends. */
export interface TrialResult {
  /** Undefined: the recipient would be accepted. */
  readonly refusal: Refusal | undefined;
  /** What access tables want done with the message, `FILTER` and the like. */
  readonly actions: AccessActions;
}

function clientOf(trial: Trial): Client {
  const { clientAddress: address, clientName: name } = trial;
  const status = name === "unknown" ? "permanent" : "ok";
  const family = address.includes(":") ? 10 : 2;
  return {
    name,
    reverseName: name,
    nameStatus: status,
    reverseNameStatus: status,
    address,
    connectedFrom: address,
    rfcAddress: family === 10 ? `IPv6:${address}` : address,
    port: "0",
    family,
    label: `${name}[${address}]`,
    serverAddress: "127.0.0.1",
    serverPort: "25",
  };
}

/** Nobody is at the other end of the stream; a check that reads or writes is a mistake of this program. */
const NOBODY = {
  read: () => Promise.resolve(null),
  write: (bytes: Uint8Array) => Promise.resolve(bytes.length),
  close() {},
};

const NO_CLEANUP: SmtpdDeps["cleanup"] = {
  begin() {
    throw new Error("a trial session accepts no mail");
  },
};

const NO_ANVIL = new Proxy({} as SmtpdDeps["anvil"], {
  get() {
    throw new Error("a trial session is not counted");
  },
});

function depsOf(trial: Omit<Trial, "trace">): SmtpdDeps {
  const { config, entry, tables, addressing, log, resolver } = trial;
  return {
    config,
    entry,
    tables,
    addressing,
    log,
    cleanup: NO_CLEANUP,
    anvil: NO_ANVIL,
    freeSpace: () => Number.MAX_SAFE_INTEGER,
    ...(resolver === undefined ? {} : { resolver }),
  };
}

/**
 * Runs the lists of access restrictions as a session with one recipient would, in the same order. Nothing is sent and
 * nothing is accepted; policy services, delays and the like are the trace's to answer for.
 * Throws `ConfigError` or `TableError` when the configuration can't be used.
 */
export async function tryRecipient(trial: Trial): Promise<TrialResult> {
  const timer = new CoarseTimer();
  const service = createService(depsOf(trial), timer);
  const session = new Session(service, new SmtpStream(NOBODY, timer), clientOf(trial));
  session.trace = trial.trace;
  const transaction = new Transaction();
  transaction.sender = trial.sender;
  try {
    return { refusal: await firstRefusal(session, transaction, trial), actions: transaction.actions };
  } finally {
    service.access.close();
    session.stream.close();
  }
}

async function firstRefusal(
  session: Session,
  transaction: Transaction,
  trial: Trial,
): Promise<Refusal | undefined> {
  const immediate = !session.service.settings.delayReject;
  const at = (command: Refusal["command"], reply: Reply | undefined): Refusal | undefined =>
    reply === undefined ? undefined : { command, reply };
  let refusal = immediate ? at("CONNECT", await checkClient(session)) : undefined;
  session.helo = trial.helo;
  session.protocol = trial.helo === undefined ? "SMTP" : "ESMTP";
  session.where = "EHLO";
  if (immediate) refusal ??= at("EHLO", await checkHelo(session));
  session.where = "MAIL";
  if (immediate) refusal ??= at("MAIL", await checkSender(session, trial.sender));
  session.transaction = transaction;
  session.where = "RCPT";
  refusal ??= at("RCPT", await checkRecipient(session, trial.recipient));
  if (refusal !== undefined) return refusal;
  transaction.recipients = 1;
  transaction.firstRecipient = trial.recipient;
  session.where = "DATA";
  return at("DATA", await checkData(session));
}

/**
 * What is wrong with the restriction lists themselves: unknown names, missing tables behind them.
 * Throws `ConfigError` for what would keep the service from starting.
 */
export function checkAccessLists(
  config: Config,
  log: Logger,
): readonly { readonly parameter: string; readonly problem: string }[] {
  return new AccessLists(config, new TableSet(config, { log }), new Set(), log, new CoarseTimer()).problems();
}
