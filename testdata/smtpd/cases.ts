/**
 * SMTP dialogues: what a client sends, in pieces. `record.ts` plays them to a real Postfix and stores what it answered in
 * dialogues.json; the tests play them to our server. Strings are octets (one character, one octet).
 */

/** Settings in main.cf that all services of the recording share. */
export const base: Readonly<Record<string, string>> = {
  compatibility_level: "3.6",
  inet_interfaces: "127.0.0.1",
  inet_protocols: "ipv4",
  myhostname: "mx.example.com",
  mydomain: "example.com",
  mydestination: "example.com, localhost",
  mynetworks: "192.0.2.0/24",
  local_recipient_maps: "inline:{alice=x bob=x}",
  virtual_alias_domains: "valias.test",
  virtual_alias_maps: "inline:{known@valias.test=bob@example.com}",
  virtual_mailbox_domains: "vmail.test",
  virtual_mailbox_maps: "inline:{joe@vmail.test=joe/}",
  relay_domains: "relay.test",
  relay_recipient_maps: "inline:{ok@relay.test=x}",
  alias_maps: "",
  alias_database: "",
  smtpd_forbid_unauth_pipelining: "yes",
  smtpd_forbid_bare_newline: "normalize",
  smtpd_error_sleep_time: "0",
  smtpd_client_connection_count_limit: "0",
  smtpd_restriction_classes: "myclass",
  myclass: "check_sender_access inline:{classy@a.test=REJECT}, permit",
};

/** One group of dialogues: the settings of its service and the dialogues by name. */
export interface Group {
  readonly settings: Readonly<Record<string, string>>;
  readonly dialogues: Readonly<Record<string, readonly string[]>>;
}

const CRLF = "\r\n";
const lines = (...commands: string[]) => commands.map((command) => command + CRLF);
const batch = (...commands: string[]) => commands.join(CRLF) + CRLF;

/** A message's envelope, one command a step. */
const envelope = (...recipients: string[]) =>
  lines("EHLO client.test", "MAIL FROM:<a@a.test>", ...recipients.map((to) => `RCPT TO:<${to}>`), "DATA");

const message = "Subject: test\r\nMessage-ID: <1@a.test>\r\n\r\nHello\r\n";

const anyone = { mynetworks: "127.0.0.0/8" };

export const groups: Readonly<Record<string, Group>> = {
  plain: {
    settings: {},
    dialogues: {
      "commands before hello": lines(
        "NOOP", "RSET", "VRFY alice", "DATA", "RCPT TO:<alice@example.com>", "HELP", "EXPN x", "ETRN x", "STARTTLS", "AUTH PLAIN",
        "XCLIENT ADDR=1.2.3.4", "XFORWARD ADDR=1.2.3.4", "XYZZY", "", "  ", "MAIL FROM:<a@a.test>", "RCPT TO:<alice@example.com>", "QUIT",
      ),
      "EHLO keywords": lines("EHLO client.test", "QUIT"),
      "HELO": lines("HELO client.test", "HELO other.test", "EHLO third.test", "QUIT"),
      "hello syntax": lines(
        "HELO", "EHLO", "HELO a b c", "EHLO a b c", "HELO ", "EHLO  x", "EHLO [127.0.0.1]", "HELO [::1]", "ehlo <a@b>", "HELO \"x y\"", "EHLO (c)", "HELO a;b", "EHLO =?x", "QUIT",
      ),
      "wrong order": lines(
        "EHLO client.test", "DATA", "RCPT TO:<alice@example.com>", "MAIL FROM:<a@a.test>", "DATA",
        "MAIL FROM:<b@a.test>", "EHLO again.test", "DATA", "MAIL FROM:<c@a.test>", "RSET", "RCPT TO:<alice@example.com>", "MAIL FROM:<c@a.test>", "HELO x", "RCPT TO:<alice@example.com>", "QUIT",
      ),
      "mail syntax": lines("EHLO client.test", "MAIL", "MAIL FROM", "MAIL FROM:", "MAIL FROM: ", "MAIL <a@a.test>", "MAIL TO:<a@a.test>", "MAIL FROM:<a@a.test", "QUIT"),
      ...Object.fromEntries(
        ["a@a.test>", "<a@a.test>x", "<a@a.test><b@b.test>", "<a a@a.test>", "<@a.test>", "<a@>", "<a@a@a.test>", "<a..b@a.test>", "<.a@a.test>", "<a.@a.test>", "<a@a..test>", "<a@.test>", "<a@[1.2.3]>", "<a@[]>", "<a@[1.2.3.4", "<a@[1.2.3.4]x>", "<a@-x.test>", "<a@x_y.test>", "<<a@a.test>>", "<\"a@a.test>", "()", "(c)<a@a.test>", "<a@a.test,b@a.test>", "<a,b>", "<a;b@a.test>", "<a:b@a.test>", "<@x.test:@a.test>", "<@x.test>", "<a@b@>", "<\"a\"b@a.test>", "<a\"b\"@a.test>", "<\"a\\\"b\"@a.test>", "<a\\>", "<>x", "< a@a.test >", "<(c)a@a.test>", "<a (c)@a.test>", "a b", "[a]", "<[a]>", "<a@*.test>", "<a@1.2.3>", "<1@2>", "<a@1>"]
          .map((path) => [`path ${path}`, lines("EHLO client.test", `MAIL FROM:${path}`, "RSET", `MAIL FROM:<a@a.test>`, `RCPT TO:${path}`, "QUIT")]),
      ),
      "mail accepted forms 1": lines("EHLO client.test", "MAIL FROM:<>", "RSET", "MAIL FROM: <a@a.test>", "RSET", "mail from:<a@a.test>", "RSET", "MAIL FROM:a@a.test", "RSET", "MAIL FROM:<a>", "RSET", "MAIL FROM:<\"a b\"@a.test>", "RSET", "MAIL FROM:<a@[127.0.0.1]>", "RSET", "MAIL FROM:<a@[IPv6:::1]>", "RSET", "MAIL FROM:<a@[ipv6:::1]>", "RSET", "MAIL FROM:<a@1.2.3.4>", "RSET", "QUIT"),
      "mail accepted forms 2": lines("EHLO client.test", "MAIL FROM:<@x.test,@y.test:a@a.test>", "RSET", "MAIL FROM :<a@a.test>", "RSET", "MAIL  FROM:<a@a.test>", "RSET", "MAIL FROM:Joe <a@a.test>", "RSET", "MAIL FROM:\"Joe\" <a@a.test>", "RSET", "MAIL FROM:<a@a.test> (comment)", "RSET", "MAIL FROM:<a@a.test> ", "RSET", "MAIL FROM:<a@a.test.>", "RSET", "MAIL FROM:<a@a.test..>", "RSET", "MAIL FROM:<a\\@b@a.test>", "RSET", "MAIL FROM:<postmaster>", "RSET", "MAIL FROM:<a%b@a.test>", "RSET", "MAIL FROM:<b!a>", "RSET", "MAIL FROM:< >", "RSET", "MAIL FROM:<\"\"@a.test>", "RSET", "QUIT"),
      "mail parameters": lines(
        "EHLO client.test", "MAIL FROM:<a@a.test> SIZE=100", "RSET", "MAIL FROM:<a@a.test> SIZE=99999999", "MAIL FROM:<a@a.test> SIZE=x", "MAIL FROM:<a@a.test> SIZE=", "MAIL FROM:<a@a.test> SIZE=99999999999999999999999",
        "MAIL FROM:<a@a.test> SIZE=-1", "RSET", "MAIL FROM:<a@a.test> BODY=7BIT", "RSET", "MAIL FROM:<a@a.test> body=8bitmime", "RSET", "MAIL FROM:<a@a.test> BODY=BINARYMIME", "MAIL FROM:<a@a.test> BODY=x",
        "MAIL FROM:<a@a.test> FOO=bar", "MAIL FROM:<a@a.test> FOO", "MAIL FROM:<a@a.test> AUTH=<>", "MAIL FROM:<a@a.test> SMTPUTF8", "QUIT",
      ),
      "mail parameters 2": lines(
        "EHLO client.test", "MAIL FROM:<a@a.test> RET=FULL", "RSET", "MAIL FROM:<a@a.test> RET=hdrs", "RSET", "MAIL FROM:<a@a.test> RET=x", "MAIL FROM:<a@a.test> RET=FULL RET=FULL", "RSET", "MAIL FROM:<a@a.test> ENVID=abc", "RSET",
        "MAIL FROM:<a@a.test> ENVID=a+b", "MAIL FROM:<a@a.test> ENVID=a+20b", "RSET", "MAIL FROM:<a@a.test> ENVID=a ENVID=b", "RSET", "MAIL FROM:<a@a.test> XVERP", "RSET", "MAIL FROM:<a@a.test> REQUIRETLS", "MAIL FROM:<a@a.test> SIZE=10 BODY=8BITMIME RET=HDRS ENVID=q", "QUIT",
      ),
      "esmtp parameters after HELO": lines("HELO client.test", "MAIL FROM:<a@a.test> SIZE=100 BODY=8BITMIME", "RCPT TO:<alice@example.com> NOTIFY=NEVER", "QUIT"),
      "rcpt syntax": lines(
        "EHLO client.test", "MAIL FROM:<a@a.test>", "RCPT", "RCPT TO", "RCPT TO:", "RCPT TO:<>", "RCPT FROM:<alice@example.com>", "RCPT <alice@example.com>", "RCPT TO:<alice@example.com", "RCPT TO:alice@example.com>", "RCPT TO:<a b@example.com>",
        "RCPT TO:<@example.com>", "RCPT TO:<alice@>", "RCPT TO:<alice@@example.com>", "QUIT",
      ),
      "rcpt accepted forms": lines(
        "EHLO client.test", "MAIL FROM:<a@a.test>", "RCPT TO:<alice@example.com>", "RCPT TO: <alice@EXAMPLE.com>", "rcpt to:alice@example.com", "RCPT TO:<alice>", "RCPT TO:<postmaster>", "RCPT TO:<POSTMASTER>", "RCPT TO:<postmaster@example.com>", "RCPT TO:<alice@localhost>", "RCPT TO:<\"alice\"@example.com>", "RCPT TO:<@x.test:alice@example.com>", "RCPT TO:<Alice@example.com.>",
        "RCPT TO:<bob@[127.0.0.1]>", "RCPT TO:<bob@[10.1.2.3]>", "RCPT TO:<alice+x@example.com>", "QUIT",
      ),
      "rcpt parameters": lines(
        "EHLO client.test", "MAIL FROM:<a@a.test>", "RCPT TO:<alice@example.com> NOTIFY=NEVER", "RCPT TO:<alice@example.com> NOTIFY=SUCCESS,FAILURE,DELAY", "RCPT TO:<alice@example.com> NOTIFY=NEVER,SUCCESS", "RCPT TO:<alice@example.com> NOTIFY=x", "RCPT TO:<alice@example.com> NOTIFY=", "RCPT TO:<alice@example.com> ORCPT=rfc822;alice@example.com", "RCPT TO:<alice@example.com> ORCPT=alice",
        "RCPT TO:<alice@example.com> ORCPT=rfc822;a+b", "RCPT TO:<alice@example.com> ORCPT=rfc822;a+2Bb", "RCPT TO:<alice@example.com> ORCPT=utf-8;x", "RCPT TO:<alice@example.com> FOO=x", "RCPT TO:<alice@example.com> SIZE=1", "RCPT TO:<alice@example.com> NOTIFY=NEVER NOTIFY=NEVER", "RCPT TO:<alice@example.com> ORCPT=rfc822;a ORCPT=rfc822;b", "RCPT TO:<alice@example.com> ORCPT=;a", "RCPT TO:<alice@example.com> ORCPT=rfc822;", "QUIT",
      ),
      "unknown recipients": lines(
        "EHLO client.test", "MAIL FROM:<a@a.test>", "RCPT TO:<nobody@example.com>", "RCPT TO:<nobody>", "RCPT TO:<nobody@localhost>", "RCPT TO:<nobody@valias.test>", "RCPT TO:<known@valias.test>", "RCPT TO:<nobody@vmail.test>", "RCPT TO:<joe@vmail.test>", "RCPT TO:<nobody@relay.test>", "RCPT TO:<ok@relay.test>", "RCPT TO:<x@elsewhere.test>", "RCPT TO:<x@sub.relay.test>", "QUIT",
      ),
      "relay refused": lines("HELO client.test", "MAIL FROM:<alice@example.com>", "RCPT TO:<x@elsewhere.test>", "DATA", "RSET", "MAIL FROM:<>", "RCPT TO:<x@elsewhere.test>", "QUIT"),
      "a message": [...envelope("alice@example.com"), message + ".\r\n", "QUIT\r\n"],
      "two messages": [...envelope("alice@example.com"), message + ".\r\n", ...lines("MAIL FROM:<>", "RCPT TO:<bob@example.com>", "DATA"), ".\r\n", "QUIT\r\n"],
      "HELO message": [...lines("HELO client.test", "MAIL FROM:<a@a.test>", "RCPT TO:<alice@example.com>", "DATA"), message + ".\r\n", "QUIT\r\n"],
      "data with an argument": [...lines("EHLO client.test", "MAIL FROM:<a@a.test>", "RCPT TO:<alice@example.com>", "DATA x", "RSET x", "NOOP x y z", "QUIT x", "QUIT")],
      "no recipient accepted": lines("EHLO client.test", "MAIL FROM:<a@a.test>", "RCPT TO:<nobody@example.com>", "DATA", "QUIT"),
      "vrfy": lines("EHLO client.test", "VRFY", "VRFY alice", "VRFY alice@example.com", "VRFY <bob@example.com>", "VRFY nobody@example.com", "VRFY x@elsewhere.test", "VRFY a b", "VRFY <>", "VRFY \"", "QUIT"),
      "etrn": lines("EHLO client.test", "ETRN", "ETRN relay.test", "ETRN elsewhere.test", "ETRN @x.test", "ETRN #q", "ETRN a b", "ETRN [1.2.3.4]", "ETRN -x", "MAIL FROM:<a@a.test>", "ETRN relay.test", "QUIT"),
      "unknown commands": lines("EHLO client.test", "FOO", "foo bar", "EHLOX", "HELP me", "QUITX", "MAI", "X@Y", "QUIT"),
      "web client": lines("GET / HTTP/1.0", "Host: x", ""),
      "connect": lines("CONNECT a:25 HTTP/1.0", "QUIT"),
      "non-SMTP": lines("EHLO x", "<xml>", "QUIT"),
      "very long command": [...lines("EHLO client.test"), "NOOP " + "x".repeat(5000) + CRLF, "MAIL FROM:<" + "x".repeat(1900) + "@a.test>" + CRLF, "MAIL FROM:<" + "x".repeat(5000) + "@a.test>" + CRLF, ...lines("RSET", "QUIT")],
      "long local part and domain": lines("EHLO client.test", `MAIL FROM:<${"l".repeat(64)}@a.test>`, "RSET", `MAIL FROM:<${"l".repeat(65)}@a.test>`, "RSET", `MAIL FROM:<a@${"d".repeat(63)}.test>`, "RSET", `MAIL FROM:<a@${"d".repeat(64)}.test>`, "RSET", `MAIL FROM:<a@${"d23456789.".repeat(30)}test>`, "QUIT"),
      "8 bit in the envelope": lines("EHLO client.test", "MAIL FROM:<j\xc3\xb6rg@a.test>", "MAIL FROM:<j\xf6rg@a.test>", "RSET", "MAIL FROM:<a@a.test>", "RCPT TO:<\xc3\xb6@example.com>", "RCPT TO:<a@\xc3\xb6.test>", "RCPT TO:<\xf6@example.com>", "QUIT"),
      "control characters": [...lines("EHLO client.test", "NOOP a\x00b", "MAIL FROM:<a\x00b@a.test>", "RSET", "MAIL FROM:<a\x01b@a.test>", "RSET", "MAIL FROM:<\"a\x01b\"@a.test>", "RSET", "MAIL FROM:<a\tb@a.test>", "RSET", "\x00\x00\x00", "MAIL FROM:<a@a.test>\x00x", "QUIT")],
      "line ends of commands": ["EHLO client.test\n", "NOOP\r\r\n", "NO\rOP\r\n", "NOOP \r \r\n", "MAIL FROM:<a\r@a.test>\r\n", "QUIT\n"],
      "pipelined batch": ["EHLO client.test\r\n", batch("MAIL FROM:<a@a.test>", "RCPT TO:<alice@example.com>", "RCPT TO:<nobody@example.com>", "DATA"), message + ".\r\nQUIT\r\n"],
      "pipelined, all refused, with content": ["EHLO client.test\r\n", batch("MAIL FROM:<a@a.test>", "RCPT TO:<nobody@example.com>", "DATA"), "QUIT\r\n"],
      "pipelining before the greeting ends": ["EHLO client.test\r\nMAIL FROM:<a@a.test>\r\nRCPT TO:<alice@example.com>\r\n", "QUIT\r\n"],
      "pipelining with HELO": ["HELO client.test\r\n", batch("MAIL FROM:<a@a.test>", "RCPT TO:<alice@example.com>", "DATA"), "QUIT\r\n"],
      "pipelining behind DATA": ["EHLO client.test\r\n", batch("MAIL FROM:<a@a.test>", "RCPT TO:<alice@example.com>", "DATA") + message + ".\r\n", "QUIT\r\n"],
      "pipelining behind QUIT": ["EHLO client.test\r\n", "QUIT\r\nNOOP\r\n"],
      ...Object.fromEntries(
        ["NOOP", "VRFY alice@example.com", "ETRN relay.test", "RSET", "MAIL FROM:<a@a.test>", "XYZZY", "EHLO again.test"].map((command) => [`pipelining behind ${command}`, ["EHLO client.test\r\n", batch(command, "NOOP"), "QUIT\r\n"]]),
      ),
      "much behind DATA": ["EHLO client.test\r\n", batch("MAIL FROM:<a@a.test>", "RCPT TO:<alice@example.com>", "DATA") + "x\t\x01\x80\\\"".repeat(60) + "\r\n.\r\n", "QUIT\r\n"],
      "chunking": ["EHLO client.test\r\n", ...lines("MAIL FROM:<a@a.test>", "RCPT TO:<alice@example.com>"), `BDAT ${message.length} LAST\r\n${message}`, "QUIT\r\n"],
      "chunking in parts": ["EHLO client.test\r\n", ...lines("MAIL FROM:<a@a.test>", "RCPT TO:<alice@example.com>"), "BDAT 10\r\nSubject: x", "BDAT 3\r\n\r\n.", "BDAT 4\r\n\r\n\r\n", "BDAT 0 LAST\r\n", "QUIT\r\n"],
      ...Object.fromEntries(
        ["BDAT", "BDAT x", "BDAT 0", "BDAT 3 FOO", "BDAT 3 LAST x", "BDAT -1", "BDAT 99999999999999999999 LAST", "BDAT 3 last\r\nabc", "BDAT 3\r\nabcDATA", "BDAT 0 LAST", "BDAT +3", "BDAT 3x"]
          .map((command) => [`chunking syntax ${command.slice(0, 40)}`, lines("EHLO client.test", "MAIL FROM:<a@a.test>", "RCPT TO:<alice@example.com>", command, "RSET", "NOOP", "QUIT")]),
      ),
      "chunking without a transaction": lines("EHLO client.test", "BDAT 0", "MAIL FROM:<a@a.test>", "BDAT 0 LAST", "QUIT"),
      "chunking, then other commands": ["EHLO client.test\r\n", ...lines("MAIL FROM:<a@a.test>", "RCPT TO:<alice@example.com>"), "BDAT 3\r\nabc", ...lines("NOOP", "DATA", "MAIL FROM:<b@a.test>", "RCPT TO:<bob@example.com>", "RSET", "BDAT 0 LAST", "QUIT")],
      "bdat without hello": ["BDAT 3 LAST\r\nabc", "QUIT\r\n"],
      "bdat for refused recipient": ["EHLO client.test\r\n", batch("MAIL FROM:<a@a.test>", "RCPT TO:<nobody@example.com>", "BDAT 5 LAST") + "abc\r\n", "QUIT\r\n"],
      "lost connection": lines("EHLO client.test", "MAIL FROM:<a@a.test>"),
      "lost in a chunk": [...lines("EHLO client.test", "MAIL FROM:<a@a.test>", "RCPT TO:<alice@example.com>"), "BDAT 100\r\nSubject: x\r\nabc"],
      "lost in data": [...envelope("alice@example.com"), "Subject: x\r\n"],
      "percent hack and friends": lines(
        "EHLO client.test", "MAIL FROM:<a@a.test>", "RCPT TO:<x%elsewhere.test@example.com>", "RCPT TO:<x%elsewhere.test>", "RCPT TO:<elsewhere.test!x>", "RCPT TO:<elsewhere.test!x@example.com>", "RCPT TO:<\"x@elsewhere.test\">", "RCPT TO:<\"x@elsewhere.test\"@example.com>", "RCPT TO:<\"x%elsewhere.test\"@example.com>",
        "RCPT TO:<@example.com:x@elsewhere.test>", "RCPT TO:<x@elsewhere.test@example.com>", "RCPT TO:<x@elsewhere.test@>", "RCPT TO:<x%elsewhere.test@localhost>", "RCPT TO:<x@[127.0.0.1]>", "RCPT TO:<x%elsewhere.test@[127.0.0.1]>", "RCPT TO:<\"x@elsewhere.test\"@[127.0.0.1]>", "RCPT TO:<x@elsewhere.test.>", "RCPT TO:<|/bin/sh@example.com>", "QUIT",
      ),
    },
  },
  relay: {
    settings: anyone,
    dialogues: {
      "relay allowed": lines("EHLO client.test", "MAIL FROM:<a@a.test>", "RCPT TO:<x@elsewhere.test>", "RCPT TO:<x%elsewhere.test@example.com>", "RCPT TO:<x@[10.1.2.3]>", "RCPT TO:<nobody@example.com>", "QUIT"),
      "vrfy": lines("EHLO client.test", "VRFY alice", "VRFY nobody", "VRFY x@elsewhere.test", "VRFY <alice@example.com>", "QUIT"),
      "reset": lines("EHLO client.test", "MAIL FROM:<a@a.test>", "RCPT TO:<alice@example.com>", "RSET", "RCPT TO:<alice@example.com>", "DATA", "QUIT"),
    },
  },
  verify_off: { settings: { disable_vrfy_command: "yes", smtpd_discard_ehlo_keywords: "chunking, dsn, silent-discard" }, dialogues: { "vrfy": lines("EHLO client.test", "VRFY alice", "MAIL FROM:<a@a.test> RET=FULL", "RCPT TO:<alice@example.com> NOTIFY=NEVER", "BDAT 0 LAST", "QUIT") } },
  helo: {
    settings: { smtpd_helo_required: "yes", smtpd_helo_restrictions: "reject_invalid_helo_hostname, reject_non_fqdn_helo_hostname" },
    dialogues: {
      "required": lines("MAIL FROM:<a@a.test>", "VRFY x", "ETRN x", "NOOP", "HELO client.test", "MAIL FROM:<a@a.test>", "QUIT"),
      "invalid": lines("EHLO a_b", "MAIL FROM:<a@a.test>", "RCPT TO:<alice@example.com>", "QUIT"),
      "invalid 2": lines("EHLO -x", "MAIL FROM:<a@a.test>", "RCPT TO:<alice@example.com>", "EHLO 1.2.3", "MAIL FROM:<a@a.test>", "RCPT TO:<alice@example.com>", "EHLO [1.2.3", "MAIL FROM:<a@a.test>", "RCPT TO:<alice@example.com>", "EHLO [1.2.3.4]", "MAIL FROM:<a@a.test>", "RCPT TO:<alice@example.com>", "QUIT"),
      "short": lines("EHLO short", "MAIL FROM:<a@a.test>", "RCPT TO:<alice@example.com>", "EHLO 1.2.3.4", "MAIL FROM:<a@a.test>", "RCPT TO:<alice@example.com>", "EHLO fine.test", "MAIL FROM:<a@a.test>", "RCPT TO:<alice@example.com>", "QUIT"),
    },
  },
  limits: {
    settings: { ...anyone, message_size_limit: "2000", smtpd_recipient_limit: "3", smtpd_hard_error_limit: "6", smtpd_soft_error_limit: "3", smtpd_recipient_overshoot_limit: "2", smtpd_junk_command_limit: "3" },
    dialogues: {
      "EHLO": lines("EHLO client.test", "MAIL FROM:<a@a.test> SIZE=2000", "RSET", "MAIL FROM:<a@a.test> SIZE=2001", "QUIT"),
      "too many errors": lines("FOO", "FOO", "FOO", "FOO", "FOO", "FOO", "FOO", "FOO"),
      "too many recipients": lines("EHLO client.test", "MAIL FROM:<a@a.test>", ...Array(9).fill("RCPT TO:<alice@example.com>"), "QUIT"),
      "junk": lines("EHLO client.test", ...Array(12).fill("NOOP")),
      "junk resets": lines("EHLO client.test", ...Array(12).fill("RSET")),
      "too big": [...envelope("alice@example.com"), message + ("x".repeat(98) + "\r\n").repeat(30) + ".\r\n", "QUIT\r\n"],
      "too big by BDAT": [...lines("EHLO client.test", "MAIL FROM:<a@a.test>", "RCPT TO:<alice@example.com>"), "BDAT 1500\r\n" + ("x".repeat(98) + "\r\n").repeat(15), "BDAT 1500\r\n" + ("x".repeat(98) + "\r\n").repeat(15), "BDAT 0 LAST\r\n", "QUIT\r\n"],
      "too big with an error after": [...envelope("alice@example.com"), ("x".repeat(98) + "\r\n").repeat(300) + ".\r\n", "NOOP\r\n", "QUIT\r\n"],
    },
  },
  nodelay: {
    settings: { smtpd_delay_reject: "no", smtpd_helo_restrictions: "check_helo_access inline:{bad.test=REJECT}", smtpd_sender_restrictions: "check_sender_access inline:{bad@a.test=REJECT}" },
    dialogues: {
      "helo": lines("EHLO bad.test", "MAIL FROM:<a@a.test>", "EHLO fine.test", "MAIL FROM:<bad@a.test>", "RCPT TO:<alice@example.com>", "MAIL FROM:<fine@a.test>", "RCPT TO:<alice@example.com>", "QUIT"),
    },
  },
  client_reject: {
    settings: { smtpd_delay_reject: "no", smtpd_client_restrictions: "reject" },
    dialogues: { "connect": lines("EHLO x", "MAIL FROM:<a@a.test>", "QUIT") },
  },
  client_reject_delayed: {
    settings: { smtpd_client_restrictions: "check_client_access inline:{127.0.0.1=REJECT}" },
    dialogues: { "rcpt": lines("EHLO x", "MAIL FROM:<a@a.test>", "RCPT TO:<alice@example.com>", "VRFY alice", "ETRN x", "DATA", "QUIT") },
  },
  access: {
    settings: {
      ...anyone,
      smtpd_sender_restrictions: "check_sender_access inline:{ {reject@a.test=REJECT} {rejecttext@a.test=REJECT go away} {rejectdsn@a.test=REJECT 5.2.1 go away} {defer@a.test=DEFER} {defertext@a.test=DEFER later} {code@a.test=554 no} {code4@a.test=450 4.7.9 busy} {codedsn@a.test=521 5.7.3 no} {dip@a.test=DEFER_IF_PERMIT} {dir@a.test=DEFER_IF_REJECT} {ok@a.test=OK} {num@a.test=123} {dunno@a.test=DUNNO} {info@a.test=INFO informed} {warn@a.test=WARN warned} {hold@a.test=HOLD held} {discard@a.test=DISCARD dropped} {filter@a.test=FILTER smtp:x} {redirect@a.test=REDIRECT bob@example.com} {bcc@a.test=BCC bob@example.com} {prepend@a.test=PREPEND X-A: b} {restrictions@a.test=permit_mynetworks, reject} {class@a.test=myclass} {junk@a.test=XYZZY} {badcode@a.test=250 fine} {hangup@a.test=421 4.7.0 hang} {longtext@a.test=554 a b c d} {single@a.test=REJECT 4.7.1 x} {domain.test=REJECT domain} {.sub.test=REJECT subdomain} {user@=REJECT user} {<>=REJECT null} }, check_sender_access inline:{ {badfilter@a.test=FILTER x} {badredirect@a.test=REDIRECT bob} {badprepend@a.test=PREPEND x} {nofilter@a.test=FILTER} {noprepend@a.test=PREPEND} {noredirect@a.test=REDIRECT} }",
      smtpd_recipient_restrictions: "check_recipient_access inline:{ {alice@example.com=REJECT no alice} {bob@example.com=DUNNO} }, permit",
    },
    dialogues: {
      ...Object.fromEntries(
        ["reject@a.test", "rejecttext@a.test", "rejectdsn@a.test", "defer@a.test", "defertext@a.test", "code@a.test", "code4@a.test", "codedsn@a.test", "dip@a.test", "dir@a.test", "ok@a.test", "num@a.test", "dunno@a.test", "info@a.test", "warn@a.test", "hold@a.test", "discard@a.test", "filter@a.test", "badfilter@a.test", "redirect@a.test", "badredirect@a.test", "bcc@a.test", "prepend@a.test", "badprepend@a.test", "nofilter@a.test", "noprepend@a.test", "noredirect@a.test", "restrictions@a.test", "class@a.test", "junk@a.test", "badcode@a.test", "hangup@a.test", "longtext@a.test", "single@a.test", "x@domain.test", "x@b.domain.test", "x@a.sub.test", "x@sub.test", "user@any.test", "user+ext@any.test", "", "REJECT@A.TEST"]
          .map((sender) => [`action for ${sender}`, lines("EHLO client.test", `MAIL FROM:<${sender}>`, "RCPT TO:<bob@example.com>", "RCPT TO:<alice@example.com>", "QUIT")]),
      ),
    },
  },
  access_types: {
    settings: {
      smtpd_client_restrictions: "check_client_access inline:{ {127.0.0.1=INFO client} }, check_reverse_client_hostname_access inline:{ {localhost=INFO reverse} }",
      smtpd_helo_restrictions: "check_helo_access inline:{ {bad.test=REJECT helo} {.dot.test=REJECT dotted} {parent.test=REJECT parent} }",
      smtpd_data_restrictions: "check_sender_access inline:{ {data@a.test=REJECT data} }, reject_multi_recipient_bounce",
      smtpd_end_of_data_restrictions: "check_sender_access inline:{ {eod@a.test=REJECT eod} }",
      smtpd_etrn_restrictions: "check_etrn_access inline:{ {relay.test=REJECT etrn} }",
    },
    dialogues: {
      "helo": lines("HELO bad.test", "MAIL FROM:<a@a.test>", "RCPT TO:<alice@example.com>", "HELO x.dot.test", "MAIL FROM:<a@a.test>", "RCPT TO:<alice@example.com>", "HELO x.parent.test", "MAIL FROM:<a@a.test>", "RCPT TO:<alice@example.com>", "HELO BAD.test", "MAIL FROM:<a@a.test>", "RCPT TO:<alice@example.com>", "QUIT"),
      "data": lines("EHLO x", "MAIL FROM:<data@a.test>", "RCPT TO:<alice@example.com>", "DATA", "RSET", "MAIL FROM:<>", "RCPT TO:<alice@example.com>", "RCPT TO:<bob@example.com>", "DATA", "QUIT"),
      "end of data": [...lines("EHLO x", "MAIL FROM:<eod@a.test>", "RCPT TO:<alice@example.com>", "DATA"), message + ".\r\n", "QUIT\r\n"],
      "bdat": [...lines("EHLO x", "MAIL FROM:<data@a.test>", "RCPT TO:<alice@example.com>"), "BDAT 3 LAST\r\nabc", ...lines("QUIT")],
      "etrn": lines("EHLO x", "ETRN relay.test", "QUIT"),
    },
  },
  restrictions: {
    settings: {
      mynetworks: "127.0.0.0/8",
      smtpd_recipient_restrictions: "reject_non_fqdn_sender, reject_non_fqdn_recipient, reject_unauth_pipelining, reject_unlisted_sender, check_recipient_access inline:{ {one@example.com=reject_unauth_destination} {two@example.com=reject} {three@example.com=defer} {four@example.com=permit_auth_destination, reject} {five@elsewhere.test=permit_auth_destination, reject} {six@example.com=defer_if_permit} {seven@example.com=defer_if_reject, reject} {eight@example.com=warn_if_reject reject, permit} {nine@example.com=warn_if_reject defer_if_permit, permit} {ten@elsewhere.test=reject_unauth_destination} {eleven@elsewhere.test=defer_unauth_destination} {twelve@example.com=reject_plaintext_session} {thirteen@example.com=permit_inet_interfaces, reject} {fourteen@example.com=reject_authenticated_sender_login_mismatch, reject_unauthenticated_sender_login_mismatch, permit} {fifteen@example.com=nonsense} {seventeen@example.com=sleep 0, reject} {eighteen@example.com=defer_if_permit, permit} {twenty@example.com=reject_sender_login_mismatch} {x1@example.com=permit_tls_all_clientcerts, permit_tls_clientcerts, permit_sasl_authenticated, reject} {x2@example.com=reject_unknown_client_hostname, reject} {x3@example.com=reject_unknown_reverse_client_hostname, reject} {x4@example.com=permit_mynetworks, reject} {x5@example.com=reject_invalid_helo_hostname, reject} {x6@example.com=reject_unlisted_recipient} {x7@example.com=permit_naked_ip_address} {x8@example.com=check_relay_domains} {x9@example.com=check_sender_access} }, check_recipient_access inline:{ {sixteen@example.com=check_nothing_access inline:{a=b}} {nineteen@example.com=check_policy_service inet:127.0.0.1:11499} {y1@example.com=check_sender_access inline:{a=b}} }",
      smtpd_sender_login_maps: "inline:{owned@a.test=joe}",
    },
    dialogues: {
      ...Object.fromEntries(
        ["one@example.com", "two@example.com", "three@example.com", "four@example.com", "five@elsewhere.test", "six@example.com", "seven@example.com", "eight@example.com", "nine@example.com", "ten@elsewhere.test", "eleven@elsewhere.test", "twelve@example.com", "thirteen@example.com", "fourteen@example.com", "fifteen@example.com", "sixteen@example.com", "seventeen@example.com", "eighteen@example.com", "nineteen@example.com", "twenty@example.com", "x1@example.com", "x2@example.com", "x3@example.com", "x4@example.com", "x5@example.com", "x6@example.com", "x7@example.com", "x8@example.com", "x9@example.com", "y1@example.com"]
          .map((to) => [`recipient ${to}`, lines("EHLO client.test", "MAIL FROM:<owned@a.test>", `RCPT TO:<${to}>`, "QUIT")]),
      ),
      "not fully qualified": lines("EHLO client.test", "MAIL FROM:<a@short>", "RCPT TO:<alice@example.com>", "RSET", "MAIL FROM:<a>", "RCPT TO:<alice@example.com>", "RSET", "MAIL FROM:<a@a.test>", "RCPT TO:<alice@short>", "RCPT TO:<alice>", "RCPT TO:<postmaster>", "RSET", "MAIL FROM:<>", "RCPT TO:<alice@example.com>", "QUIT"),
      "unlisted sender": lines("EHLO client.test", "MAIL FROM:<nobody@example.com>", "RCPT TO:<alice@example.com>", "QUIT"),
    },
  },
  strict: {
    settings: { strict_rfc821_envelopes: "yes" },
    dialogues: { "paths": lines("EHLO client.test", "MAIL FROM: <a@a.test>", "RSET", "MAIL FROM:a@a.test", "MAIL FROM:<a@a.test> (c)", "RSET", "MAIL FROM:Joe <a@a.test>", "MAIL FROM:<a>", "RSET", "MAIL FROM:<@x:a@a.test>", "RSET", "MAIL FROM:<\"a b\"@a.test>", "RSET", "MAIL FROM:<a@a.test>", "RCPT TO:alice@example.com", "RCPT TO:<alice@example.com>", "RCPT TO:<alice@example.com.>", "QUIT") },
  },
  utf8: {
    settings: { smtputf8_enable: "yes" },
    dialogues: {
      "envelope": lines("EHLO client.test", "MAIL FROM:<j\xc3\xb6rg@a.test>", "MAIL FROM:<j\xc3\xb6rg@a.test> SMTPUTF8", "RCPT TO:<\xc3\xb6@example.com>", "RCPT TO:<alice@example.com> ORCPT=utf-8;x\\x{F6}", "RSET", "MAIL FROM:<j\xf6rg@a.test> SMTPUTF8", "RSET", "MAIL FROM:<a@\xc3\xb6.test> SMTPUTF8", "RSET", "MAIL FROM:<a@a.test> SMTPUTF8=x", "VRFY \xc3\xb6 SMTPUTF8", "VRFY alice SMTPUTF8", "QUIT"),
    },
  },
  ...Object.fromEntries(
    ["no", "yes", "normalize", "reject"].map((mode): [string, Group] => [`bare_${mode}`, {
      settings: { smtpd_forbid_bare_newline: mode, smtpd_forbid_bare_newline_exclusions: "" },
      dialogues: Object.fromEntries(
        Object.entries({
          "LF . LF": "a\n.\nMAIL FROM:<smuggled@a.test>\r\n.\r\n",
          "LF . CRLF": "a\n.\r\nMAIL FROM:<smuggled@a.test>\r\n.\r\n",
          "CRLF . LF": "a\r\n.\nMAIL FROM:<smuggled@a.test>\r\n.\r\n",
          "CR . CR": "a\r.\rMAIL FROM:<smuggled@a.test>\r\n.\r\n",
          "CR . CRLF": "a\r.\r\nMAIL FROM:<smuggled@a.test>\r\n.\r\n",
          "CRLF . CR": "a\r\n.\rMAIL FROM:<smuggled@a.test>\r\n.\r\n",
          "CRLF . CR CRLF": "a\r\n.\r\r\nMAIL FROM:<smuggled@a.test>\r\n.\r\n",
          "CR CRLF . CR CRLF": "a\r\r\n.\r\r\nMAIL FROM:<smuggled@a.test>\r\n.\r\n",
          "NUL": "a\r\n.\0\r\nMAIL FROM:<smuggled@a.test>\r\n.\r\n",
          "LF first": "a\nb\r\n.\r\n",
          "LF then LF . LF": "a\nb\n.\nc\n..\nd\n.e\r\n.f\n..g\r\n..h\r\n.\r\n",
          "LF only": "a\nb\n.\n",
          "LF, CRLF . LF, CRLF": "a\r\n.\n.\r\n",
          "command with LF": "a\r\n.\r\n",
        }).map(([name, content]) => [name, [...envelope("alice@example.com"), "Subject: x\r\n\r\n" + content, ...(name === "command with LF" ? ["NOOP\n", "QUIT\n"] : ["QUIT\r\n"])]]),
      ),
    }]),
  ),
};
