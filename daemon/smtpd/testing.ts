/** An SMTP service on a real socket with everything behind it played by doubles, for tests and measurements. */
import { createAddressing } from "../../core/address/mod.ts";
import { configFromText, type MasterEntry } from "../../core/config/mod.ts";
import { Logger, memorySink } from "../../core/log/mod.ts";
import { TableSet } from "../../core/table/mod.ts";
import { createAnvil } from "../anvil/mod.ts";
import type { CleanupMessage, CleanupResult, CleanupService } from "../cleanup/types.ts";
import { createSmtpd } from "./mod.ts";
import type { SmtpdDeps } from "./types.ts";

/** A message that the double of cleanup got. */
export interface StoredMessage {
  readonly id: string;
  readonly flags: number;
  readonly records: Uint8Array;
}

/** A cleanup service that keeps messages in memory. */
export function memoryCleanup(
  answer: () => CleanupResult = () => ({ status: 0, reason: "" }),
): CleanupService & { readonly stored: StoredMessage[]; readonly aborted: number } {
  const stored: StoredMessage[] = [];
  let next = 0;
  let aborted = 0;
  return {
    stored,
    get aborted() {
      return aborted;
    },
    begin(flags): CleanupMessage {
      const id = (0xabcd0000000 + next++).toString(16).toUpperCase();
      const pieces: Uint8Array[] = [];
      let over = false;
      return {
        queueId: id,
        write(records) {
          pieces.push(records.slice());
        },
        finish() {
          over = true;
          const result = answer();
          if (result.status === 0) {
            stored.push({ id, flags, records: Uint8Array.from(pieces.flatMap((piece) => [...piece])) });
          }
          return Promise.resolve(result);
        },
        abort() {
          if (!over) aborted += 1;
          over = true;
        },
      };
    },
  };
}

function masterEntry(name = "smtp", processLimit = 0): MasterEntry {
  return {
    name,
    type: "inet",
    private: false,
    unprivileged: true,
    chroot: false,
    wakeup: 0,
    wakeupIfUsed: false,
    processLimit,
    processLimitIsDefault: true,
    command: "smtpd",
    arguments: [],
    overrides: [],
    origin: { file: "master.cf" },
  };
}

/** Names for loopback, as /etc/hosts has them. */
export const loopbackResolver: NonNullable<SmtpdDeps["resolver"]> = {
  hostName: () => Promise.resolve(["localhost"]),
  host: () => Promise.resolve([{ family: 4, address: "127.0.0.1" } as never]),
  query: () => Promise.reject(new Error("no name server in tests")),
  mx: () => Promise.reject(new Error("no name server in tests")),
  addresses: () => Promise.reject(new Error("no name server in tests")),
  txt: () => Promise.reject(new Error("no name server in tests")),
};

/** Starts a service with these settings on a free port of 127.0.0.1. */
export function startSmtpd(
  settings: Readonly<Record<string, string>>,
  extra: Partial<SmtpdDeps> & { readonly processLimit?: number } = {},
) {
  const text = Object.entries(settings).map(([name, value]) => `${name} = ${value}\n`).join("");
  const config = configFromText(text);
  const sink = memorySink();
  const log = new Logger(sink, "postfix/smtpd");
  const tables = new TableSet(config, { log });
  const addressing = createAddressing({ config, tables, log });
  const cleanup = memoryCleanup();
  const anvil = extra.anvil ?? createAnvil({ config, log: log.as("postfix/anvil") });
  const smtpd = createSmtpd({
    config,
    entry: masterEntry("smtp", extra.processLimit),
    tables,
    addressing,
    cleanup,
    anvil,
    log,
    resolver: loopbackResolver,
    freeSpace: () => 1e12,
    flushSite: (site) => site === "relay.test" ? "ok" : "denied",
    ...extra,
  });
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const running = new Set<Promise<void>>();
  const accepting = (async () => {
    for await (const conn of listener) {
      const session = smtpd.serve(conn);
      running.add(session);
      session.finally(() => running.delete(session));
    }
  })();
  return {
    smtpd,
    sink,
    cleanup,
    port: listener.addr.port,
    /** Waits until all sessions are over. */
    async idle() {
      await Promise.all(running);
    },
    async close(seconds = 0) {
      listener.close();
      await accepting;
      await smtpd.stop(seconds);
      await Promise.all(running);
      anvil.close();
      tables.close();
    },
  };
}
