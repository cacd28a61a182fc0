/** What the bounce service is asked to do, once of a real Postfix (record.ts) and in every test run of Postel. */
import type { LogName, Recipient } from "../../core/queue/types.ts";
import type { BounceService, BounceTarget, DsnAction, DsnDetail } from "../../daemon/delivery/types.ts";

/** Changes to main.cf by the name that cases use. */
export const SETTINGS: Readonly<Record<string, readonly (readonly [string, string])[]>> = {
  loud: [["notify_classes", "bounce, delay, 2bounce"]],
  quiet: [["notify_classes", "resource"]],
  ascii: [["notify_classes", "2bounce"], ["smtputf8_enable", "no"]],
  custom: [["notify_classes", "bounce"], ["bounce_template_file", "$config_directory/custom.cf"]],
  customAscii: [
    ["notify_classes", "bounce"],
    ["bounce_template_file", "$config_directory/custom.cf"],
    ["smtputf8_enable", "no"],
  ],
};

/** The messages that the notices are about, as they are submitted. */
export const MESSAGES: Readonly<Record<string, { args: readonly string[]; text: string }>> = {
  plain: {
    args: ["-f", "s@from.test"],
    text: "From: Sender <s@from.test>\nTo: r@to.test\nSubject: recorded\nX-Folded: one\n\ttwo\n\nline one\n.\nFrom here\n",
  },
  large: {
    args: ["-f", "s@from.test"],
    text: `From: s@from.test\nSubject: large\n\n${"a line of a message that is larger than the limit\n".repeat(80)}`,
  },
  longLine: {
    args: ["-f", "s@from.test"],
    text: `From: s@from.test\nSubject: long\n\n${"x".repeat(2500)}\nend\n`,
  },
  bodyless: { args: ["-f", '"s t"@from.test'], text: "From: s@from.test\nSubject: no body\n" },
  fromNobody: { args: ["-f", "<>"], text: "From: MAILER-DAEMON\nSubject: null sender\n\nbody\n" },
  international: {
    args: ["-f", "s@from.test"],
    text: "From: s@from.test\nSubject: grün\n\ngrün\n",
  },
};

export interface Case {
  readonly name: string;
  readonly settings: string;
  readonly message: string;
  run(service: BounceService, target: BounceTarget): Promise<void>;
}

const recipient = (address: string, notify = 0, original = "", dsnOriginal = ""): Recipient => ({
  address,
  original,
  dsnOriginal,
  notify,
  offset: -1,
});
const detail = (status: string, reason: string, more: Partial<DsnDetail> = {}): DsnDetail => ({ status, reason, ...more });
const remote = { type: "dns", name: "mx.to.test" };

type Entry = readonly [Recipient, DsnAction, DsnDetail];

const OVER_QUOTA = `552 5.2.2 Over quota ${"a".repeat(100)} b`;
const FAILURES: readonly Entry[] = [
  [recipient("r@to.test", 0, "r@to.test", "rfc822;r@to.test"), "failed", detail("5.1.1", 'unknown user: "r"')],
  [recipient("new@to.test", 4, "old@to.test"), "failed", detail("5.0.0", "old and new")],
  [recipient("a b@to.test", 0, "", "rfc822;a b@to.test"), "failed", detail("5.0.0", "quoted ")],
  [
    recipient("full@to.test"),
    "failed",
    detail("5.2.2", `host mx.to.test[192.0.2.1] said: ${OVER_QUOTA} (in reply to RCPT TO command)`, {
      diagnostic: { type: "smtp", text: OVER_QUOTA },
      remote,
    }),
  ],
  [
    recipient("wide@to.test"),
    "failed",
    detail("5.2.1", `  a  reason   that ${"is broken over more than one line ".repeat(4)}  `),
  ],
  [recipient("never@to.test", 1), "failed", detail("5.0.0", "must not be told")],
  [recipient("delay@to.test", 8), "failed", detail("5.0.0", "only delays are told")],
];
const DELAYS: readonly Entry[] = [
  [recipient("r@to.test", 0, "", "rfc822;r@to.test"), "delayed", detail("4.4.1", "connect to mx: Connection refused")],
  [recipient("asked@to.test", 12), "delayed", detail("4.0.0", "busy")],
  [recipient("failure@to.test", 4), "delayed", detail("4.0.0", "only failures are told")],
];
const TRACES: readonly Entry[] = [
  [
    recipient("r@to.test", 2),
    "relayed",
    detail("2.0.0", "delivery via mx.to.test[192.0.2.1]:25: 250 2.0.0 Ok", {
      diagnostic: { type: "smtp", text: "250 2.0.0 Ok" },
      remote,
    }),
  ],
  [recipient("list@to.test", 2), "expanded", detail("2.0.0", "alias expanded")],
  [recipient("x@to.test"), "undeliverable", detail("5.1.1", "nobody")],
];

async function logAll(service: BounceService, log: LogName, id: string, entries: readonly Entry[]): Promise<void> {
  for (const [to, action, what] of entries) await service.append(log, id, 0, to, action, what);
}

function bounce(entries: readonly Entry[], change: Partial<BounceTarget> = {}): Case["run"] {
  return async (service, target) => {
    await logAll(service, "bounce", change.queueId ?? target.queueId, entries);
    await service.flush("bounce", { ...target, ...change });
  };
}
function warn(entries: readonly Entry[], change: Partial<BounceTarget> = {}): Case["run"] {
  return async (service, target) => {
    await logAll(service, "defer", target.queueId, entries);
    await service.warn({ ...target, ...change });
    await service.flush("defer", { ...target, ...change, sender: "double-bounce@mail.example.com" });
  };
}
function trace(entries: readonly Entry[], change: Partial<BounceTarget> = {}): Case["run"] {
  return async (service, target) => {
    await logAll(service, "trace", target.queueId, entries);
    await service.flush("trace", { ...target, ...change });
  };
}

const [first] = FAILURES as [Entry];
const utf8Entry: Entry = [
  recipient("rü@to.test", 0, "ü@old.test", ""),
  "failed",
  detail("5.1.1", "grün"),
];

export const CASES: readonly Case[] = [
  { name: "failed", settings: "loud", message: "plain", run: bounce(FAILURES) },
  { name: "failed, quiet", settings: "quiet", message: "plain", run: bounce(FAILURES) },
  { name: "failed, header wanted", settings: "quiet", message: "plain", run: bounce([first], { returnFlags: 2, envelopeId: "an id" }) },
  { name: "failed, all wanted", settings: "quiet", message: "plain", run: bounce([first], { returnFlags: 1 }) },
  { name: "failed, large", settings: "quiet", message: "large", run: bounce([first]) },
  { name: "failed, long line", settings: "quiet", message: "longLine", run: bounce([first], { encoding: "7bit" }) },
  { name: "failed, no body", settings: "quiet", message: "bodyless", run: bounce([first], { sender: "s t@from.test" }) },
  { name: "failed, international", settings: "loud", message: "international", run: bounce([first, utf8Entry], { sendopts: 3, encoding: "8bit" }) },
  { name: "failed, UTF-8 recipient of a plain message", settings: "quiet", message: "plain", run: bounce([utf8Entry]) },
  { name: "failed, no log", settings: "loud", message: "plain", run: bounce([]) },
  { name: "failed, message gone", settings: "quiet", message: "plain", run: bounce([first], { queueId: "ABCDEF123456" , queueName: "deferred" }) },
  { name: "failed, nobody wants to know", settings: "quiet", message: "plain", run: bounce(FAILURES.slice(5)) },
  { name: "failed, nobody but the postmaster wants to know", settings: "loud", message: "plain", run: bounce(FAILURES.slice(5)) },
  { name: "failed, null sender", settings: "loud", message: "plain", run: bounce(FAILURES, { sender: "" }) },
  { name: "failed, really from the null sender", settings: "loud", message: "fromNobody", run: bounce([first], { sender: "" }) },
  { name: "failed, null sender, quiet", settings: "quiet", message: "plain", run: bounce(FAILURES, { sender: "" }) },
  { name: "failed, null sender, single bounces only", settings: "custom", message: "plain", run: bounce([first], { sender: "" }) },
  { name: "failed, double bounce", settings: "loud", message: "plain", run: bounce(FAILURES, { sender: "double-bounce@mail.example.com" }) },
  { name: "failed, VERP", settings: "loud", message: "plain", run: bounce(FAILURES.slice(0, 3), { verpDelimiters: "+=" }) },
  { name: "failed, VERP, null sender", settings: "loud", message: "plain", run: bounce([first], { verpDelimiters: "+=", sender: "" }) },
  { name: "failed, 7bit", settings: "ascii", message: "plain", run: bounce([first], { encoding: "7bit" }) },
  { name: "failed, 8bit", settings: "ascii", message: "plain", run: bounce([first], { encoding: "8bit" }) },
  { name: "failed, encoding unknown", settings: "ascii", message: "plain", run: bounce([first]) },
  { name: "failed, null sender, 2bounce only", settings: "ascii", message: "plain", run: bounce([first], { sender: "" }) },
  { name: "failed, own words", settings: "custom", message: "plain", run: bounce([first]) },
  { name: "failed, own words, 7bit", settings: "customAscii", message: "plain", run: bounce([first], { encoding: "7bit" }) },
  { name: "failed, own words, encoding unknown", settings: "customAscii", message: "plain", run: bounce([first]) },
  { name: "expired", settings: "quiet", message: "plain", run: async (service, target) => {
    await logAll(service, "defer", target.queueId, DELAYS);
    await service.flush("defer", target);
  } },
  { name: "delayed", settings: "loud", message: "plain", run: warn(DELAYS) },
  { name: "delayed, quiet", settings: "quiet", message: "plain", run: warn(DELAYS) },
  { name: "delayed, null sender", settings: "loud", message: "plain", run: warn(DELAYS, { sender: "" }) },
  { name: "delayed, null sender, quiet", settings: "ascii", message: "plain", run: warn(DELAYS, { sender: "" }) },
  { name: "delayed, double bounce", settings: "loud", message: "plain", run: warn(DELAYS, { sender: "double-bounce@mail.example.com" }) },
  { name: "delayed, no log", settings: "loud", message: "plain", run: (service, target) => service.warn(target) },
  { name: "delayed, own words", settings: "custom", message: "plain", run: warn(DELAYS.slice(0, 1)) },
  { name: "success", settings: "loud", message: "plain", run: trace(TRACES) },
  { name: "verbose", settings: "quiet", message: "plain", run: trace(TRACES, { flags: 1024 }) },
  { name: "address report", settings: "quiet", message: "plain", run: trace(TRACES, { flags: 512 }) },
  { name: "success, null sender", settings: "quiet", message: "plain", run: trace(TRACES, { sender: "" }) },
  { name: "verbose, null sender", settings: "quiet", message: "plain", run: trace(TRACES, { sender: "", flags: 1024 }) },
  { name: "success, null sender, loud", settings: "loud", message: "plain", run: trace(TRACES, { sender: "" }) },
  { name: "success, null sender, single bounces only", settings: "custom", message: "plain", run: trace(TRACES, { sender: "" }) },
  { name: "success, null sender, 2bounce only", settings: "ascii", message: "plain", run: trace(TRACES, { sender: "" }) },
  { name: "success, double bounce", settings: "loud", message: "plain", run: trace(TRACES, { sender: "double-bounce@mail.example.com" }) },
  { name: "success, no log", settings: "loud", message: "plain", run: trace([]) },
  { name: "one", settings: "loud", message: "plain", run: (service, target) => service.one(target, recipient("new@to.test", 0, "old@to.test", "rfc822;old@to.test"), detail("5.4.1", "one\tonly")) },
  { name: "one, null sender", settings: "loud", message: "plain", run: (service, target) => service.one({ ...target, sender: "" }, recipient("new@to.test"), detail("5.4.1", "one only")) },
  { name: "one, never", settings: "quiet", message: "plain", run: (service, target) => service.one(target, recipient("new@to.test", 1), detail("5.4.1", "one only")) },
];
