import type { Addressing } from "../../core/address/mod.ts";
import type { Config, MasterEntry } from "../../core/config/mod.ts";
import type { Resolver } from "../../core/dns/mod.ts";
import type { Logger } from "../../core/log/mod.ts";
import type { ByteChannel, CoarseTimer } from "../../core/smtp/mod.ts";
import type { MaybePromise, TableSet } from "../../core/table/mod.ts";
import type { KeyStore } from "../../core/tls/mod.ts";
import type { Anvil } from "../anvil/mod.ts";
import type { CleanupService } from "../cleanup/types.ts";
import type { Greylist } from "../greylist/types.ts";
import type { AddressVerification } from "../verify/types.ts";

/** Everything an SMTP service stands on. One set per configuration snapshot and master.cf entry. */
export interface SmtpdDeps {
  /** With the entry's `-o` settings in it. */
  readonly config: Config;
  readonly entry: MasterEntry;
  readonly tables: TableSet;
  readonly addressing: Addressing;
  readonly cleanup: CleanupService;
  readonly anvil: Anvil;
  /** In the name of `postfix/smtpd` (or what syslog_name makes of it). */
  readonly log: Logger;
  /** Client names and DNS restrictions; without it only literal addresses are known. */
  readonly resolver?: SmtpdResolver;
  /** Free bytes in the queue's file system, for `queue_minfree`. */
  freeSpace(): MaybePromise<number>;
  /** ETRN: starts delivery for a site. */
  flushSite?(site: string): MaybePromise<FlushResult>;
  /** Address verification; without it the restrictions that need it refuse for now. */
  readonly verify?: AddressVerification;
  /** `postel_greylist`; without it that restriction refuses for now. */
  readonly greylist?: Greylist;
  /** Contents of key files, kept over reloads when the process can't read the files any more. */
  readonly keyStore?: KeyStore;
  /** Asks for a successor with root's rights, as when a replaced key can't be read. */
  requestReplacement?(reason: string): void;
  /** Shared with other services if given. */
  readonly timer?: CoarseTimer;
}

/** What smtpd asks of DNS and of the host table. */
export type SmtpdResolver = Pick<Resolver, "hostName" | "host" | "query" | "mx" | "addresses" | "txt">;

/** `bad`: not a domain name; `denied`: not in `fast_flush_domains`; `failed`: try later. */
export type FlushResult = "ok" | "bad" | "denied" | "failed";

/** A connection from the network, as `Deno.Conn` is one. */
export interface SmtpdConnection extends ByteChannel {
  readonly remoteAddr: Deno.Addr;
  readonly localAddr: Deno.Addr;
}

/** One SMTP service. */
export interface Smtpd {
  /** Talks to one client until the connection is closed. Never rejects. */
  serve(connection: SmtpdConnection): Promise<void>;
  /** Sessions under way, waiting ones included. */
  readonly sessions: number;
  /** Ends sessions: idle ones at once, others when their message is through, all after `seconds`. */
  stop(seconds: number): Promise<void>;
}
