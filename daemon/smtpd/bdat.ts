import type { Word } from "../../core/smtp/mod.ts";
import { reply } from "../../core/smtp/mod.ts";
import { checkData } from "./access/stages.ts";
import { beginContent, endContent, moreInput, passOn } from "./content.ts";
import { withFilter } from "./proxy_message.ts";
import { parseRefusal } from "./refusals.ts";
import { printable } from "./printable.ts";
import type { Session } from "./session.ts";
import type { Transaction } from "./transaction.ts";
import type { Blame } from "./notice_settings.ts";

interface Chunk {
  readonly size: number;
  readonly last: boolean;
}

/** BDAT count [LAST] (RFC 3030). */
export async function bdat(session: Session, words: readonly Word[], line: string): Promise<boolean> {
  if (session.discarded.has("chunking")) {
    return session.refuse(521, "5.5.1", "Error: command not implemented");
  }
  const chunk = parseChunk(words);
  if (chunk === undefined) {
    // The client's next bytes may be content: there is no way to go on.
    session.warn(
      `${session.id}: malformed BDAT command syntax from ${session.client.label}: ${
        printable(line).slice(0, 100)
      }`,
    );
    return session.refuse(521, "5.5.4", "Syntax: BDAT count [LAST]");
  }
  const { settings, transaction } = session;
  if (chunk.size === 0 && !chunk.last) {
    session.warn(`${session.id}: null BDAT request from ${session.client.label}`);
    return await refuseChunk(session, chunk, 551, "5.7.1", "Null BDAT request");
  }
  if (session.chunks === "failed") {
    return await refuseChunk(
      session,
      chunk,
      551,
      "5.0.0",
      `Discarded ${chunk.size} bytes after earlier error`,
    );
  }
  if (transaction === undefined) {
    return await refuseChunk(session, chunk, 503, "5.5.1", "Error: need RCPT command");
  }
  if (transaction.recipients === 0) {
    return await refuseChunk(session, chunk, 554, "5.5.1", "Error: no valid recipients");
  }
  if (session.chunks === "none") {
    const refusal = await checkData(session);
    if (refusal !== undefined) {
      return await refuseChunk(session, chunk, refusal.code, refusal.enhanced, refusal.text, "nobody");
    }
    const { proxy } = transaction;
    const refused = proxy === undefined
      ? undefined
      : await withFilter(session, () => proxy.command("DATA", 3));
    if (refused !== undefined) {
      const { code, enhanced, text } = parseRefusal(refused)!;
      return await refuseChunk(session, chunk, code, enhanced, text, "nobody");
    }
  }
  if (settings.messageSizeLimit > 0 && transaction.chunkBytes + chunk.size > settings.messageSizeLimit) {
    session.warn(`${session.id}: BDAT request from ${session.client.label} exceeds message size limit`);
    return await refuseChunk(session, chunk, 552, "5.3.4", "Chunk exceeds message size limit", "policy");
  }
  return await acceptChunk(session, transaction, chunk);
}

function parseChunk(words: readonly Word[]): Chunk | undefined {
  const [, size, last] = words;
  if (size === undefined || words.length > 3 || !/^\d+$/.test(size.text)) return undefined;
  if (last !== undefined && last.text.toUpperCase() !== "LAST") return undefined;
  const count = Number(size.text);
  return Number.isSafeInteger(count) ? { size: count, last: last !== undefined } : undefined;
}

/** Reads a chunk and throws it away, then refuses it. */
async function refuseChunk(
  session: Session,
  chunk: Chunk,
  code: number,
  enhanced: string,
  text: string,
  blame: Blame | "nobody" = "protocol",
): Promise<false> {
  const { stream } = session;
  session.receiving = "BDAT";
  let left = chunk.size;
  while (left > 0) {
    left -= stream.take(left).length;
    if (left > 0) await moreInput(session);
  }
  session.receiving = undefined;
  if (chunk.last) session.reset();
  else session.chunks = "failed";
  return session.refuse(code, enhanced, text, blame);
}

async function acceptChunk(session: Session, transaction: Transaction, chunk: Chunk): Promise<boolean> {
  const { stream, settings } = session;
  const reader = transaction.content ?? beginContent(session, transaction, false);
  session.chunks = "open";
  session.receiving = "BDAT";
  transaction.chunkBytes += chunk.size;
  stream.expectMuch(chunk.size > 512);
  if (settings.perRequestDeadline) stream.setDeadline(settings.timeout);
  let left = chunk.size;
  while (left > 0) {
    const piece = stream.take(left);
    left -= piece.length;
    const input = joined(transaction.unfinished, piece);
    transaction.unfinished = input.slice(reader.read(input, transaction.records));
    await passOn(session, transaction, reader);
    if (left > 0) await moreInput(session);
  }
  stream.expectMuch(false);
  stream.setTimeout(settings.timeout);
  session.receiving = undefined;
  if (!chunk.last) {
    session.reply(reply(250, "2.0.0", `Ok: ${chunk.size} bytes`));
    return true;
  }
  reader.finish(transaction.unfinished, transaction.records);
  return await endContent(
    session,
    transaction,
    reader,
    (id) => `${reader.size} bytes queued as ${id}`,
  );
}

function joined(first: Uint8Array, second: Uint8Array): Uint8Array {
  if (first.length === 0) return second;
  const all = new Uint8Array(first.length + second.length);
  all.set(first);
  all.set(second, first.length);
  return all;
}
