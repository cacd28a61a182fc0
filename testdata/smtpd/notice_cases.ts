/**
 * Sessions that went wrong, for what the SMTP server tells the postmaster about them (`notify_classes`). `record_notices.ts`
 * plays them to a real Postfix and stores in notices.json which classes ask for a transcript, and the transcripts.
 */

import type { FakeServerOptions } from "../../daemon/smtp/testing.ts";

/** The classes that a session can belong to. */
export const CLASSES = ["bounce", "policy", "protocol", "resource", "software", "data"] as const;

export interface NoticeGroup {
  /** How the filter in front of the queue behaves; "down": it is not there. */
  readonly filter?: FakeServerOptions | "down";
  readonly settings: Readonly<Record<string, string>>;
  /** What the client sends, piece by piece; it hangs up behind the last. */
  readonly dialogues: Readonly<Record<string, readonly string[]>>;
}

const CRLF = "\r\n";
const lines = (...commands: string[]) => commands.map((command) => command + CRLF);
const mail = (...recipients: string[]) => ["EHLO client.test", "MAIL FROM:<a@a.test>", ...recipients.map((to) => `RCPT TO:<${to}>`)];
const one = mail("alice@example.com");
const restricted = (rules: string) => ({ smtpd_recipient_restrictions: rules, smtpd_relay_restrictions: "" });

const message = [...lines(...one, "DATA"), "Subject: x\r\n\r\nhello\r\n.\r\n", ...lines("QUIT")];
const filtered = (filter: FakeServerOptions | "down", dialogue = message): NoticeGroup => ({
  filter,
  settings: { smtpd_proxy_filter: "127.0.0.1:@FILTER@", smtpd_proxy_timeout: "2s" },
  dialogues: { "a message": dialogue },
});

export const noticeGroups: Readonly<Record<string, NoticeGroup>> = {
  plain: {
    settings: {},
    dialogues: {
      "nothing wrong": lines(...one, "RSET", "QUIT"),
      "unknown command": lines("EHLO client.test", "XYZZY", "QUIT"),
      "unknown command, no QUIT": lines("EHLO client.test", "XYZZY"),
      "wrong order": lines("RCPT TO:<alice@example.com>", "DATA", "QUIT"),
      "need MAIL": lines("RCPT TO:<alice@example.com>", "QUIT"),
      "no valid recipients": lines("MAIL FROM:<a@a.test>", "DATA", "QUIT"),
      "bad addresses": lines("MAIL FROM:<a@a.test>", "RCPT TO:<@>", "QUIT"),
      "bad sender": lines("MAIL FROM:<@", "QUIT"),
      "unknown option": lines("MAIL FROM:<a@a.test> FOO=BAR", "QUIT"),
      "bad NOTIFY": lines("MAIL FROM:<a@a.test>", "RCPT TO:<alice@example.com> NOTIFY=x", "QUIT"),
      "bad ENVID": lines("MAIL FROM:<a@a.test> ENVID=+", "QUIT"),
      "too large": lines("EHLO client.test", "MAIL FROM:<a@a.test> SIZE=99999999", "QUIT"),
      "nested MAIL": lines("MAIL FROM:<a@a.test>", "MAIL FROM:<a@a.test>", "QUIT"),
      "HELO without a name": lines("HELO", "QUIT"),
      "RSET syntax": lines("RSET x", "QUIT"),
      "VRFY syntax": lines("VRFY", "QUIT"),
      "VRFY": lines("VRFY nobody@example.com", "QUIT"),
      "unknown recipient": lines(...mail("nobody@example.com"), "QUIT"),
      "relaying": lines(...mail("x@elsewhere.test"), "QUIT"),
      "relaying, then data": [...lines(...mail("x@elsewhere.test", "alice@example.com"), "DATA"), "Subject: x\r\n\r\nhello\r\n.\r\n", ...lines("QUIT")],
      "lost in data": [...lines(...one, "DATA"), "Subject: x\r\n\r\nhel"],
      "error, then lost in data": [...lines(...mail("x@elsewhere.test", "alice@example.com"), "DATA"), "Subject: x\r\n\r\nhel"],
      "web browser": lines("GET / HTTP/1.0", "Host: x"),
      "header": lines("Subject: hello", "QUIT"),
      "pipelining too early": ["EHLO client.test\r\nMAIL FROM:<a@a.test>\r\n"],
      "bad BDAT": lines(...one, "BDAT x", "QUIT"),
      "BDAT without MAIL": ["BDAT 3 LAST\r\nabc", ...lines("QUIT")],
      "ETRN": lines("EHLO client.test", "ETRN elsewhere.test", "QUIT"),
      "ETRN syntax": lines("EHLO client.test", "ETRN", "QUIT"),
      "STARTTLS": lines("EHLO client.test", "STARTTLS", "QUIT"),
      "AUTH": lines("EHLO client.test", "AUTH PLAIN", "QUIT"),
      "XCLIENT": lines("EHLO client.test", "XCLIENT NAME=x", "QUIT"),
      "XFORWARD": lines("EHLO client.test", "XFORWARD NAME=x", "QUIT"),
      "a long line": lines("EHLO client.test", `XYZZY ${"x".repeat(300)}`, `PLUGH${" word".repeat(60)}`, `NOOP ${"x".repeat(3000)}`, "QUIT"),
      "not UTF-8": lines("EHLO client.test", `XYZZY ${"\xc3\xa4 \xff ".repeat(30)}`, "QUIT"),
      "hello with another name": lines("EHLO a<b>c", "XYZZY", "QUIT"),
      "unlisted sender": lines("EHLO client.test", "MAIL FROM:<nobody@example.com>", "RCPT TO:<alice@example.com>", "QUIT"),
      "too many hops": [...lines(...one, "DATA"), `${"Received: by x\r\n".repeat(60)}\r\nhello\r\n.\r\n`, ...lines("QUIT")],
      "content refused": [...lines(...one, "DATA"), "X-Bad: yes\r\n\r\nhello\r\n.\r\n", ...lines("QUIT")],
      "error, then accepted": [...lines("XYZZY", ...one, "DATA"), "Subject: x\r\n\r\nhello\r\n.\r\n", ...lines("QUIT")],
      "SMTPUTF8 address": lines("EHLO client.test", "MAIL FROM:<\xc3\xa4@a.test>", "QUIT"),
      "DATA syntax": lines(...one, "DATA x", "QUIT"),
      "MAIL after BDAT": [...lines(...one), "BDAT 3\r\nabc", ...lines("MAIL FROM:<a@a.test>", "DATA", "RCPT TO:<alice@example.com>", "QUIT")],
      "lost in BDAT": [...lines(...one, "XYZZY"), "BDAT 300\r\nabc"],
      "HELP and EXPN": lines("EXPN x", "QUIT"),
      "quiet client": lines("EHLO client.test"),
      "control characters": lines("EHLO client.test", "XY\x01\x7f\tZZ\\Y", "QUIT"),
      "other letters": lines("EHLO client.test", "XYZZY b\xc3\xa4r", "XYZZY \xff", "QUIT"),
      "empty line": lines("EHLO client.test", "", "QUIT"),
      "another EHLO": lines("EHLO client.test", "XYZZY", "EHLO again.test", "QUIT"),
      "bare newline": [...lines(...one, "DATA"), "Subject: x\n\nhello\r\n.\r\n", ...lines("QUIT")],
    },
  },
  limits: {
    settings: {
      smtpd_recipient_limit: "1",
      smtpd_recipient_overshoot_limit: "1",
      smtpd_hard_error_limit: "3",
      smtpd_junk_command_limit: "2",
      message_size_limit: "1000",
    },
    dialogues: {
      "too many recipients": lines(...mail("alice@example.com", "bob@example.com", "alice@example.com", "bob@example.com"), "QUIT"),
      "too many errors": lines("XYZZY", "XYZZY", "XYZZY", "QUIT"),
      "too much junk": lines("NOOP", "NOOP", "NOOP", "NOOP", "NOOP", "NOOP", "QUIT"),
      "too large": [...lines(...one, "DATA"), `${"x".repeat(70)}\r\n`.repeat(20) + ".\r\n", ...lines("QUIT")],
      "too large by BDAT": [...lines(...one), `BDAT 2000 LAST\r\n${"x".repeat(2000)}`, ...lines("QUIT")],
    },
  },
  space: { settings: { message_size_limit: "2147483647" }, dialogues: { "no space": lines("EHLO client.test", "MAIL FROM:<a@a.test>", "QUIT") } },
  hello: {
    settings: { smtpd_helo_required: "yes", disable_vrfy_command: "yes", strict_rfc821_envelopes: "yes" },
    dialogues: {
      "MAIL without HELO": lines("MAIL FROM:<a@a.test>", "QUIT"),
      "VRFY": lines("VRFY alice", "QUIT"),
      "ETRN": lines("ETRN x.test", "QUIT"),
      "strict": lines("HELO x", "MAIL FROM:a@a.test", "QUIT"),
    },
  },
  refused: { settings: restricted("reject"), dialogues: { "reject": lines(...one, "QUIT"), "twice": lines(...one, "RCPT TO:<bob@example.com>", "QUIT"), "VRFY": lines("VRFY alice@example.com", "QUIT") } },
  deferred: { settings: restricted("defer_if_permit, reject_unauth_destination, permit"), dialogues: { "defer": lines(...one, "QUIT") } },
  warned: { settings: { smtpd_client_restrictions: "warn_if_reject, reject" }, dialogues: { "warn_if_reject": lines(...one, "QUIT") } },
  misspelt: { settings: restricted("reject_unauth_destination, no_such_restriction"), dialogues: { "unknown restriction": lines(...one, "QUIT") } },
  broken: { settings: restricted("reject_unauth_destination, check_client_access fail:broken"), dialogues: { "table that fails": lines(...one, "QUIT") } },
  brokenRecipients: { settings: { local_recipient_maps: "fail:broken" }, dialogues: { "recipient table that fails": lines(...one, "QUIT") } },
  policyDown: { settings: { ...restricted("reject_unauth_destination, check_policy_service inet:127.0.0.1:79"), smtpd_policy_service_retry_delay: "1s", smtpd_policy_service_try_limit: "1" }, dialogues: { "policy service": lines(...one, "QUIT") } },
  actions: {
    settings: restricted("reject_unauth_destination, check_recipient_access inline:{{alice@example.com=DEFER later} {bob@example.com=421 4.7.0 go away} {carol@example.com=550 5.7.1 no}}"),
    dialogues: {
      "DEFER": lines(...one, "QUIT"),
      "421": lines(...mail("bob@example.com"), "QUIT"),
      "550": lines(...mail("carol@example.com"), "QUIT"),
    },
  },
  atOnce: {
    settings: { smtpd_delay_reject: "no", smtpd_client_restrictions: "reject" },
    dialogues: { "refused at CONNECT": lines("EHLO client.test", "MAIL FROM:<a@a.test>", "QUIT") },
  },
  endOfData: {
    settings: { smtpd_end_of_data_restrictions: "reject" },
    dialogues: { "refused behind the content": [...lines(...one, "DATA"), "Subject: x\r\n\r\nhello\r\n.\r\n", ...lines("QUIT")] },
  },
  bareNewline: {
    settings: { smtpd_forbid_bare_newline: "reject" },
    dialogues: { "in content": [...lines(...one, "DATA"), "Subject: x\n\nhello\r\n.\r\n", ...lines("QUIT")], "in a command": ["EHLO client.test\n", ...lines("QUIT")] },
  },
  rates: { settings: { smtpd_client_message_rate_limit: "1", smtpd_client_event_limit_exceptions: "" }, dialogues: { "messages": lines(...one, "RSET", "MAIL FROM:<a@a.test>", "MAIL FROM:<a@a.test>", "MAIL FROM:<a@a.test>", "MAIL FROM:<a@a.test>", "MAIL FROM:<a@a.test>", "MAIL FROM:<a@a.test>", "QUIT") } },
  strangers: { settings: { smtpd_authorized_xclient_hosts: "127.0.0.1", smtpd_authorized_xforward_hosts: "127.0.0.1" }, dialogues: {
    "XCLIENT syntax": lines("EHLO client.test", "XCLIENT", "XCLIENT FOO=bar", "XCLIENT ADDR=x", "QUIT"),
    "XFORWARD syntax": lines("EHLO client.test", "XFORWARD", "QUIT"),
    "XCLIENT, then wrong": lines("EHLO client.test", "XCLIENT NAME=spike.test ADDR=192.0.2.1", "EHLO spike.test", "XYZZY", "QUIT"),
  } },
  senders: { settings: { smtpd_reject_unlisted_sender: "yes" }, dialogues: { "unlisted sender": lines("EHLO client.test", "MAIL FROM:<nobody@example.com>", "RCPT TO:<alice@example.com>", "QUIT") } },
  etrn: { settings: { smtpd_etrn_restrictions: "reject" }, dialogues: { "ETRN": lines("EHLO client.test", "ETRN relay.test", "QUIT"), "in a transaction": lines("EHLO client.test", "MAIL FROM:<a@a.test>", "ETRN relay.test", "QUIT"), "without HELO": lines("ETRN relay.test", "QUIT"), "bad domain": lines("EHLO client.test", "ETRN a..b", "QUIT") } },
  dataRefused: { settings: { smtpd_data_restrictions: "reject" }, dialogues: { "DATA": lines(...one, "DATA", "QUIT") } },
  routes: { settings: { ...restricted("reject_non_fqdn_sender, reject_unauth_destination"), smtpd_relay_restrictions: "reject_unauth_destination" }, dialogues: { "non-FQDN": lines("EHLO client.test", "MAIL FROM:<a@b>", "RCPT TO:<alice@example.com>", "QUIT") } },
  aliasesFail: { settings: { virtual_alias_maps: "fail:broken" }, dialogues: { "alias table that fails": lines(...one, "QUIT") } },
  networksFail: { settings: { mynetworks: "fail:broken", ...restricted("permit_mynetworks, reject_unauth_destination") }, dialogues: { "mynetworks that fail": lines(...one, "QUIT") } },
  encrypt: { settings: { smtpd_tls_security_level: "encrypt" }, dialogues: { "STARTTLS first": lines("EHLO client.test", "MAIL FROM:<a@a.test>", "QUIT"), "without keys": lines("EHLO client.test", "STARTTLS", "QUIT") } },
  sasl: {
    settings: { smtpd_sasl_auth_enable: "yes", smtpd_sasl_type: "dovecot", smtpd_sasl_path: "inet:127.0.0.1:@AUTH@" },
    dialogues: {
      "wrong password": lines("EHLO client.test", `AUTH PLAIN ${btoa("\0joe\0wrong")}`, "QUIT"),
      "response": lines("EHLO client.test", "AUTH PLAIN", btoa("\0joe\0wrong"), "QUIT"),
      "cancelled": lines("EHLO client.test", "AUTH LOGIN", "*", "QUIT"),
      "no such mechanism": lines("EHLO client.test", "AUTH NOSUCH", "QUIT"),
      "syntax": lines("EHLO client.test", "AUTH", "QUIT"),
      "rightly": lines("EHLO client.test", `AUTH PLAIN ${btoa("\0right\0secret")}`, "RSET x", "QUIT"),
      "twice": lines("EHLO client.test", `AUTH PLAIN ${btoa("\0right\0secret")}`, "AUTH LOGIN", "QUIT"),
      "not base64": lines("EHLO client.test", "AUTH PLAIN !!!", "QUIT"),
      "too long": lines("EHLO client.test", "AUTH LOGIN", "x".repeat(13000), "QUIT"),
      "in a transaction": lines("EHLO client.test", "MAIL FROM:<a@a.test>", "AUTH LOGIN", "QUIT"),
    },
  },
  filterTakes: filtered({}),
  filterDown: filtered("down", lines(...one, "QUIT")),
  filterRefusesMail: filtered({ on: { MAIL: "550 5.7.1 no" } }, lines(...one, "QUIT")),
  filterRefusesRecipient: filtered({ on: { RCPT: "550 5.7.1 no" } }, lines(...one, "QUIT")),
  filterRefusesData: filtered({ on: { DATA: "450 4.7.1 no" } }, lines(...one, "DATA", "QUIT")),
  filterRefusesContent: filtered({ on: { ".": "550 5.7.1 no" } }),
  filterDies: filtered({ on: { ".": { do: "close" } } }),
  history: {
    settings: { smtpd_history_flush_threshold: "4" },
    dialogues: {
      "RSET in between": lines("EHLO client.test", "XYZZY", "RSET", "MAIL FROM:<a@a.test>", "RSET", "PLUGH", "RSET", "QUIT"),
      "EHLO in between": lines("EHLO client.test", "XYZZY", "EHLO client.test", "PLUGH", "HELO client.test", "QUIT"),
      "messages in between": [...lines(...mail("x@elsewhere.test", "alice@example.com"), "DATA"), "Subject: x\r\n\r\nhello\r\n.\r\n", ...lines("PLUGH", "QUIT")],
      "short": lines("XYZZY", "RSET", "QUIT"),
    },
  },
  timeout: { settings: { smtpd_timeout: "1s" }, dialogues: { "silence": [...lines("EHLO client.test", "XYZZY", "MAIL FROM:<a@a.test>"), ""] } },
  recipients: { settings: { error_notice_recipient: "warden@example.com" }, dialogues: { "to another": lines("XYZZY", "QUIT") } },
};

/** What differs from run to run. */
export const steadyNotice = (line: string) =>
  line.replace(/^\tid \w+;/, "\tid QUEUEID;").replace(/^Message-Id: <.*@/, "Message-Id: <QUEUEID@")
    .replace(/\w{3}, [ \d]?\d \w{3} \d{4} [\d:]{8} [+-]\d{4} \(\w+\)/, "DATE").replace(/queued as \w+/, "queued as QUEUEID");
