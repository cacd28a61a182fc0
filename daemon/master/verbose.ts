/**
 * What `-v` adds to the log: where addresses go, what becomes of them, and what delivery agents are asked and answer. The
 * wrappers are put around services only where somebody asked for it; without, the services stay as they are.
 */
import type { Resolved, Rewriting, Routing } from "../../core/address/mod.ts";
import type { MasterEntry } from "../../core/config/types.ts";
import type { Logger } from "../../core/log/mod.ts";
import type { MaybePromise } from "../../core/table/mod.ts";
import type { DeliveryAgent, DeliveryReply, DeliveryRequest } from "../delivery/mod.ts";

/** How often the entries of a program have `-v`; the most that one of them has. */
export function verbosityOf(entries: readonly MasterEntry[], program: string): number {
  const counts = entries.filter(({ command }) => command === program).map(({ arguments: words }) => {
    // The first word that is no option ends them.
    const end = words.findIndex((word) => !word.startsWith("-"));
    return optionCount(words.slice(0, end < 0 ? words.length : end), "v");
  });
  return Math.max(0, ...counts);
}

/** Does an entry have `-D`? */
export function wantsDebugger(entry: MasterEntry): boolean {
  return optionCount(entry.arguments, "D") > 0;
}

function optionCount(words: readonly string[], letter: "v" | "D"): number {
  return words
    .filter((word) => /^-[vD]+$/.test(word))
    .reduce((sum, word) => sum + word.split(letter).length - 1, 0);
}

/** Calls `tell` with a value that may take its time, and hands the value on. */
function told<T>(value: MaybePromise<T>, tell: (value: T) => void): MaybePromise<T> {
  if (value instanceof Promise) {
    return value.then((settled) => {
      tell(settled);
      return settled;
    });
  }
  tell(value);
  return value;
}

/** Logs each routing decision, as trivial-rewrite(8)'s clients do: `resolve_clnt: ...`. */
export function verboseRouting(routing: Routing, log: Logger): Routing {
  if (log.verbosity === 0) return routing;
  const tell = (sender: string, address: string) => (to: Resolved) =>
    log.info(
      `resolve_clnt: \`${sender}' -> \`${address}' -> transp=\`${to.transport}' host=\`${to.nexthop}' ` +
        `rcpt=\`${to.recipient}' class=${to.addressClass}` +
        (to.error === undefined ? "" : ` error=${to.error.code} ${to.error.text}`),
    );
  return {
    ...routing,
    resolve: (sender, address) => told(routing.resolve(sender, address), tell(sender, address)),
    verifyResolve: (sender, address) => told(routing.verifyResolve(sender, address), tell(sender, address)),
  };
}

/** Logs what cleanup(8) makes of addresses. */
export function verboseRewriting(rewriting: Rewriting, log: Logger): Rewriting {
  if (log.verbosity === 0) return rewriting;
  return {
    ...rewriting,
    rewriteEnvelopeSender: (sender, map) =>
      told(
        rewriting.rewriteEnvelopeSender(sender, map),
        (result) => log.info(`rewrite: sender <${sender}> -> <${result}>`),
      ),
    rewriteRecipient: (recipient, map) =>
      told(rewriting.rewriteRecipient(recipient, map), ({ address, expanded }) => {
        log.info(`rewrite: recipient <${recipient}> -> <${address}>`);
        if (expanded.length === 1 && expanded[0] === address) return;
        log.info(`virtual_alias_maps: <${address}> -> ${expanded.map((each) => `<${each}>`).join(", ")}`);
      }),
    rewriteHeaderAddresses: (value, scope, context, map) =>
      told(rewriting.rewriteHeaderAddresses(value, scope, context, map), (result) => {
        if (result !== undefined) log.info(`rewrite: ${scope} header "${value}" -> "${result}"`);
      }),
  };
}

/** Delivers, and logs the request and the answer. */
export async function deliverVerbosely(
  agent: DeliveryAgent,
  request: DeliveryRequest,
  log: Logger,
): Promise<DeliveryReply> {
  const recipients = request.recipients.map(({ address }) => `<${address}>`).join(", ");
  log.info(
    `${request.queueId}: deliver request: from=<${request.sender}> to=${recipients} ` +
      `nexthop=${request.nexthop} size=${request.messageSize} queue=${request.queueName}`,
  );
  const answer = await agent.deliver(request);
  const trouble = answer.transportTrouble ?? answer.destinationTrouble;
  log.info(
    `${request.queueId}: deliver request: ${answer.finished ? "done" : "to be tried again"}` +
      (trouble === undefined ? "" : `: ${trouble.status} ${trouble.reason}`),
  );
  return answer;
}
