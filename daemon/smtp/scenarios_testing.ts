/**
 * What clients are put through, as data: the same scenarios are played to real Postfix (testdata/smtp/record.ts) and to
 * this client, and both must log and say the same. Servers listen on loopback addresses of their own.
 */
import { a, aaaa, cname, mx, type Zone } from "../../core/dns/testing.ts";
import type { FakeServerOptions } from "./testing.ts";

export interface Scenario {
  readonly name: string;
  readonly protocol?: "smtp" | "lmtp";
  /** Lines of main.cf in addition; `TESTDATA` is the directory testdata/smtp. */
  readonly main?: readonly string[];
  readonly zone?: Zone;
  /** Servers by address; `/path` is a UNIX socket `SOCKET`. */
  readonly servers?: Readonly<Record<string, FakeServerOptions>>;
  /** `PORT` stands for the port of the servers, `SOCKET` for the socket's path; default: the recipient's domain. */
  readonly nexthop?: string;
  readonly sender?: string;
  readonly recipients?: readonly string[];
  /** Header lines behind `Subject:`. */
  readonly header?: readonly string[];
  readonly body?: readonly string[];
  /** Are headers compared, too? Not those that differ from run to run. */
  readonly showsHeader?: boolean;
  /** How many messages one after the other, over the same session if it is kept. */
  readonly messages?: number;
  /** Options of sendmail(1) for DSN: `-N success,delay`, `-R hdrs`, `-V id`. */
  readonly dsn?: readonly string[];
  /** Only routing, at the real SMTP port. */
  readonly port25?: boolean;
  readonly encoding?: "7bit" | "8bit";
  /** `sendmail -bv`: find out whether the address is good, deliver nothing. */
  readonly probe?: boolean;
}

/** What of a content is compared. */
export function shownContent(scenario: Scenario, text: string): string {
  const end = text.indexOf("\r\n\r\n");
  if (scenario.showsHeader !== true) return text.slice(end + 4);
  const header = text.slice(0, end).split(/\r\n(?![ \t])/)
    .filter((line) => !/^(Received|Message-Id|Date):/i.test(line));
  return header.join("\r\n") + text.slice(end);
}

/** Addresses that only these tests use. */
const ONE = "127.0.1.1";
const TWO = "127.0.1.2";
const THREE = "127.0.1.3";

const one: Zone = { records: { "example.test": [mx(10, "mx1.example.test")], "mx1.example.test": [a(ONE)] } };
const both: Zone = {
  records: {
    "example.test": [mx(10, "mx1.example.test"), mx(20, "mx2.example.test")],
    "mx1.example.test": [a(ONE)],
    "mx2.example.test": [a(TWO)],
  },
};
const quickly = [
  "smtp_helo_timeout=1s",
  "smtp_mail_timeout=1s",
  "smtp_rcpt_timeout=1s",
  "smtp_data_init_timeout=1s",
]
  .concat(
    "smtp_data_xfer_timeout=1s",
    "smtp_data_done_timeout=1s",
    "smtp_rset_timeout=1s",
    "smtp_quit_timeout=1s",
  );
const plain = { keywords: ["SIZE", "8BITMIME"] };
const long = Array.from({ length: 20000 }, (_, at) => `line ${at} ${"x".repeat(60)}`);

/** One server, one script. */
const against = (on: FakeServerOptions["on"], extra: FakeServerOptions = {}) => ({
  zone: one,
  servers: { [ONE]: { ...extra, ...(on === undefined ? {} : { on }) } },
});

export const scenarios: readonly Scenario[] = [
  { name: "delivered", ...against({}) },
  { name: "two recipients", ...against({}), recipients: ["a@example.test", "b@example.test"] },
  { name: "no pipelining", ...against({}, plain), recipients: ["a@example.test", "b@example.test"] },
  { name: "helo only", ...against({ EHLO: "502 5.5.1 unknown" }) },
  { name: "ehlo 421", ...against({ EHLO: "421 4.3.2 shutting down" }) },
  { name: "helo refused", ...against({ EHLO: "500 what", HELO: "501 5.0.0 no\nreally" }) },
  { name: "greeting 554", ...against({ greeting: "554 5.7.1 go away" }) },
  {
    name: "greeting 554 not skipped",
    ...against({ greeting: "554 5.7.1 go away" }),
    main: ["smtp_skip_5xx_greeting=no"],
  },
  { name: "greeting 421", ...against({ greeting: "421 busy" }) },
  {
    name: "greeting garbage then good",
    ...against({ greeting: { raw: "hello there\r\n220 fake.test ESMTP\r\n" } }),
  },
  { name: "greeting lost", ...against({ greeting: { do: "close" } }) },
  { name: "greeting hangs", ...against({ greeting: { do: "hang" } }), main: quickly },
  { name: "greeting code 3xx", ...against({ greeting: "354 huh" }) },
  {
    name: "greeting without esmtp, never ehlo",
    ...against({ greeting: "220 x" }),
    main: ["smtp_never_send_ehlo=yes"],
  },
  {
    name: "greeting without esmtp, not always ehlo",
    ...against({ greeting: "220 x" }),
    main: ["smtp_always_send_ehlo=no"],
  },
  { name: "ehlo lost", ...against({ EHLO: { do: "close" } }) },
  { name: "ehlo hangs", ...against({ EHLO: { do: "hang" } }), main: quickly },
  { name: "ehlo garbage", ...against({ EHLO: { raw: "!!!\r\nmore\r\n250 fake.test\r\n" } }) },
  { name: "long reply line", ...against({ MAIL: `550 5.1.0 ${"y".repeat(3000)}` }) },
  { name: "mail 450", ...against({ MAIL: "450 4.7.1 later" }) },
  {
    name: "mail 550",
    ...against({ MAIL: "550 5.7.1 never" }),
    recipients: ["a@example.test", "b@example.test"],
  },
  { name: "mail 550 no pipelining", ...against({ MAIL: "550 5.7.1 never" }, plain) },
  { name: "mail 421", ...against({ MAIL: "421 4.3.2 bye" }) },
  { name: "mail lost", ...against({ MAIL: { do: "close" } }) },
  { name: "mail hangs", ...against({ MAIL: { do: "hang" } }), main: quickly },
  { name: "mail without enhanced code", ...against({ MAIL: "550 no" }) },
  { name: "mail enhanced code of another class", ...against({ MAIL: "450 5.1.1 confused" }) },
  { name: "mail 3xx", ...against({ MAIL: "354 odd" }) },
  { name: "mail garbage pipelined", ...against({ MAIL: { raw: "garbage\r\n250 ok\r\n" } }) },
  { name: "mail garbage not pipelined", ...against({ MAIL: { raw: "garbage\r\n250 ok\r\n" } }, plain) },
  { name: "mail control characters", ...against({ MAIL: { raw: "550 5.0.0 a\tb\x01c\x7f d\xc3\xa9\r\n" } }) },
  { name: "rcpt 550", ...against({ RCPT: "550 5.1.1 unknown" }) },
  { name: "rcpt 550 no pipelining", ...against({ RCPT: "550 5.1.1 unknown" }, plain) },
  { name: "rcpt 450", ...against({ RCPT: "450 4.2.0 greylisted\nwait a bit" }) },
  {
    name: "rcpt mixed",
    ...against({
      "RCPT TO:<b@example.test> ORCPT=rfc822;b@example.test": "550 5.1.1 unknown",
      "RCPT TO:<c@example.test> ORCPT=rfc822;c@example.test": "451 4.3.0 later",
    }),
    recipients: ["a@example.test", "b@example.test", "c@example.test"],
  },
  { name: "rcpt 552", ...against({ RCPT: "552 too many" }) },
  { name: "rcpt lost", ...against({ RCPT: { do: "close" } }) },
  { name: "rcpt hangs", ...against({ RCPT: { do: "hang" } }), main: quickly },
  { name: "data 451", ...against({ DATA: "451 4.3.0 no" }) },
  { name: "data 550", ...against({ DATA: "550 5.3.0 no" }) },
  { name: "data 250", ...against({ DATA: "250 ok" }) },
  { name: "data 354 with no recipients", ...against({ RCPT: "550 5.1.1 unknown", DATA: "354 go" }) },
  { name: "data lost", ...against({ DATA: { do: "close" } }) },
  { name: "data hangs", ...against({ DATA: { do: "hang" } }), main: quickly },
  { name: "end 450", ...against({ ".": "450 4.3.0 try again" }) },
  {
    name: "end 550",
    ...against({ ".": "550 5.7.1 spam" }),
    recipients: ["a@example.test", "b@example.test"],
  },
  { name: "end lost", ...against({ ".": { do: "close" } }) },
  { name: "end hangs", ...against({ ".": { do: "hang" } }), main: quickly },
  { name: "end 354", ...against({ ".": "354 again" }) },
  { name: "end multi-line", ...against({ ".": "250 2.0.0 first\n2.0.0 second\nlast" }) },
  { name: "body reset", ...against({ body: { do: "reset" } }, { bodyBytes: 30000 }), body: long },
  {
    name: "body hangs",
    ...against({ body: { do: "hang" } }, { bodyBytes: 30000 }),
    body: long,
    main: quickly,
  },
  {
    name: "quit waits",
    ...against({ QUIT: { wait: 100, then: "221 bye" } }),
    main: ["smtp_skip_quit_response=no"],
  },
  { name: "quit lost", ...against({ QUIT: { do: "close" } }), main: ["smtp_skip_quit_response=no"] },
  {
    name: "size exceeded",
    ...against({}, { keywords: ["PIPELINING", "SIZE 100"] }),
    body: ["x".repeat(200)],
  },
  { name: "bad size", ...against({}, { keywords: ["PIPELINING", "SIZE huge"] }) },
  { name: "discarded keywords", ...against({}), main: ["smtp_discard_ehlo_keywords=pipelining, dsn"] },
  { name: "discarded silently", ...against({}), main: ["smtp_discard_ehlo_keywords=dsn,silent-discard"] },
  {
    name: "dsn parameters",
    ...against({}),
    dsn: ["-N", "success,failure", "-R", "hdrs", "-V", "id+=x y"],
  },
  { name: "refused", zone: one },
  { name: "first refused, second takes", zone: both, servers: { [TWO]: {} } },
  {
    name: "first says 450, second takes",
    zone: both,
    servers: { [ONE]: { on: { RCPT: "450 4.2.0 grey" } }, [TWO]: {} },
  },
  {
    name: "first says 550",
    zone: both,
    servers: { [ONE]: { on: { RCPT: "550 5.1.1 no" } }, [TWO]: {} },
  },
  {
    name: "first greets with 554",
    zone: both,
    servers: { [ONE]: { on: { greeting: "554 no" } }, [TWO]: {} },
  },
  {
    name: "first lost in mail, second says 450",
    zone: both,
    servers: { [ONE]: { on: { MAIL: { do: "close" } } }, [TWO]: { on: { MAIL: "450 4.0.0 later" } } },
  },
  {
    name: "session limit",
    zone: {
      records: {
        "example.test": [mx(10, "mx1.example.test"), mx(20, "mx2.example.test"), mx(30, "mx3.example.test")],
        "mx1.example.test": [a(ONE)],
        "mx2.example.test": [a(TWO)],
        "mx3.example.test": [a(THREE)],
      },
    },
    servers: {
      [ONE]: { on: { MAIL: "450 4.0.0 one" } },
      [TWO]: { on: { MAIL: "450 4.0.0 two" } },
      [THREE]: {},
    },
  },
  { name: "address limit", zone: both, servers: { [TWO]: {} }, main: ["smtp_mx_address_limit=1"] },
  { name: "no mx, address", zone: { records: { "example.test": [a(ONE)] } }, servers: { [ONE]: {} } },
  {
    name: "mx through an alias",
    zone: {
      records: {
        "example.test": [cname("other.test")],
        "other.test": [mx(5, "mx.other.test")],
        "mx.other.test": [a(ONE)],
      },
    },
    servers: { [ONE]: {} },
  },
  { name: "domain not found", zone: { records: {} } },
  { name: "domain without data", zone: { records: { "example.test": [mx(0, "gone.test")] } } },
  {
    name: "domain without any record",
    zone: { records: { "example.test": [{ type: "TXT", data: ["x"] }] } },
  },
  { name: "null mx", zone: { records: { "example.test": [mx(0, ".")] } } },
  { name: "mx servfail", zone: { records: {}, faults: { "mx example.test": "SERVFAIL" } } },
  {
    name: "mx servfail ignored",
    zone: { records: { "example.test": [a(ONE)] }, faults: { "mx example.test": "SERVFAIL" } },
    servers: { [ONE]: {} },
    main: ["ignore_mx_lookup_error=yes"],
  },
  { name: "mx refused", zone: { records: {}, faults: { "mx example.test": "REFUSED" } } },
  { name: "mx formerr", zone: { records: {}, faults: { "mx example.test": "FORMERR" } } },
  { name: "mx times out", zone: { records: {}, faults: { "mx example.test": "silent" } } },
  { name: "mx garbage", zone: { records: {}, faults: { "mx example.test": "garbage" } } },
  {
    name: "address servfail",
    zone: {
      records: { "example.test": [mx(5, "mx1.example.test")] },
      faults: { "mx1.example.test": "SERVFAIL" },
    },
  },
  {
    name: "mx without address deferred",
    zone: { records: { "example.test": [mx(5, "gone.test")] } },
    main: ["smtp_defer_if_no_mx_address_found=yes"],
  },
  {
    name: "one mx with, one without address",
    zone: {
      records: {
        "example.test": [mx(5, "gone.test"), mx(10, "mx1.example.test")],
        "mx1.example.test": [a(ONE)],
      },
    },
    servers: { [ONE]: {} },
  },
  {
    name: "mx loops",
    zone: { records: { "example.test": [mx(5, "self.test")], "self.test": [a("127.0.0.9")] } },
    port25: true,
  },
  {
    name: "backup mx loops",
    zone: {
      records: { "example.test": [mx(5, "mx9.test"), mx(10, "self.test")], "self.test": [a("127.0.0.9")] },
    },
    port25: true,
  },
  { name: "host loops", zone: { records: { "example.test": [a("127.0.0.9")] } }, port25: true },
  { name: "literal loops", nexthop: "[127.0.0.9]", port25: true },
  {
    name: "dns filter removes the best mx",
    zone: both,
    servers: { [ONE]: {}, [TWO]: {} },
    main: [
      "smtp_dns_reply_filter=regexp:{{/^example\\.test\\. 300 IN MX 10 mx1\\.example\\.test\\.$$/ ignore}}",
    ],
  },
  {
    name: "dns filter removes every mx",
    zone: both,
    servers: { [ONE]: {}, [TWO]: {} },
    main: ["smtp_dns_reply_filter=regexp:{{/ MX / IGNORE}}"],
  },
  {
    name: "dns filter removes an address",
    zone: both,
    servers: { [ONE]: {}, [TWO]: {} },
    main: ["smtp_dns_reply_filter=regexp:{{/^mx1\\.example\\.test\\. 300 IN A 127\\.0\\.1\\.1$$/ IGNORE}}"],
  },
  {
    name: "dns filter removes all addresses",
    zone: both,
    servers: { [ONE]: {}, [TWO]: {} },
    main: ["smtp_dns_reply_filter=regexp:{{/ A / IGNORE}}"],
  },
  {
    name: "dns filter with an unknown action",
    zone: one,
    servers: { [ONE]: {} },
    main: ["smtp_dns_reply_filter=regexp:{{/ MX / REJECT}}"],
  },
  { name: "dns filter is broken", zone: one, servers: { [ONE]: {} }, main: ["smtp_dns_reply_filter=fail:x"] },
  {
    name: "dns filter and lmtp",
    protocol: "lmtp",
    nexthop: "inet:mx1.example.test:PORT",
    zone: both,
    servers: { [ONE]: { lmtp: true } },
    main: ["lmtp_dns_reply_filter=regexp:{{/ A / IGNORE}}", "lmtp_host_lookup=dns"],
  },
  {
    name: "relayhost not found",
    zone: { records: {} },
    main: ["relayhost=[nowhere.test]"],
    nexthop: "[nowhere.test]",
  },
  {
    name: "relayhost says 550",
    ...against({ MAIL: "550 5.7.1 no" }),
    main: ["relayhost=[mx1.example.test]"],
    nexthop: "[mx1.example.test]",
  },
  { name: "nexthop literal", servers: { [ONE]: {} }, nexthop: `[${ONE}]:PORT` },
  { name: "nexthop list", servers: { [TWO]: {} }, nexthop: `[${ONE}]:PORT, [${TWO}]:PORT` },
  {
    name: "fallback relay",
    zone: one,
    servers: { [TWO]: {} },
    main: [`smtp_fallback_relay=[${TWO}]:PORT`],
  },
  {
    name: "fallback relay refuses",
    zone: one,
    servers: { [TWO]: { on: { RCPT: "550 5.1.1 not here" } } },
    main: [`smtp_fallback_relay=[${TWO}]:PORT`],
  },
  { name: "fallback relay not found", zone: one, main: ["smtp_fallback_relay=[nowhere.test]"] },
  {
    name: "native lookup not found",
    zone: { records: {} },
    main: ["smtp_host_lookup=native"],
    nexthop: "[nowhere.test]",
  },
  {
    name: "dns disabled",
    zone: { records: { "example.test": [a(ONE)] } },
    servers: { [ONE]: {} },
    main: ["smtp_dns_support_level=disabled"],
  },
  { name: "bad host name", zone: one, nexthop: "[bad..name]" },
  {
    name: "soft bounce",
    zone: both,
    servers: { [ONE]: { on: { RCPT: "550 5.1.1 no" } }, [TWO]: {} },
    main: ["soft_bounce=yes"],
  },
  {
    name: "quoted addresses",
    ...against({}),
    sender: '"a b"@client.test',
    recipients: ['"x,y"@example.test'],
  },
  { name: "null sender", ...against({}), sender: "" },
  {
    name: "long lines",
    ...against({}),
    body: ["z".repeat(998), "y".repeat(999), `.${"w".repeat(2100)}`, "..", "end"],
  },
  {
    name: "eight bit",
    ...against({}, { keywords: ["PIPELINING", "8BITMIME"] }),
    body: ["gr\u00fc\u00df"],
    encoding: "8bit",
  },
  { name: "tls required", ...against({}), main: ["smtp_tls_security_level=encrypt"] },
  {
    name: "kept session",
    ...against({}),
    main: ["smtp_connection_cache_destinations=example.test"],
    messages: 3,
  },
  {
    name: "kept session after rejection",
    ...against({ RCPT: ["550 5.1.1 no", "250 ok"] }),
    main: ["smtp_connection_cache_destinations=example.test"],
    messages: 2,
  },
  {
    name: "kept session, reuse limit",
    ...against({}),
    main: ["smtp_connection_cache_destinations=example.test", "smtp_connection_reuse_count_limit=2"],
    messages: 3,
  },
  {
    name: "lmtp",
    protocol: "lmtp",
    nexthop: `inet:${ONE}:PORT`,
    servers: { [ONE]: { lmtp: true } },
    recipients: ["a@example.test", "b@example.test"],
  },
  {
    name: "lmtp without dsn",
    protocol: "lmtp",
    nexthop: `inet:[${ONE}]:PORT`,
    servers: { [ONE]: { lmtp: true, keywords: ["PIPELINING"] } },
  },
  {
    name: "lmtp mixed",
    protocol: "lmtp",
    nexthop: `inet:${ONE}:PORT`,
    servers: {
      [ONE]: {
        lmtp: true,
        keywords: ["PIPELINING"],
        on: {
          "RCPT TO:<b@example.test>": "550 5.1.1 no",
          ".": ["250 2.0.0 first", "452 4.2.2 full", "554 5.6.0 bad"],
        },
      },
    },
    recipients: ["a@example.test", "b@example.test", "c@example.test", "d@example.test"],
  },
  { name: "lmtp refused", protocol: "lmtp", nexthop: `inet:${ONE}:PORT` },
  {
    name: "lmtp lost at end",
    protocol: "lmtp",
    nexthop: `inet:${ONE}:PORT`,
    servers: { [ONE]: { lmtp: true, on: { ".": ["250 2.0.0 first", { do: "close" }] } } },
    recipients: ["a@example.test", "b@example.test"],
  },
  { name: "lmtp unix", protocol: "lmtp", nexthop: "unix:SOCKET", servers: { "/": { lmtp: true } } },
  { name: "lmtp unix missing", protocol: "lmtp", nexthop: "unix:SOCKET" },
  {
    name: "lmtp lhlo refused",
    protocol: "lmtp",
    nexthop: "unix:SOCKET",
    servers: { "/": { on: { LHLO: "550 5.0.0 no" } } },
  },

  { name: "greeting multi-line", ...against({ greeting: "220 fake.test\nESMTP here" }) },
  { name: "reply of a bare code", ...against({ MAIL: { raw: "250\r\n" }, ".": { raw: "250\r\n" } }) },
  { name: "rcpt 251", ...against({ RCPT: "251 2.1.5 will forward" }) },
  { name: "rcpt 421", ...against({ RCPT: "421 4.3.2 bye" }) },
  { name: "data 421", ...against({ DATA: "421 4.3.2 bye" }) },
  { name: "end 421", ...against({ ".": "421 4.3.2 bye" }) },
  { name: "reset lost", ...against({ RCPT: "550 5.1.1 no", RSET: { do: "close" } }) },
  { name: "reset refused", ...against({ RCPT: "550 5.1.1 no", RSET: "500 5.5.1 what" }) },
  {
    name: "pix greeting",
    ...against({ greeting: { raw: "220 ****************2******0*0000\r\n" } }),
    main: ["smtp_pix_workaround_threshold_time=0s", "smtp_pix_workaround_delay_time=1s"],
  },
  {
    name: "reply filter",
    ...against({ RCPT: "550 5.1.1 unknown" }),
    main: ["smtp_reply_filter=pcre:TESTDATA/reply_filter.pcre"],
  },
  {
    name: "status filter",
    zone: one,
    main: ["smtp_delivery_status_filter=pcre:TESTDATA/status_failure.pcre"],
  },
  {
    name: "status filter on success",
    ...against({}),
    main: ["smtp_delivery_status_filter=pcre:TESTDATA/status_success.pcre"],
  },
  {
    name: "status filter turns success into failure",
    ...against({}),
    main: ["smtp_delivery_status_filter=pcre:TESTDATA/status_wrong.pcre"],
  },
  {
    name: "generic maps",
    ...against({}),
    main: ["smtp_generic_maps=inline:{{from@client.test=out@world.test}}"],
  },
  {
    name: "generic maps on a domain",
    ...against({}),
    main: ["smtp_generic_maps=inline:{{@client.test=@world.test}, {to@example.test=other@example.test}}"],
  },
  {
    name: "generic maps in headers",
    ...against({}),
    showsHeader: true,
    main: [
      "recipient_delimiter=+",
      "smtp_generic_maps=inline:{{from@client.test=out@world.test}, {@inside.test=@world.test}, {joe@client.test=joe.doe@world.test}}",
    ],
    header: [
      "From: Somebody <from@client.test>",
      'To: "Joe D." <joe@client.test> (the one), a@inside.test,',
      " other@elsewhere.test",
      "Cc: Team: b@inside.test, joe+ext@client.test;, from@client.test, very.long.address.number.one@inside.test, very.long.address.number.two@inside.test",
      "Reply-To: c@inside.test",
      "Sender: joe@client.test",
      "X-Other: from@client.test",
      "Return-Receipt-To: from@client.test",
      "MIME-Version: 1.0",
      "Content-Type: message/rfc822",
    ],
    body: ["From: from@client.test", "To: a@inside.test", "", "from@client.test"],
  },
  {
    name: "header checks",
    ...against({}),
    showsHeader: true,
    main: ["smtp_header_checks=pcre:TESTDATA/client_checks.pcre"],
    header: [
      "From: from@client.test",
      "To: to@example.test",
      ...[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17].map((number) =>
        `X-Case-${number}: value`
      ),
      "X-Folded: one",
      "\ttwo",
      `X-Long: ${"long ".repeat(20)}`,
      "MIME-Version: 1.0",
      "Content-Type: multipart/mixed; boundary=b",
    ],
    body: [
      "X-Case-2: body",
      "--b",
      "Content-Type: text/plain",
      "X-Case-2: part",
      "",
      "X-Case-2: text",
      "--b",
      "Content-Type: message/rfc822",
      "",
      "X-Case-2: nested",
      "Subject: nested",
      "",
      "nested text",
      "--b--",
    ],
  },
  {
    name: "checks of parts and bodies",
    ...against({}),
    showsHeader: true,
    main: [
      "smtp_mime_header_checks=pcre:TESTDATA/client_checks.pcre",
      "smtp_nested_header_checks=pcre:TESTDATA/client_checks.pcre",
      "smtp_body_checks=pcre:TESTDATA/client_checks.pcre",
    ],
    header: [
      "From: from@client.test",
      "To: to@example.test",
      "X-Case-2: primary",
      "MIME-Version: 1.0",
      "Content-Type: multipart/mixed; boundary=b",
    ],
    body: [
      "X-Case-2: body",
      "X-Case-3: body",
      "--b",
      "Content-Type: text/plain; name=x.exe",
      "X-Case-2: part",
      "",
      "X-Case-4: text",
      "X-Case-5: text",
      ".dot",
      "--b",
      "Content-Type: message/rfc822",
      "",
      "X-Case-2: nested",
      "X-Case-5: nested",
      "Subject: nested",
      "",
      "X-Case-6: nested text",
      "--b--",
    ],
  },
  {
    name: "header checks out of order",
    ...against({}),
    main: ["smtp_header_checks=fail:broken"],
  },
  {
    name: "body checks and LMTP",
    protocol: "lmtp",
    servers: { "/": { lmtp: true } },
    nexthop: "unix:SOCKET",
    showsHeader: true,
    main: [
      "lmtp_body_checks=pcre:TESTDATA/client_checks.pcre",
      "lmtp_generic_maps=inline:{{to@example.test=t@world.test}}",
    ],
    header: ["From: from@client.test", "To: to@example.test"],
    body: ["X-Case-4: body", "X-Case-1: body"],
  },
  {
    name: "envelope not quoted",
    ...against({}),
    sender: '"a b"@client.test',
    main: ["smtp_quote_rfc821_envelope=no"],
  },
  { name: "no line limit", ...against({}), body: ["z".repeat(3000)], main: ["smtp_line_length_limit=0"] },
  {
    name: "short line limit",
    ...against({}),
    body: ["abcdefghij".repeat(5), ".bcdefghi", "0123456789"],
    main: ["smtp_line_length_limit=100"],
  },
  { name: "helo name", ...against({}), main: ["smtp_helo_name=other.test"] },
  { name: "address probe", ...against({}), probe: true },
  { name: "address probe refused", ...against({ RCPT: "550 5.1.1 no" }), probe: true },
  { name: "address probe deferred", ...against({ RCPT: "450 4.1.1 no" }), probe: true },
  { name: "address probe to data", ...against({}), probe: true, main: ["smtp_address_verify_target=data"] },
  {
    name: "host with two addresses",
    zone: { records: { "example.test": [mx(10, "mx1.example.test")], "mx1.example.test": [a(ONE), a(ONE)] } },
    servers: { [ONE]: { on: { RCPT: "450 4.0.0 no" } } },
  },
  { name: "utf-8 sender, no smtputf8", ...against({}), sender: "j\u00f6rg@client.test" },
  {
    name: "utf-8 sender, smtputf8",
    ...against({}, { keywords: ["PIPELINING", "8BITMIME", "SMTPUTF8", "DSN"] }),
    sender: "j\u00f6rg@client.test",
  },
  {
    name: "utf-8 recipient, smtputf8",
    ...against({}, { keywords: ["PIPELINING", "8BITMIME", "SMTPUTF8", "DSN"] }),
    recipients: ["j\u00f6rg@example.test"],
  },
  {
    name: "relayhost loops",
    main: ["relayhost=[127.0.0.9]"],
    nexthop: "[127.0.0.9]",
    port25: true,
  },
  { name: "proxy loops", nexthop: "[127.0.0.8]", main: ["proxy_interfaces=127.0.0.8"], port25: true },
  {
    name: "fallback relay after refusal for now",
    zone: one,
    servers: { [ONE]: { on: { RCPT: "450 4.2.0 later" } }, [TWO]: {} },
    main: [`smtp_fallback_relay=[${TWO}]:PORT`],
  },
  {
    name: "lmtp kept session",
    protocol: "lmtp",
    nexthop: `inet:${ONE}:PORT`,
    servers: { [ONE]: { lmtp: true } },
    main: [`lmtp_connection_cache_destinations=${ONE}`],
    messages: 2,
  },
  {
    name: "lmtp all refused",
    protocol: "lmtp",
    nexthop: `inet:${ONE}:PORT`,
    servers: { [ONE]: { lmtp: true, on: { RCPT: "550 5.1.1 no" } } },
    recipients: ["a@example.test", "b@example.test"],
  },
  {
    name: "lmtp flag final",
    protocol: "lmtp",
    nexthop: `inet:${ONE}:PORT`,
    servers: { [ONE]: { lmtp: true } },
    main: ["lmtp_assume_final=yes"],
  },

  { name: "ipv6 literal", nexthop: "[ipv6:::1]:PORT", servers: { "::1": {} }, main: ["inet_protocols=all"] },
  { name: "ipv6 literal refused", nexthop: "[ipv6:::1]:PORT", main: ["inet_protocols=all"] },
  {
    name: "ipv6 preferred",
    zone: {
      records: { "example.test": [mx(10, "mx1.example.test")], "mx1.example.test": [a(ONE), aaaa("::1")] },
    },
    servers: { "::1": { on: { RCPT: "450 4.0.0 six" } } },
    main: ["inet_protocols=all", "smtp_address_preference=ipv6"],
  },
  {
    name: "ipv4 preferred",
    zone: {
      records: { "example.test": [mx(10, "mx1.example.test")], "mx1.example.test": [aaaa("::1"), a(ONE)] },
    },
    servers: { "::1": { on: { RCPT: "450 4.0.0 six" } } },
    main: ["inet_protocols=all", "smtp_address_preference=ipv4"],
  },
  { name: "not found in both protocols", zone: { records: {} }, main: ["inet_protocols=all"] },
  {
    name: "no data in both protocols",
    zone: { records: { "example.test": [mx(0, "gone.test")], "gone.test": [{ type: "TXT", data: ["x"] }] } },
    main: ["inet_protocols=all"],
  },
  {
    name: "one protocol not found, one servfail",
    zone: {
      records: { "example.test": [mx(0, "gone.test")] },
      faults: { "a gone.test": "SERVFAIL" },
    },
    main: ["inet_protocols=all"],
  },
  { name: "nexthop literal of the other protocol", nexthop: "[ipv6:::1]:PORT" },

  {
    name: "eight bit to a seven bit server",
    ...against({}, { keywords: ["PIPELINING", "SIZE"] }),
    header: [
      "MIME-Version: 1.0",
      "Content-Type: text/plain; charset=utf-8",
      "Content-Transfer-Encoding: 8bit",
    ],
    body: ["gr\u00fc\u00df = dich ", ".dot", "x".repeat(100) + "\u00e9".repeat(40)],
    encoding: "8bit",
  },
  {
    name: "eight bit to a seven bit server, no conversion",
    ...against({}, { keywords: ["PIPELINING", "SIZE"] }),
    main: ["disable_mime_output_conversion=yes"],
    header: [
      "MIME-Version: 1.0",
      "Content-Type: text/plain; charset=utf-8",
      "Content-Transfer-Encoding: 8bit",
    ],
    body: ["gr\u00fc\u00df"],
    encoding: "8bit",
  },
];
