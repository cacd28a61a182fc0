/**
 * trivial-rewrite(8) for other programs: answers on `private/rewrite` what an address looks like in canonical form, and
 * where mail for it goes. The services of this program ask `core/address` themselves.
 */
import type { Addressing, Resolved } from "../../core/address/mod.ts";
import { writeAll } from "../../core/bytes/mod.ts";
import {
  announcement,
  AttributeReader,
  AttributeWriter,
  type ByteSink,
  type ByteSource,
} from "../../core/ipc/mod.ts";
import type { Logger } from "../../core/log/mod.ts";

/** What a rewrite service works with. */
export interface RewriteDeps {
  /** The addressing in force: a connection outlives a reload. */
  readonly addressing: () => Addressing;
  /** In the name of `postfix/trivial-rewrite`. */
  readonly log: Logger;
}

/** `flags` of an answer to `resolve`. */
const Flag = { Routed: 2, SyntaxError: 4, TableError: 8 } as const;
const CLASS_FLAG = {
  "local": 256,
  "virtual alias": 512,
  "virtual mailbox": 1024,
  "relay": 2048,
  "default": 4096,
} as const;

/** What stands for a transport and a next hop where there is none; clients take an empty one for a broken server. */
const NO_TRANSPORT = "CHANNEL NOT UPDATED";
const NO_NEXTHOP = "NEXTHOP NOT UPDATED";

function flagsOf({ addressClass, routed, error }: Resolved): number {
  return CLASS_FLAG[addressClass] | (routed === true ? Flag.Routed : 0) |
    (error === undefined ? 0 : error.kind === "syntax" ? Flag.SyntaxError : Flag.TableError);
}

function rewritten(addressing: Addressing, rule: string, address: string, log: Logger): string {
  if (rule === "local" || rule === "remote") return addressing.rewrite(rule, address);
  log.warning(`unknown address rewriting context: ${rule.slice(0, 100)}`);
  return address;
}

/**
 * Serves one connection, which may carry many requests, until the peer closes it. Throws `AttributeError` for what is no
 * request; the caller closes the connection.
 */
export async function serveRewrite(connection: ByteSource & ByteSink, deps: RewriteDeps): Promise<void> {
  const writer = new AttributeWriter();
  await writeAll(connection, announcement("rewrite"));
  const reader = new AttributeReader(connection);
  while (!(await reader.atEnd())) {
    const request = await reader.text("request");
    const addressing = deps.addressing();
    // The first flags say whether tables have changed since the last answer: ours are never stale.
    writer.integer("flags", 0);
    if (request === "rewrite") {
      const rule = await reader.text("rule");
      const address = await reader.text("address");
      await reader.end();
      writer.text("address", rewritten(addressing, rule, address, deps.log));
    } else if (request === "resolve" || request === "verify") {
      const sender = await reader.text("sender");
      const address = await reader.text("address");
      await reader.end();
      const answer = request === "resolve"
        ? await addressing.resolve(sender, address)
        : await addressing.verifyResolve(sender, address);
      writer.text("transport", answer.transport || NO_TRANSPORT)
        .text("nexthop", answer.transport === "" ? NO_NEXTHOP : answer.nexthop)
        .text("recipient", answer.recipient)
        .integer("flags", flagsOf(answer));
    } else {
      deps.log.warning(`unknown rewrite request: ${request.slice(0, 100)}`);
      return;
    }
    await writer.end().flush(connection);
  }
}
