import type { Config } from "../../core/config/types.ts";
import { type Journal, openJournal } from "../../core/journal/mod.ts";
import type { Logger } from "../../core/log/mod.ts";
import { mailDate } from "../../core/message/mod.ts";
import type { TableSet } from "../../core/table/mod.ts";
import { AllowList, CLIENTS, RECIPIENTS } from "./allow_list.ts";
import { clientSubject, recipientSubject } from "./list_keys.ts";
import { GreylistMemory } from "./memory.ts";
import { networkOf } from "./network.ts";
import { senderKey } from "./sender_key.ts";
import type { Greylist, GreylistAnswer, GreylistQuestion } from "./types.ts";

/** What the greylist works with. */
export interface GreylistDeps {
  readonly config: Config;
  readonly tables: TableSet;
  /** In the name of `postfix/greylist`. */
  readonly log: Logger;
  /** Seconds since the epoch. */
  readonly now?: () => number;
}

/** The greylist with its file. */
export interface GreylistService extends Greylist {
  close(): void;
}

/** A client's successes count at most this often, in seconds. */
const SUCCESS_INTERVAL = 3600;
/** Seconds between two cleanings of the file. */
const CLEAN_INTERVAL = 86400;
/** Messages of which is remembered that they have their header. */
const RECENT_MESSAGES = 10;

const PASS: GreylistAnswer = { action: "DUNNO" };

/** Makes the greylist. Lists and file are opened with the first question, which fails if one of them can't be. */
export function createGreylist(deps: GreylistDeps): GreylistService {
  let made: GreylistService | undefined;
  return {
    ask: async (question) => await (made ??= makeGreylist(deps)).ask(question),
    close: () => made?.close(),
  };
}

function makeGreylist(deps: GreylistDeps): GreylistService {
  const { config, tables, log } = deps;
  const now = () => Math.floor((deps.now ?? (() => Date.now() / 1000))());
  const seconds = (name: string) => config.seconds(`postel_greylist_${name}`);
  const text = (name: string) => config.string(`postel_greylist_${name}`);
  const limits = {
    delay: seconds("delay"),
    maxAge: seconds("max_age"),
    retryWindow: seconds("retry_window"),
  };
  const autoAllow = config.int("postel_greylist_auto_allow");
  const bits4 = config.int("postel_greylist_ipv4_prefix_length");
  const bits6 = config.int("postel_greylist_ipv6_prefix_length");
  const allowed = (name: string, kind: typeof CLIENTS) =>
    new AllowList(text(name), kind, tables, log, `postel_greylist_${name}`);
  const clients = allowed("allow_clients", CLIENTS);
  const recipients = allowed("allow_recipients", RECIPIENTS);
  const recent: string[] = [];
  let journal: Journal | undefined;
  let memory: GreylistMemory | undefined;
  let timer: ReturnType<typeof setInterval> | undefined;

  function opened(): GreylistMemory {
    if (memory === undefined) {
      journal = openJournal(text("file"), { warn: (problem) => log.warning(problem) });
      memory = new GreylistMemory(journal);
      clean(memory);
      timer = setInterval(clean, CLEAN_INTERVAL * 1000, memory);
      Deno.unrefTimer(timer);
    }
    return memory;
  }

  function clean(current: GreylistMemory): void {
    const { retained, dropped } = current.clean(now(), limits);
    if (dropped > 0) {
      log.info(`greylist ${text("file")} cleanup: retained=${retained} dropped=${dropped} entries`);
    }
  }

  function say(question: GreylistQuestion, action: string, reason: string, more = ""): void {
    let line = `action=${action}, reason=${reason}${more}`;
    const attributes = {
      client_name: question.clientName,
      client_address: question.clientAddress,
      sender: question.sender,
      recipient: question.recipient,
    };
    for (const [name, value] of Object.entries(attributes)) if (value !== "") line += `, ${name}=${value}`;
    log.info(line, "greylist", { action, reason, ...attributes });
  }

  /** Counts a client that came back, and says so when that was often enough. */
  function succeeded(
    current: GreylistMemory,
    network: string,
    question: GreylistQuestion,
    time: number,
  ): void {
    const [count, last] = current.client(network) ?? [0, -Infinity];
    if (time < last + SUCCESS_INTERVAL) return;
    current.setClient(network, count + 1, time);
    if (count + 1 === autoAllow) log.info(`whitelisted: ${question.clientName}[${question.clientAddress}]`);
  }

  function isProven(current: GreylistMemory, network: string, time: number): boolean {
    const known = current.client(network);
    if (known === undefined || known[0] < autoAllow) return false;
    if (time >= known[1] + SUCCESS_INTERVAL || known[1] > time) {
      current.setClient(network, known[0] + 1, time);
    }
    return true;
  }

  function delayed(question: GreylistQuestion, wait: number, isNew: boolean): GreylistAnswer {
    say(question, "greylist", isNew ? "new" : `early-retry (${wait}s missing)`);
    const domain = question.recipient.slice(question.recipient.lastIndexOf("@") + 1);
    return {
      action: `DEFER_IF_PERMIT ${text("text").replace("%s", String(wait)).replace("%r", () => domain)}`,
    };
  }

  /** Is this the first recipient of its message that is let through? */
  function isNewMessage(instance: string): boolean {
    if (recent.includes(instance)) return false;
    recent.unshift(instance);
    recent.length = Math.min(recent.length, RECENT_MESSAGES);
    return true;
  }

  function decide(question: GreylistQuestion): GreylistAnswer {
    const current = opened();
    const time = now();
    const network = networkOf(question.clientAddress, bits4, bits6);
    if (autoAllow > 0 && isProven(current, network, time)) {
      say(question, "pass", "client AWL");
      return PASS;
    }
    const key = `${network}/${senderKey(question.sender)}/${question.recipient}`.toLowerCase();
    const known = current.triplet(key);
    let first = known?.[0] ?? time;
    const proven = known !== undefined && known[1] - known[0] >= limits.delay;
    // Who comes back too late begins anew; so does who was seen in the future.
    if ((!proven && time - first > limits.retryWindow) || first > time) first = time;
    current.setTriplet(key, first, time);
    const wait = limits.delay - (time - first);
    if (wait > 0) return delayed(question, wait, time === first);
    if (proven) {
      say(question, "pass", "triplet found");
      return PASS;
    }
    if (autoAllow > 0) succeeded(current, network, question, time);
    const header = text("header");
    if (!isNewMessage(question.instance)) {
      say(question, "pass", "triplet found");
      return PASS;
    }
    say(question, "pass", "triplet found", `, delay=${time - first}`);
    if (header === "") return PASS;
    const filled = header.replace("%t", String(time - first)).replace("%d", mailDate(time));
    return { action: `PREPEND ${filled}` };
  }

  return {
    async ask(question) {
      if (await clients.has(clientSubject(question))) {
        say(question, "pass", "client whitelist");
        return PASS;
      }
      if (await recipients.has(recipientSubject(question))) {
        say(question, "pass", "recipient whitelist");
        return PASS;
      }
      return decide(question);
    },
    close() {
      clearInterval(timer);
      journal?.close();
    },
  };
}
