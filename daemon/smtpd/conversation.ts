import { decodeText, encodeText } from "../../core/bytes/mod.ts";
import { commandWords, type Reply, reply, SmtpStreamError, type Word } from "../../core/smtp/mod.ts";
import { TableError, type TableList } from "../../core/table/mod.ts";
import { greet } from "./greeting.ts";
import { escaped, interrupted, shownCommand } from "./pipelining.ts";
import { type Session, UNKNOWN_COMMAND } from "./session.ts";
import { deniedReply } from "./settings.ts";
import { needsTlsFirst, startWrapped } from "./starttls.ts";
import { type Blame } from "./notice_settings.ts";
import { Transcript } from "./transcript.ts";
import { type Verb, verbs } from "./verbs.ts";
import { beVerbose } from "./verbose.ts";

/** Commands that a client may send before the event loop serves others: a burst must not starve the rest. */
const MOST_COMMANDS_PER_TURN = 100;
/** How much of unexpected input the log shows. */
const SHOWN_INPUT = 100;

/**
 * Greets a client and answers its commands until it leaves, breaks the rules or runs out of time. Rejects with
 * `SmtpStreamError` when the connection is lost or silent.
 */
export async function converse(session: Session): Promise<void> {
  const { stream, settings } = session;
  stream.setTimeout(settings.timeout);
  await beVerbose(session);
  if (settings.notices !== undefined) session.transcript = new Transcript(settings.notices);
  const { tls } = session.service;
  if (tls?.wrapper === true && !await startWrapped(session, tls)) return await session.flush();
  if (!await greet(session)) return await session.flush();
  await stream.flush();
  for (;;) {
    let commands = 0;
    while (!session.hangup && stream.hasLine() && commands++ < MOST_COMMANDS_PER_TURN) {
      if (tooManyErrors(session)) return await session.flush();
      const step = nextCommand(session, stream.takeLine(settings.lineLimit)!);
      if (step instanceof Promise) await step;
      if (session.late !== undefined) await session.settle();
    }
    if (!session.hangup) tooManyErrors(session);
    if (session.late !== undefined) await session.settle();
    if (stream.out.length > 0) await stream.flush();
    if (session.hangup) return;
    if (commands > MOST_COMMANDS_PER_TURN) await new Promise((done) => setTimeout(done, 0));
    else await awaitLine(session);
  }
}

async function awaitLine(session: Session): Promise<void> {
  const { stream, settings } = session;
  if (settings.perRequestDeadline) stream.setDeadline(settings.timeout);
  const line = await stream.readLine(settings.lineLimit);
  if (settings.perRequestDeadline) stream.setTimeout(settings.timeout);
  if (line === null) throw new SmtpStreamError("lost", "The client closed the connection");
  const step = nextCommand(session, line);
  if (step instanceof Promise) await step;
  if (session.late !== undefined) await session.settle();
}

/** Says good-bye to a client with too many errors; the loop ends then. */
function tooManyErrors(session: Session): boolean {
  const { settings } = session;
  if (session.errors < settings.hardErrors) return false;
  session.blame("protocol");
  if (session.transcript !== undefined) session.transcript.abortReason = "too many errors";
  session.reply(reply(421, "4.7.0", `${settings.hostname} Error: too many errors`));
  session.service.deps.log.info(
    `${session.id}: too many errors after ${session.where} from ${session.client.label}`,
    "too_many_errors",
    { client: session.client.label, clientAddress: session.client.address, stage: session.where },
  );
  return true;
}

/** Answers one command line. */
function nextCommand(session: Session, bytes: Uint8Array): void | Promise<void> {
  const { settings, stream } = session;
  const line = decodeText(bytes);
  session.heard(line);
  if (stream.truncated) {
    session.warn(
      `${session.client.label}: request longer than ${settings.lineLimit}: ${
        shownCommand(session, line, 30)
      }...`,
    );
  }
  if (stream.bareLf && session.strictLines && settings.bareNewline === "reject") {
    session.logDecision("reject", "bare <LF> received");
    session.blame("protocol");
    session.reply(
      reply(settings.bareNewlineCode, "5.5.2", `${settings.hostname} Error: bare <LF> received`),
    );
    session.hangup = true;
    return;
  }
  return settings.commandFilter.isEmpty ? interpret(session, line) : filterAndInterpret(session, line);
}

/** What patterns make of an empty line; tables with keys are not asked for an empty one. */
async function replacementOfNothing(tables: TableList): Promise<string | undefined> {
  for (const table of tables.tables) {
    const found = table.matchesPatterns ? await table.lookup("") : undefined;
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Replaces a command as `smtpd_command_filter` says. A table that can't answer ends the session. */
async function filterAndInterpret(session: Session, line: string): Promise<void> {
  const { commandFilter } = session.settings;
  let replacement: string | undefined;
  try {
    replacement = line === "" ? await replacementOfNothing(commandFilter) : await commandFilter.lookup(line);
  } catch (error) {
    if (!(error instanceof TableError)) throw error;
    return session.refuseTroubled();
  }
  if (replacement !== undefined) {
    session.service.deps.log.info(
      `${session.client.label}: replacing command "${shownCommand(session, line, SHOWN_INPUT)}" with "${
        shownCommand(session, replacement, SHOWN_INPUT)
      }"`,
    );
  }
  await interpret(session, replacement ?? line);
}

/** Finds out what a command line asks for and does it. */
function interpret(session: Session, line: string): void | Promise<void> {
  const { settings } = session;
  if (settings.smtputf8 && !line.isWellFormed()) {
    return afterError(session, reply(500, "5.5.2", "Error: bad UTF-8 syntax"));
  }
  const nul = line.indexOf("\0");
  const words = commandWords(nul < 0 ? line : line.slice(0, nul));
  const first = words[0];
  if (first === undefined) return afterError(session, reply(500, "5.5.2", "Error: bad syntax"));
  const name = first.text.toUpperCase();
  if (!settings.noopCommands.isEmpty) return ignoreOrRun(session, name, words, line);
  return run(session, name, words, line);
}

async function ignoreOrRun(session: Session, name: string, words: Word[], line: string): Promise<void> {
  if (!await session.settings.noopCommands.matches(name)) return await run(session, name, words, line);
  session.reply(reply(250, "2.0.0", "Ok"));
  const before = session.errors;
  countJunk(session);
  await slowDown(session, before);
}

function run(session: Session, name: string, words: Word[], line: string): void | Promise<void> {
  const verb = verbs.get(name);
  if (verb === undefined) return unknownCommand(session, name, words[0]!.text, line);
  session.where = name;
  session.counts.came(name.toLowerCase());
  if (name === "AUTH") session.authTried = true;
  if (violatesPipelining(session, name, verb)) return;
  if (session.denied && name !== "QUIT") {
    return afterError(session, deniedReply(session.client.label), "policy");
  }
  if (needsTlsFirst(session, name)) {
    return afterError(session, reply(530, "5.7.0", "Must issue a STARTTLS command first"), "nobody");
  }
  const before = session.errors;
  const accepted = verb.handler(session, words, line);
  return accepted instanceof Promise
    ? accepted.then((value) => afterCommand(session, name, verb, value, before))
    : afterCommand(session, name, verb, accepted, before);
}

function afterCommand(
  session: Session,
  name: string,
  verb: Verb,
  accepted: boolean | undefined,
  errorsBefore: number,
): void | Promise<void> {
  if (accepted === true) session.counts.accepted(name.toLowerCase());
  else if (accepted === false) session.errors += 1;
  if (verb.junk === true) countJunk(session);
  return slowDown(session, errorsBefore);
}

/** Commands that do nothing are errors when there are too many (`smtpd_junk_command_limit`). */
function countJunk(session: Session): void {
  if (session.junk++ <= session.settings.junkCommands) return;
  session.blame("protocol");
  session.errors += 1;
}

function afterError(
  session: Session,
  answer: Reply,
  blame: Blame | "nobody" = "protocol",
): void | Promise<void> {
  session.blame(blame);
  session.reply(answer);
  session.errors += 1;
  return slowDown(session, session.errors - 1);
}

/** Makes a client with many errors wait for its replies (`smtpd_soft_error_limit`, `smtpd_error_sleep_time`). */
function slowDown(session: Session, errorsBefore: number): void | Promise<void> {
  const { errorSleep, softErrors } = session.settings;
  if (errorSleep <= 0 || errorsBefore < softErrors || session.hangup) return;
  return sleepAndSend(session, errorSleep);
}

async function sleepAndSend(session: Session, seconds: number): Promise<void> {
  await new Promise((done) => setTimeout(done, seconds * 1000));
  await session.flush();
}

/** Web browsers, mail headers and the like: the client is thrown out. Else a plain error. */
async function unknownCommand(session: Session, name: string, word: string, line: string): Promise<void> {
  session.where = UNKNOWN_COMMAND;
  session.counts.came("unknown");
  if (/^[!-9;-~]+:/.test(line) || await isForbidden(session, word) || await isForbidden(session, name)) {
    session.errors += 1;
    session.warn(
      `non-SMTP command from ${session.client.label}: ${
        session.authTried ? "..." : escaped(encodeText(line.slice(0, SHOWN_INPUT)))
      }`,
    );
    session.reply(reply(221, "2.7.0", "Error: I can break rules, too. Goodbye."));
    session.hangup = true;
    return;
  }
  await afterError(session, reply(500, "5.5.2", "Error: command not recognized"));
}

/** Does `smtpd_forbidden_commands` have this word? A table that can't answer is in the log and forbids nothing. */
async function isForbidden(session: Session, word: string): Promise<boolean> {
  try {
    return await session.settings.forbiddenCommands.matches(word);
  } catch (error) {
    if (!(error instanceof TableError)) throw error;
    session.warn(`smtpd_forbidden_commands: ${error.message}`);
    return false;
  }
}

/**
 * Has the client sent more although it has to wait for the reply (RFC 2920 section 3.1), or although it did not ask for
 * pipelining with EHLO? It may be a web page or a smuggler. True if the session has to end for it.
 */
function violatesPipelining(session: Session, name: string, verb: Verb): boolean {
  if (session.stream.buffered === 0) return false;
  if (session.protocol === "ESMTP" && verb.last !== true) return false;
  return interrupted(session, name);
}
