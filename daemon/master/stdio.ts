/**
 * SMTP on standard input and output (`sendmail -bs`): the SMTP server as a user's program. The user is trusted as a local
 * client, and mail goes in as local submissions do.
 */
import process from "node:process";
import { ByteBuffer, decodeText } from "../../core/bytes/mod.ts";
import type { Config, MasterEntry } from "../../core/config/mod.ts";
import { createResolver } from "../../core/dns/mod.ts";
import { messageOf } from "../../core/errors/mod.ts";
import { Logger } from "../../core/log/mod.ts";
import { attributeRecordType, parseAttribute, readRecords, RecordType } from "../../core/queue/mod.ts";
import { createAnvil } from "../anvil/mod.ts";
import {
  type CleanupMessage,
  type CleanupResult,
  type CleanupService,
  CleanupStatus,
} from "../cleanup/types.ts";
import { openPost, type Post } from "../pickup/mod.ts";
import { createSmtpd } from "../smtpd/mod.ts";
import { takeSnapshot } from "./snapshot.ts";

const LOCAL = { transport: "tcp", hostname: "127.0.0.1", port: 0 } as const;

const ENTRY: MasterEntry = {
  name: "smtp",
  type: "inet",
  private: false,
  unprivileged: true,
  chroot: false,
  wakeup: 0,
  wakeupIfUsed: false,
  processLimit: 0,
  processLimitIsDefault: false,
  command: "smtpd",
  arguments: [],
  overrides: [],
  origin: { file: "sendmail -bs" },
};

/** What holds for a local user whatever main.cf says of clients from the network (smtpd(8), stand-alone mode). */
const TRUSTED: readonly (readonly [string, string])[] = [
  ["mynetworks", "127.0.0.1/32"],
  ["smtpd_client_restrictions", ""],
  ["smtpd_helo_restrictions", ""],
  ["smtpd_sender_restrictions", ""],
  ["smtpd_recipient_restrictions", ""],
  ["smtpd_relay_restrictions", "permit_mynetworks, reject_unauth_destination"],
  ["smtpd_data_restrictions", ""],
  ["smtpd_end_of_data_restrictions", ""],
  ["smtpd_reject_unlisted_recipient", "no"],
  // A script writes all its commands at once.
  ["smtpd_forbid_unauth_pipelining", "no"],
];

/** Record types that a submission may have outside its content; the daemon adds the others itself. */
const KEPT: ReadonlySet<number> = new Set([
  RecordType.FullName,
  RecordType.Sender,
  RecordType.Recipient,
  RecordType.Verp,
  RecordType.Message,
  RecordType.Extracted,
  RecordType.End,
  RecordType.Normal,
  RecordType.Continued,
]);

/** Copies what a submission may have of `records`. */
function submittable(records: Uint8Array): Uint8Array {
  const out = new ByteBuffer(records.length);
  let start = 0;
  for (const record of readRecords(records)) {
    const end = start + recordLength(records, start);
    const isAttribute = record.type === RecordType.Attribute;
    const keep = isAttribute ? keepsAttribute(record.data) : KEPT.has(record.type);
    if (keep) out.append(records.subarray(start, end));
    start = end;
  }
  return out.view();
}

/** Bytes of the record at `start`, type and length included. */
function recordLength(records: Uint8Array, start: number): number {
  let at = start + 1;
  let length = 0;
  for (let shift = 0;; shift += 7) {
    const byte = records[at++] ?? 0;
    length += (byte & 0x7f) * 2 ** shift;
    if (byte < 0x80) break;
  }
  return at - start + length;
}

/** DSN parameters and the encoding; the rest describes an SMTP client. */
function keepsAttribute(data: Uint8Array): boolean {
  const attribute = parseAttribute(decodeText(data));
  if (attribute === undefined) return false;
  return attribute.name === "encoding" ||
    (attributeRecordType(attribute.name) !== undefined && attribute.name !== "create_time");
}

/** Cleanup's door in front of local submission. A way in is always open, because `begin` can't wait for one. */
async function submissionCleanup(config: Config, log: Logger): Promise<CleanupService & { close(): void }> {
  const open = () => openPost({ config, uid: process.getuid?.() ?? 0, warn: (text) => log.warning(text) });
  let ready: Post | undefined = await open();
  return {
    begin(): CleanupMessage {
      const post = ready;
      if (post === undefined) throw new Error("only one message at a time");
      ready = undefined;
      return {
        queueId: post.queueId,
        write: (records) => post.write(submittable(records)),
        async finish(): Promise<CleanupResult> {
          const result = await post.finish().catch((error): CleanupResult => {
            log.warning(messageOf(error));
            return { status: CleanupStatus.Write, reason: "" };
          });
          ready = await open();
          return result;
        },
        abort() {
          post.abort();
          void open().then((next) => ready = next);
        },
      };
    },
    close: () => ready?.abort(),
  };
}

/** Serves one session. Resolves to the exit code of sendmail(1). */
export async function serveStdio(config: Config, log: Logger): Promise<number> {
  const trusted = config.with(TRUSTED);
  const snapshot = takeSnapshot(trusted, [], log.sink);
  const cleanup = await submissionCleanup(trusted, log);
  // Rates of a single local session are nobody's business.
  const anvil = createAnvil({ config: trusted, log: new Logger({ write() {}, flush() {} }, "anvil") });
  const smtpd = createSmtpd({
    config: trusted,
    entry: ENTRY,
    tables: snapshot.tables,
    addressing: snapshot.addressing,
    cleanup,
    anvil,
    log: snapshot.logAs("smtpd"),
    resolver: createResolver(),
    freeSpace: () => Number.MAX_SAFE_INTEGER,
  });
  await smtpd.serve({
    remoteAddr: LOCAL,
    localAddr: LOCAL,
    read: (into) => Deno.stdin.read(into),
    write: (bytes) => Deno.stdout.write(bytes),
    close() {},
  });
  cleanup.close();
  anvil.close();
  log.sink.flush();
  return 0;
}
