import { expandMacros, MacroError } from "../../core/config/mod.ts";
import { shortDate } from "../../core/date/mod.ts";
import { type Reply, replyLine } from "../../core/smtp/mod.ts";
import { type MaybePromise, TableError, type TableList } from "../../core/table/mod.ts";
import type { RefusalChanges } from "./refusal_settings.ts";
import type { Session } from "./session.ts";

/**
 * What becomes of a refusal before it leaves: `smtpd_reject_filter_maps`, then a footer of `smtpd_reject_footer_maps` or
 * `smtpd_reject_footer`, then `soft_bounce`. A table that can't answer is in the log and changes nothing.
 */
export function changedRefusal(
  session: Session,
  changes: RefusalChanges,
  refusal: Reply,
): MaybePromise<Reply> {
  return then(filtered(session, changes, refusal), (reply) =>
    then(footerFor(changes, reply), (footer) => {
      const footed = footer === "" ? reply : withFooter(session, changes, reply, footer);
      return changes.softBounce ? softened(footed) : footed;
    }));
}

/** Goes on at once where nothing has to be waited for. */
function then<T, U>(value: MaybePromise<T>, next: (value: T) => MaybePromise<U>): MaybePromise<U> {
  return value instanceof Promise ? value.then(next) : next(value);
}

/** The tables' answer; undefined also if they have none to give. */
function lookup(tables: TableList, key: string): MaybePromise<string | undefined> {
  const failed = (error: unknown) => {
    if (error instanceof TableError) return undefined;
    throw error;
  };
  try {
    const found = tables.lookup(key);
    return found instanceof Promise ? found.catch(failed) : found;
  } catch (error) {
    return failed(error);
  }
}

/** The reply as tables see it: as on the wire, without the last line end. */
function wireText(reply: Reply): string {
  const lines = reply.text.split("\n");
  return lines.map((text, index) => {
    const line = replyLine({ ...reply, text });
    return index === lines.length - 1 ? line : `${line.slice(0, 3)}-${line.slice(4)}`;
  }).join("\r\n");
}

const REFUSAL = /^([45]\d\d)[ -](?:([45]\.\d{1,3}\.\d{1,3}) )?(.*)$/s;

/** A reply of code, enhanced code and text; undefined if it is none that refuses. */
export function parseRefusal(text: string): Reply | undefined {
  const lines = text.split(/\r?\n/);
  const first = REFUSAL.exec(lines[0]!);
  if (first === null) return undefined;
  const [, code = "", enhanced = "", rest = ""] = first;
  const more = lines.slice(1).map((line) => REFUSAL.exec(line)?.[3] ?? line);
  return { code: Number(code), enhanced, text: [rest, ...more].join("\n") };
}

function filtered(session: Session, changes: RefusalChanges, refusal: Reply): MaybePromise<Reply> {
  if (changes.filterMaps.isEmpty) return refusal;
  const text = wireText(refusal);
  return then(lookup(changes.filterMaps, text), (replacement) => {
    if (replacement === undefined) return refusal;
    const replaced = parseRefusal(replacement.trim());
    if (replaced === undefined) {
      session.warn(
        `smtpd_reject_filter_maps: "${text}" can't become "${replacement}": that does not refuse anything`,
      );
      return refusal;
    }
    const { log } = session.service.deps;
    log.info(`${session.id}: reject filter in: ${text}`, "reject_filter");
    log.info(`${session.id}: reject filter out: ${wireText(replaced)}`, "reject_filter");
    return replaced;
  });
}

function footerFor(changes: RefusalChanges, reply: Reply): MaybePromise<string> {
  if (changes.footerMaps.isEmpty) return changes.footer;
  return then(lookup(changes.footerMaps, wireText(reply)), (found) => found ?? changes.footer);
}

/** Adds a footer: on the same line if it begins with `\c`, else on lines of its own, which `\n` separates. */
function withFooter(session: Session, changes: RefusalChanges, reply: Reply, template: string): Reply {
  const { client, transaction, settings } = session;
  const values: Readonly<Record<string, string | undefined>> = {
    client: client.label,
    client_address: client.address,
    client_name: client.name,
    client_port: client.port,
    helo_name: session.helo ?? "",
    localtime: shortDate(new Date(), "0"),
    recipient: transaction?.firstRecipient ?? "",
    reverse_client_name: client.reverseName,
    sender: transaction?.sender ?? "",
    server_name: settings.hostname,
    server_address: client.serverAddress,
    server_port: client.serverPort,
  };
  // What the client said must not be taken for a reference.
  const value = (name: string) => values[name]?.replace(changes.censored, "_").replaceAll("$", "$$$$");
  let footer: string;
  try {
    footer = expandMacros(
      template,
      value,
      (name) => session.warn(`unknown macro name "${name}" in expansion request`),
    );
  } catch (error) {
    if (!(error instanceof MacroError)) throw error;
    session.warn(`reject footer "${template}": ${error.message}`);
    return reply;
  }
  const glued = footer.startsWith("\\c");
  const text = (glued ? footer.slice(2) : footer).replaceAll("\\n", "\n");
  return { ...reply, text: reply.text + (glued ? "" : "\n") + text };
}

/** `soft_bounce`: nothing is refused for good. */
function softened(reply: Reply): Reply {
  if (reply.code < 500) return reply;
  return { ...reply, code: reply.code - 100, enhanced: reply.enhanced.replace(/^5/, "4") };
}
