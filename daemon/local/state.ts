import type { Addressing, MapList } from "../../core/address/mod.ts";
import type { Logger } from "../../core/log/mod.ts";
import type { Queue, Recipient } from "../../core/queue/types.ts";
import type { DeliveryAgent, DeliveryRecorder, DeliveryRequest, DsnDetail } from "../delivery/types.ts";
import type { BounceService } from "../delivery/types.ts";
import type { CleanupMessage } from "../cleanup/types.ts";
import type { AliasTables } from "./alias_tables.ts";
import type { SharedContent } from "../mailbox/mod.ts";
import type { Forwards } from "./forward.ts";
import type { Unsynced } from "./unsynced.ts";
import type { Users } from "./user.ts";
import type { ExpansionKind, LocalSettings } from "./settings.ts";

/** Whose rights a file or a command gets; undefined: nobody's in particular, `default_privs` then. */
export interface UserRights {
  readonly uid: number;
  readonly gid: number;
  readonly name: string;
  readonly home: string;
  readonly shell: string;
}

/** One address on its way through aliases and .forward files. Copied, never changed, from level to level. */
export interface State {
  /** Steps taken so far, to break loops. */
  readonly level: number;
  readonly recipient: Recipient;
  /** The envelope of what is forwarded: a list's owner takes the sender's place. */
  readonly sender: string;
  readonly envelopeId: string;
  readonly returnFlags: number;
  /** For the Delivered-To: header. */
  readonly delivered: string;
  /** The local part in lower case, and its parts. */
  readonly local: string;
  readonly user: string;
  readonly extension: string | undefined;
  /** What stood between user and extension. */
  readonly delimiter: string;
  readonly domain: string;
  /** An extension that no alias or file took up. */
  readonly unmatched: string | undefined;
  /** Set: other local users' mail is sent on as a new message. */
  readonly owner: string | undefined;
  readonly kind: ExpansionKind | undefined;
  /** The alias or the user that this address was expanded from. */
  readonly expandedFrom: string | undefined;
}

/** What all steps of one request share. */
export interface Context {
  readonly deps: LocalContextDeps;
  readonly settings: LocalSettings;
  readonly request: DeliveryRequest;
  /** The message's content. */
  readonly content: SharedContent;
  /** What was delivered to already, for one recipient of the request. */
  readonly seen: Set<string>;
  readonly forwards: Forwards;
  readonly unsynced: Unsynced;
  /** Addresses of the message's own Delivered-To: headers, in lower case. */
  readonly deliveredTo: ReadonlySet<string>;
  /** Was the recipient's end written into the queue file with its one delivery? */
  readonly progress: { isMarked: boolean };
  readonly steps: Steps;
}

/** The steps that call each other; each resolves to false if the message must be tried again. */
export interface Steps {
  recipient(context: Context, state: State, rights: UserRights | undefined): Promise<boolean>;
  /** The addresses of one text; `count` in the answer says how many there were. */
  addresses(context: Context, state: State, rights: UserRights | undefined, text: string): Promise<Expanded>;
  /** The same for a file's lines. */
  lines(context: Context, state: State, rights: UserRights | undefined, text: string): Promise<Expanded>;
  /** An address that needs rewriting and routing. */
  resolve(context: Context, state: State, rights: UserRights | undefined, address: string): Promise<boolean>;
  include(context: Context, state: State, rights: UserRights | undefined, path: string): Promise<boolean>;
}

export interface Expanded {
  readonly finished: boolean;
  readonly count: number;
}

export interface LocalContextDeps {
  readonly queue: Queue;
  readonly addressing: Addressing;
  readonly log: Logger;
  readonly service: string;
  readonly recorder: DeliveryRecorder;
  /** A recorder that writes into another bounce service. */
  readonly recorderWith: (bounce: BounceService) => DeliveryRecorder;
  readonly bounce: BounceService;
  readonly beginMessage: (flags: number) => CleanupMessage | Promise<CleanupMessage>;
  readonly agentFor: (transport: string) => DeliveryAgent;
  readonly sync: (fd: number) => Promise<void>;
  readonly aliases: AliasTables;
  readonly users: Users;
  readonly maps: {
    readonly mailboxTransport: MapList;
    readonly mailboxCommand: MapList;
    readonly fallbackTransport: MapList;
  };
}

/** True the first time that `key` comes up for the recipient, as far as is remembered. */
export function firstTime(context: Context, key: string): boolean {
  const { seen, settings } = context;
  const folded = context.deps.addressing.rules.foldCase(key);
  if (seen.has(folded)) return false;
  if (settings.duplicateLimit === 0 || seen.size < settings.duplicateLimit) seen.add(folded);
  return true;
}

/**
 * The recipient as who finishes with it gets it: an expansion's single outcomes do not finish the recipient, and leave
 * it unmarked.
 */
export function finishing(context: Context, state: State): Recipient {
  if (state.kind !== undefined) return { ...state.recipient, offset: -1 };
  context.progress.isMarked = true;
  return state.recipient;
}

/** Runs a delivery; one that is part of an expansion is waited for only until it calls `written`. */
export function delivering(
  context: Context,
  state: State,
  deliver: (written: () => void) => Promise<boolean>,
): Promise<boolean> {
  return state.kind === undefined ? deliver(() => {}) : context.unsynced.begin(deliver);
}

/** The end of a recipient's delivery: done. */
export function sent(context: Context, state: State, detail: DsnDetail): Promise<boolean> {
  const { recorder, service } = context.deps;
  return recorder.sent(context.request, finishing(context, state), service, detail);
}

/** The end of a recipient's delivery: failed for good. */
export function bounced(context: Context, state: State, detail: DsnDetail): Promise<boolean> {
  const { recorder, service } = context.deps;
  return recorder.bounced(context.request, finishing(context, state), service, detail);
}

/** The end of a recipient's delivery for now: it is tried again. */
export function deferred(context: Context, state: State, detail: DsnDetail): Promise<boolean> {
  const { recorder, service } = context.deps;
  return recorder.deferred(context.request, finishing(context, state), service, detail);
}

/** What users are told of mistakes in main.cf. */
export const MISCONFIGURED = "mail system configuration error";
