/**
 * Dialogues about who the client is (XCLIENT, XFORWARD, the HAProxy protocol), about the filter in front of the queue,
 * and about settings that change the protocol. Recorded by `record_protocol.ts` as those of cases.ts are by `record.ts`.
 */
import type { FakeServerOptions } from "../../daemon/smtp/testing.ts";
import { DISGUISES, relayCommands } from "./relay_attempts.ts";

/** What the client sends, in pieces; what the filter in front of the queue does. */
export interface Dialogue {
  readonly pieces: readonly string[];
  /** The first piece is sent at once, without waiting for a greeting. */
  readonly early?: true;
  /** How the filter behaves; "down": there is none. */
  readonly filter?: FakeServerOptions | "down";
}

export interface ProtocolGroup {
  readonly settings: Readonly<Record<string, string>>;
  readonly dialogues: Readonly<Record<string, Dialogue>>;
}

const CRLF = "\r\n";
const lines = (...commands: string[]): Dialogue => ({ pieces: commands.map((command) => command + CRLF) });
const pieces = (...all: (string | readonly string[])[]): Dialogue => ({ pieces: all.flat() });
const sent = (...commands: string[]) => commands.map((command) => command + CRLF);

const message = "Subject: test\r\nMessage-ID: <1@a.test>\r\n\r\nHello\r\n..dot\r\n.\r\n";
const mail = ["MAIL FROM:<a@a.test>", "RCPT TO:<alice@example.com>"];
const whole = [...sent(...mail, "DATA"), message];

/** Keeps what arrives, so that its queue file can be looked at. */
const held = { smtpd_data_restrictions: "check_client_access static:HOLD" };
const trusted = { mynetworks: "127.0.0.0/8", ...held };

const header = (text: string, ...commands: string[]): Dialogue => ({ pieces: [text, ...sent(...commands)], early: true });
const early = (dialogue: Dialogue): Dialogue => ({ ...dialogue, early: true });
const signature = "\r\n\r\n\0\r\nQUIT\n";
const u16 = (value: number) => String.fromCharCode(value >> 8, value & 255);
const v2 = (verb: number, family: number, body: string, length = body.length) => signature + String.fromCharCode(verb, family) + u16(length) + body;
const four = (source: readonly number[], target: readonly number[], from: number, to: number) => String.fromCharCode(...source, ...target) + u16(from) + u16(to);
const example4 = four([192, 0, 2, 7], [198, 51, 100, 9], 4711, 25);
const example6 = String.fromCharCode(0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7, 0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9) + u16(4711) + u16(25);

const show = ["EHLO client.test", ...mail, "RSET", "MAIL FROM:<a@a.test>", "RCPT TO:<x@elsewhere.test>", "QUIT"];

export const protocolGroups: Readonly<Record<string, ProtocolGroup>> = {
  xclient: {
    settings: {
      smtpd_authorized_xclient_hosts: "127.0.0.1",
      smtpd_authorized_xforward_hosts: "127.0.0.1",
      inet_protocols: "all",
      mynetworks: "192.0.2.0/24",
      smtpd_client_restrictions: "check_client_access inline:{ {203.0.113.9=REJECT bad address} {bad.test=REJECT bad name} }",
      ...held,
    },
    dialogues: {
      "keywords": lines("EHLO client.test", "QUIT"),
      "address": lines("EHLO client.test", "XCLIENT ADDR=192.0.2.1", ...show),
      "name and address": lines("EHLO client.test", "XCLIENT NAME=spike.test ADDR=192.0.2.1", ...show),
      "name of a stranger": lines("EHLO client.test", "XCLIENT NAME=bad.test ADDR=198.51.100.1", ...show),
      "address of a stranger": lines("EHLO client.test", "XCLIENT NAME=spike.test ADDR=203.0.113.9", ...show),
      "again": lines("EHLO client.test", "XCLIENT NAME=spike.test", "EHLO x", "XCLIENT ADDR=192.0.2.1", "EHLO y", "XCLIENT ADDR=192.0.2.2", "QUIT"),
      "without EHLO": lines("XCLIENT ADDR=198.51.100.1", "MAIL FROM:<a@a.test>", "RCPT TO:<x@elsewhere.test>", "QUIT"),
      "unavailable": lines("EHLO client.test", "XCLIENT NAME=[UNAVAILABLE] ADDR=[UNAVAILABLE] PORT=[UNAVAILABLE] HELO=[UNAVAILABLE] LOGIN=[UNAVAILABLE] DESTADDR=[UNAVAILABLE] DESTPORT=[UNAVAILABLE] REVERSE_NAME=[UNAVAILABLE]", "EHLO x", ...mail, "QUIT"),
      "unavailable in small letters": lines("EHLO client.test", "xclient name=[tempunavail] addr=[unavailable]", "EHLO x", ...mail, "QUIT"),
      "temporarily unavailable": lines("XCLIENT NAME=[TEMPUNAVAIL] ADDR=192.0.2.1", ...show),
      "reverse name": lines("XCLIENT REVERSE_NAME=rev.test NAME=[UNAVAILABLE] ADDR=192.0.2.1", ...show),
      "IPv6": lines("XCLIENT NAME=six.test ADDR=IPv6:2001:db8::1 PORT=4711", ...show),
      "IPv6 mapped": lines("XCLIENT ADDR=IPV6:::ffff:192.0.2.1", ...show),
      "ports and servers": lines("XCLIENT NAME=a.test ADDR=192.0.2.1 PORT=4711 DESTADDR=198.51.100.7 DESTPORT=2525", ...show),
      "hello and protocol": lines("XCLIENT HELO=hello.test PROTO=ESMTP ADDR=198.51.100.1", ...mail, "RCPT TO:<x@elsewhere.test>", "RSET", "EHLO other.test", ...mail, "QUIT"),
      "hello after EHLO": lines("EHLO client.test", "XCLIENT HELO=hello.test ADDR=198.51.100.1", ...mail, "RCPT TO:<x@elsewhere.test>", "QUIT"),
      "protocol SMTP": lines("EHLO client.test", "XCLIENT PROTO=SMTP", "EHLO client.test", "XCLIENT PROTO=esmtp", "XCLIENT PROTO=LMTP", "QUIT"),
      "login with bad characters": lines("EHLO client.test", "XCLIENT LOGIN=a+0Db+28c+29 ADDR=192.0.2.1", "EHLO x", ...mail, "QUIT"),
      "HELO with bad characters": lines("XCLIENT HELO=a+3Cb+3E+22+28c+40d", "EHLO x", "XCLIENT HELO=a+3Cb+3E+22+28c+40d", "MAIL FROM:<a@a.test>", "RCPT TO:<x@elsewhere.test>", "QUIT"),
      "login": lines("EHLO client.test", "XCLIENT LOGIN=joe ADDR=192.0.2.1", "EHLO x", ...mail, "QUIT"),
      "login, then none": lines("EHLO client.test", "XCLIENT LOGIN=joe", "EHLO x", ...mail, "RSET", "XCLIENT NAME=x.test", ...mail, "QUIT"),
      "xtext": lines("XCLIENT HELO=a+2Bb+20c NAME=ab+2Ec.test ADDR=192.0.2.1", ...mail, "QUIT"),
      "bad xtext": lines("XCLIENT HELO=a+2", "XCLIENT HELO=a+zz", "XCLIENT HELO=a+0Ab", "XCLIENT HELO=a+00b", "MAIL FROM:<a@a.test>", "RCPT TO:<alice@example.com>", "QUIT"),
      "bad syntax 1": lines("XCLIENT", "XCLIENT NAME", "XCLIENT NAME=", "XCLIENT =x", "XCLIENT FOO=bar", "XCLIENT NAME=a_b..c", "XCLIENT NAME=-x", "XCLIENT ADDR=x", "XCLIENT ADDR=1.2.3", "XCLIENT ADDR=1.2.3.4.5", "XCLIENT ADDR=[192.0.2.1]", "QUIT"),
      "bad syntax 2": lines("XCLIENT ADDR=2001:db8::1", "XCLIENT ADDR=IPv6:zz", "XCLIENT PORT=x", "XCLIENT PORT=70000", "XCLIENT PORT=-1", "XCLIENT DESTPORT=x", "XCLIENT DESTADDR=x", "XCLIENT REVERSE_NAME=a..b", "XCLIENT NAME=" + "x".repeat(256), "XCLIENT HELO=" + "x".repeat(255), "QUIT"),
      "bad syntax 3": lines("XCLIENT NAME=1.2.3.4", "XCLIENT NAME=x.test ADDR=zz", "EHLO x", ...mail, "QUIT"),
      "bad syntax 4": lines("XCLIENT IDENT=x", "XCLIENT SOURCE=LOCAL", "XCLIENT LOGIN=", "XCLIENT LOGIN=a+20b", "EHLO x", ...mail, "QUIT"),
      "in a transaction": lines("EHLO client.test", "MAIL FROM:<a@a.test>", "XCLIENT ADDR=192.0.2.1", "RSET", "XCLIENT ADDR=192.0.2.1", "QUIT"),
      "pipelined": pieces("EHLO client.test\r\n", "XCLIENT NAME=a.test ADDR=192.0.2.1\r\nEHLO x\r\n", "QUIT\r\n"),
      "a message": pieces(sent("EHLO client.test", "XCLIENT NAME=spike.test ADDR=192.0.2.1 PORT=4711 HELO=spike.test LOGIN=joe DESTADDR=198.51.100.7 DESTPORT=2525", "EHLO x"), whole, "QUIT\r\n"),
      "a message from an unknown client": pieces(sent("XCLIENT NAME=[UNAVAILABLE] ADDR=[UNAVAILABLE]", "EHLO x"), whole, "QUIT\r\n"),
      "forwarded, then changed": lines("EHLO client.test", "XFORWARD NAME=f.test", "XCLIENT ADDR=192.0.2.1", "EHLO x", "XFORWARD NAME=f.test", ...mail, "QUIT"),
    },
  },
  xclient_at_once: {
    settings: { smtpd_authorized_xclient_hosts: "127.0.0.1", smtpd_delay_reject: "no", smtpd_client_restrictions: "check_client_access inline:{ {203.0.113.9=REJECT bad address} {203.0.113.8=421 4.7.0 go away} }" },
    dialogues: {
      "refused": lines("EHLO client.test", "XCLIENT ADDR=203.0.113.9", "EHLO x", "XCLIENT ADDR=192.0.2.1", "QUIT"),
      "thrown out": lines("EHLO client.test", "XCLIENT ADDR=203.0.113.8", "EHLO x", "QUIT"),
    },
  },
  xclient_port: {
    settings: { smtpd_authorized_xclient_hosts: "127.0.0.0/8", smtpd_client_port_logging: "yes" },
    dialogues: {
      "port": lines("XCLIENT NAME=a.test ADDR=192.0.2.1 PORT=4711", "EHLO x", ...mail, "QUIT"),
    },
  },
  xclient_helo: {
    settings: { smtpd_authorized_xclient_hosts: "127.0.0.1", smtpd_helo_required: "yes", smtpd_delay_reject: "no", smtpd_helo_restrictions: "check_helo_access inline:{bad.test=REJECT}" },
    dialogues: {
      "hello kept": lines("XCLIENT HELO=kept.test", "MAIL FROM:<a@a.test>", "RSET", "XCLIENT NAME=a.test", "MAIL FROM:<a@a.test>", "QUIT"),
      "bad hello": lines("XCLIENT HELO=bad.test", "MAIL FROM:<a@a.test>", "RCPT TO:<alice@example.com>", "QUIT"),
    },
  },
  xclient_noxforward: {
    settings: { smtpd_discard_ehlo_keywords: "xclient, xforward, etrn", smtpd_authorized_xclient_hosts: "127.0.0.1", smtpd_authorized_xforward_hosts: "127.0.0.1" },
    dialogues: {
      "keywords taken back": lines("EHLO client.test", "XCLIENT NAME=a.test", "EHLO client.test", "XFORWARD NAME=b.test", "ETRN example.com", "QUIT"),
    },
  },
  xforward: {
    settings: { smtpd_authorized_xforward_hosts: "127.0.0.1", inet_protocols: "all", ...trusted },
    dialogues: {
      "keywords": lines("EHLO client.test", "XCLIENT ADDR=192.0.2.1", "QUIT"),
      "all": pieces(sent("EHLO client.test", "XFORWARD NAME=spike.test ADDR=168.100.189.2 PORT=4711 PROTO=ESMTP", "XFORWARD HELO=spike.hello IDENT=ABCD1234 SOURCE=REMOTE"), whole, whole, "QUIT\r\n"),
      "some": pieces(sent("EHLO client.test", "XFORWARD NAME=spike.test"), whole, "QUIT\r\n"),
      "address only": pieces(sent("EHLO client.test", "XFORWARD ADDR=192.0.2.1"), whole, "QUIT\r\n"),
      "unavailable": pieces(sent("EHLO client.test", "XFORWARD NAME=[UNAVAILABLE] ADDR=[UNAVAILABLE] PORT=[UNAVAILABLE] PROTO=[UNAVAILABLE] HELO=[UNAVAILABLE] IDENT=[UNAVAILABLE] SOURCE=[UNAVAILABLE]"), whole, "QUIT\r\n"),
      "local source": pieces(sent("EHLO client.test", "XFORWARD SOURCE=LOCAL NAME=localhost ADDR=127.0.0.1"), whole, "QUIT\r\n"),
      "source only": pieces(sent("EHLO client.test", "XFORWARD SOURCE=LOCAL"), whole, "QUIT\r\n"),
      "queue id only": pieces(sent("EHLO client.test", "XFORWARD IDENT=ABCD1234"), whole, "QUIT\r\n"),
      "name that is not available": pieces(sent("EHLO client.test", "XFORWARD NAME=[UNAVAILABLE] IDENT=ABCD1234"), whole, "QUIT\r\n"),
      "reset": pieces(sent("EHLO client.test", "XFORWARD NAME=spike.test ADDR=192.0.2.1", "RSET"), whole, "QUIT\r\n"),
      "reset after mail": pieces(sent("EHLO client.test", "XFORWARD NAME=spike.test ADDR=192.0.2.1", "MAIL FROM:<a@a.test>", "RSET"), whole, "QUIT\r\n"),
      "hello again": pieces(sent("EHLO client.test", "XFORWARD NAME=spike.test ADDR=192.0.2.1", "EHLO again.test"), whole, "QUIT\r\n"),
      "IPv6": pieces(sent("EHLO client.test", "XFORWARD ADDR=IPv6:2001:db8::1 NAME=six.test"), whole, "QUIT\r\n"),
      "xtext": pieces(sent("EHLO client.test", "XFORWARD HELO=a+2Bb+20c+3Cd NAME=[weird+20name] IDENT=x+0Ay"), whole, "QUIT\r\n"),
      "bad syntax 1": lines("XFORWARD", "XFORWARD NAME", "XFORWARD NAME=", "XFORWARD FOO=bar", "XFORWARD NAME=a..b", "XFORWARD NAME=-x", "XFORWARD ADDR=x", "XFORWARD ADDR=2001:db8::1", "XFORWARD PORT=x", "XFORWARD PORT=99999", "XFORWARD SOURCE=x", "QUIT"),
      "bad syntax 2": lines("XFORWARD PROTO=" + "p".repeat(65), "XFORWARD PROTO=p:x", "XFORWARD IDENT=" + "i".repeat(256), "XFORWARD NAME=" + "n".repeat(300), "XFORWARD LOGIN=x", "XFORWARD NAME=x+zz", "XFORWARD IDENT=a<b>c", "QUIT"),
      "in a transaction": lines("EHLO client.test", "MAIL FROM:<a@a.test>", "XFORWARD NAME=a.test", "QUIT"),
      "refused mail": lines("EHLO client.test", "XFORWARD NAME=spike.test ADDR=192.0.2.1 HELO=h.test PROTO=SMTP", "MAIL FROM:<a@a.test>", "RCPT TO:<nobody@example.com>", "QUIT"),
    },
  },
  haproxy: {
    settings: { smtpd_upstream_proxy_protocol: "haproxy", mynetworks: "192.0.2.0/24", ...held, smtpd_upstream_proxy_timeout: "1s", inet_protocols: "all" },
    dialogues: {
      "TCP4": header("PROXY TCP4 192.0.2.7 198.51.100.9 4711 25\r\n", ...show),
      "TCP4 with the first command": header("PROXY TCP4 192.0.2.7 198.51.100.9 4711 25\r\nEHLO client.test\r\n", "QUIT"),
      "TCP4 in two pieces": early(pieces("PROXY TCP4 192.0.2.7 ", "198.51.100.9 4711 25\r\n", sent("QUIT"))),
      "TCP6": header("PROXY TCP6 2001:db8::7 2001:db8::9 4711 25\r\n", ...show),
      "TCP6 with a mapped address": header("PROXY TCP6 ::ffff:192.0.2.7 ::ffff:198.51.100.9 4711 25\r\n", ...show),
      "UNKNOWN": header("PROXY UNKNOWN\r\n", ...show),
      "UNKNOWN with more": header("PROXY UNKNOWN ffff:f...f:ffff ffff:f...f:ffff 65535 65535\r\n", ...show),
      "LF only": header("PROXY TCP4 192.0.2.7 198.51.100.9 4711 25\n", ...show),
      "small letters": header("proxy tcp4 192.0.2.7 198.51.100.9 4711 25\r\n", "QUIT"),
      "bad family": header("PROXY TCP5 192.0.2.7 198.51.100.9 4711 25\r\n", "QUIT"),
      "bad client address": header("PROXY TCP4 192.0.2.777 198.51.100.9 4711 25\r\n", "QUIT"),
      "bad server address": header("PROXY TCP4 192.0.2.7 x 4711 25\r\n", "QUIT"),
      "IPv6 as TCP4": header("PROXY TCP4 2001:db8::7 2001:db8::9 4711 25\r\n", "QUIT"),
      "bad client port": header("PROXY TCP4 192.0.2.7 198.51.100.9 99999 25\r\n", "QUIT"),
      "bad server port": header("PROXY TCP4 192.0.2.7 198.51.100.9 4711 x\r\n", "QUIT"),
      "missing server port": header("PROXY TCP4 192.0.2.7 198.51.100.9 4711\r\n", "QUIT"),
      "missing everything": header("PROXY TCP4\r\n", "QUIT"),
      "PROXY only": header("PROXY\r\n", "QUIT"),
      "one word too many": header("PROXY TCP4 192.0.2.7 198.51.100.9 4711 25 x\r\n", "QUIT"),
      "two spaces": header("PROXY  TCP4 192.0.2.7 198.51.100.9 4711 25\r\n", "QUIT"),
      "port with a zero in front": header("PROXY TCP4 192.0.2.7 198.51.100.9 0047 25\r\n", "QUIT"),
      "no header": early(lines("EHLO client.test", "QUIT")),
      "too long": header("PROXY TCP4 192.0.2.7 198.51.100.9 4711 25" + " ".repeat(80) + "\r\n", "QUIT"),
      "endless": header("PROXY " + "x".repeat(400), "QUIT"),
      ...Object.fromEntries([6, 7, 8, 9, 11, 12, 13].map((length) => [`${length} octets`, header("NOOP".padEnd(length - 2, "x") + "\r\n", "QUIT")])),
      ...Object.fromEntries([6, 8, 9, 11, 13, 15].map((length) => [`${length} octets of v2`, header(v2(0x21, 0x11, example4).slice(0, length))])),
      ...Object.fromEntries([7, 9, 11].map((length) => [`${length} octets with PROXY`, header("PROXY TCP4".slice(0, length - 2) + "\r\n", "QUIT")])),
      "empty line": header("\r\n", "QUIT"),
      "silent": { pieces: ["", "", "", ""] },
      "closed": early(pieces("PROXY TCP4 192.0.2.7")),
      "v2 TCP4": header(v2(0x21, 0x11, example4), ...show),
      "v2 TCP4 with the first command": header(v2(0x21, 0x11, example4) + "EHLO client.test\r\n", "QUIT"),
      "v2 TCP6": header(v2(0x21, 0x21, example6), ...show),
      "v2 with TLVs": header(v2(0x21, 0x11, example4 + "\x01" + u16(2) + "h2" + "\x04" + u16(3) + "abc"), ...show),
      "v2 LOCAL": header(v2(0x20, 0x00, ""), ...show),
      "v2 LOCAL with addresses": header(v2(0x20, 0x11, example4), ...show),
      "v2 UNIX": header(v2(0x21, 0x31, "/a".padEnd(108, "\0") + "/b".padEnd(108, "\0")), "QUIT"),
      "v2 UDP": header(v2(0x21, 0x12, example4), "QUIT"),
      "v2 unspecified": header(v2(0x21, 0x00, ""), "QUIT"),
      "v2 wrong version": header(v2(0x11, 0x11, example4), "QUIT"),
      "v2 wrong command": header(v2(0x22, 0x11, example4), "QUIT"),
      "v2 too short for its family": header(v2(0x21, 0x11, example4.slice(0, 8)), "QUIT"),
      "v2 TCP6 too short": header(v2(0x21, 0x21, example4), "QUIT"),
      "v2 very long": header(v2(0x21, 0x11, example4 + "\x04" + u16(600) + "z".repeat(600)), "EHLO x", "QUIT"),
      "v2 cut": early(pieces(v2(0x21, 0x11, example4).slice(0, 20))),
      "v2 signature only": early(pieces(signature)),
      "v2 bad signature": header("\r\n\r\n\0\r\nQUIX\n" + "\x21\x11" + u16(12) + example4, "QUIT"),
      "a message": early(pieces("PROXY TCP4 192.0.2.7 198.51.100.9 4711 25\r\n", "EHLO client.test\r\n", whole, "QUIT\r\n")),
      "a message from LOCAL": early(pieces(v2(0x20, 0x00, ""), "EHLO client.test\r\n", whole, "QUIT\r\n")),
    },
  },
  haproxy_ipv4: {
    settings: { smtpd_upstream_proxy_protocol: "haproxy", inet_protocols: "ipv4" },
    dialogues: {
      "TCP6": header("PROXY TCP6 2001:db8::7 2001:db8::9 4711 25\r\n", "QUIT"),
      "v2 TCP6": header(v2(0x21, 0x21, example6), "QUIT"),
    },
  },
  proxy: {
    settings: { mynetworks: "127.0.0.0/8", smtpd_proxy_filter: "127.0.0.1:@PORT@", smtpd_proxy_ehlo: "before.example.com", smtpd_proxy_timeout: "2s" },
    dialogues: {
      "a message": { ...pieces(sent("EHLO client.test"), whole, "QUIT\r\n"), filter: {} },
      "a message with XFORWARD": { ...pieces(sent("EHLO client.test"), whole, "QUIT\r\n"), filter: { keywords: ["XFORWARD NAME ADDR PROTO HELO SOURCE PORT IDENT", "8BITMIME"] } },
      "some of XFORWARD": { ...pieces(sent("HELO client.test"), whole, "QUIT\r\n"), filter: { keywords: ["XFORWARD NAME PROTO", "8BITMIME"] } },
      "XFORWARD refused": { ...pieces(sent("EHLO client.test"), whole, "QUIT\r\n"), filter: { keywords: ["XFORWARD NAME ADDR PROTO HELO SOURCE PORT IDENT"], on: { XFORWARD: "550 5.7.0 no" } } },
      "commands as they were": { ...pieces(sent("EHLO client.test", "mail from:<a@a.test> body=8bitmime  ret=hdrs", "rcpt to: <alice@example.com> notify=never", "RCPT TO:<x@elsewhere.test>", "DATA"), message, "QUIT\r\n"), filter: {} },
      "two messages": { ...pieces(sent("EHLO client.test"), whole, whole, "QUIT\r\n"), filter: {} },
      "refused by us": { ...lines("EHLO client.test", "MAIL FROM:<a@a.test>", "RCPT TO:<nobody@example.com>", "QUIT"), filter: {} },
      "some recipients refused by us": { ...pieces(sent("EHLO client.test", "MAIL FROM:<a@a.test>", "RCPT TO:<nobody@example.com>", "RCPT TO:<alice@example.com>", "DATA"), message, "QUIT\r\n"), filter: {} },
      "reset": { ...lines("EHLO client.test", ...mail, "RSET", "QUIT"), filter: {} },
      "chunks": { ...pieces(sent("EHLO client.test", ...mail), "BDAT 14\r\nSubject: x\r\n\r\n", "BDAT 9 LAST\r\n.dot\nlast", "QUIT\r\n"), filter: {} },
      "down": { ...pieces(sent("EHLO client.test", ...mail, "DATA", "QUIT")), filter: "down" },
      "hangs up at once": { ...pieces(sent("EHLO client.test", ...mail, "DATA", "QUIT")), filter: { on: { greeting: { do: "close" } } } },
      "greets with 554": { ...pieces(sent("EHLO client.test", ...mail, "QUIT")), filter: { on: { greeting: "554 5.7.0 not you" } } },
      "greets with 421": { ...pieces(sent("EHLO client.test", ...mail, "QUIT")), filter: { on: { greeting: "421 4.7.0 busy" } } },
      "greets with garbage": { ...pieces(sent("EHLO client.test", ...mail, "QUIT")), filter: { on: { greeting: { raw: "hello\r\n" } } } },
      "knows no EHLO": { ...pieces(sent("EHLO client.test"), whole, "QUIT\r\n"), filter: { on: { EHLO: "502 5.5.2 no" } } },
      "knows no EHLO and no HELO": { ...pieces(sent("EHLO client.test", ...mail, "QUIT")), filter: { on: { EHLO: "502 5.5.2 no", HELO: "502 5.5.2 no" } } },
      "refuses MAIL": { ...pieces(sent("EHLO client.test", ...mail, "RCPT TO:<bob@example.com>", "DATA", "QUIT")), filter: { on: { MAIL: "550 5.1.8 bad sender" } } },
      "refuses MAIL for now": { ...pieces(sent("EHLO client.test", ...mail, "DATA", "QUIT")), filter: { on: { MAIL: "451 4.1.8 later" } } },
      "refuses one recipient": { ...pieces(sent("EHLO client.test", ...mail, "RCPT TO:<bob@example.com>", "DATA"), message, "QUIT\r\n"), filter: { on: { "RCPT TO:<alice@example.com>": "550 5.1.1 no alice" } } },
      "refuses all recipients": { ...pieces(sent("EHLO client.test", ...mail, "DATA", "QUIT")), filter: { on: { RCPT: "452 4.2.2 full" } } },
      "refuses DATA": { ...pieces(sent("EHLO client.test", ...mail, "DATA", "NOOP", "QUIT")), filter: { on: { DATA: "554 5.5.0 no data" } } },
      "refuses DATA for now": { ...pieces(sent("EHLO client.test", ...mail, "DATA", "QUIT")), filter: { on: { DATA: "451 4.5.0 no data now" } } },
      "takes DATA with 250": { ...pieces(sent("EHLO client.test", ...mail, "DATA", "QUIT")), filter: { on: { DATA: "250 2.0.0 fine" } } },
      "refuses content": { ...pieces(sent("EHLO client.test"), whole, "QUIT\r\n"), filter: { on: { ".": "554 5.7.1 virus" } } },
      "refuses content in lines": { ...pieces(sent("EHLO client.test"), whole, "QUIT\r\n"), filter: { on: { ".": "550 5.7.1 spam\n550 5.7.1 more about it" } } },
      "refuses content for now": { ...pieces(sent("EHLO client.test"), whole, "QUIT\r\n"), filter: { on: { ".": "451 4.3.0 later" } } },
      "no enhanced code": { ...pieces(sent("EHLO client.test"), whole, "QUIT\r\n"), filter: { on: { ".": "550 spam" } } },
      "closes behind 421": { ...pieces(sent("EHLO client.test"), whole, "NOOP\r\n", "QUIT\r\n"), filter: { on: { ".": "421 4.3.0 closing" } } },
      "dies at MAIL": { ...pieces(sent("EHLO client.test", ...mail, "DATA", "QUIT")), filter: { on: { MAIL: { do: "close" } } } },
      "dies at RCPT": { ...pieces(sent("EHLO client.test", ...mail, "DATA", "QUIT")), filter: { on: { RCPT: { do: "close" } } } },
      "dies at DATA": { ...pieces(sent("EHLO client.test", ...mail, "DATA", "QUIT")), filter: { on: { DATA: { do: "close" } } } },
      "dies at the end": { ...pieces(sent("EHLO client.test"), whole, "QUIT\r\n"), filter: { on: { ".": { do: "close" } } } },
      "garbage at the end": { ...pieces(sent("EHLO client.test"), whole, "QUIT\r\n"), filter: { on: { ".": { raw: "what?\r\n250 2.0.0 fine\r\n" } } } },
    },
  },
  proxy_xforward: {
    settings: { mynetworks: "127.0.0.0/8", smtpd_authorized_xforward_hosts: "127.0.0.1", smtpd_proxy_filter: "127.0.0.1:@PORT@" },
    dialogues: Object.fromEntries(["SOURCE=LOCAL", "IDENT=ABCD1234", "HELO=other.test"].map((told) => [
      told,
      { ...pieces(sent("EHLO client.test", `XFORWARD ${told}`), whole, "QUIT\r\n"), filter: { keywords: ["XFORWARD NAME ADDR PROTO HELO SOURCE PORT IDENT"] } },
    ])),
  },
  proxy_adjust: {
    settings: { mynetworks: "127.0.0.0/8", smtpd_proxy_filter: "inet:127.0.0.1:@PORT@", smtpd_proxy_options: "speed_adjust", smtpd_proxy_timeout: "2s" },
    dialogues: {
      "a message": { ...pieces(sent("EHLO client.test"), whole, "QUIT\r\n"), filter: { keywords: ["XFORWARD NAME ADDR PROTO HELO SOURCE PORT IDENT"] } },
      "two messages": { ...pieces(sent("EHLO client.test"), whole, whole, "QUIT\r\n"), filter: {} },
      "reset": { ...lines("EHLO client.test", ...mail, "RSET", "QUIT"), filter: {} },
      "chunks": { ...pieces(sent("EHLO client.test", ...mail), "BDAT 14\r\nSubject: x\r\n\r\n", "BDAT 9 LAST\r\n.dot\nlast", "QUIT\r\n"), filter: {} },
      "down": { ...pieces(sent("EHLO client.test"), whole, "QUIT\r\n"), filter: "down" },
      "greets with 554": { ...pieces(sent("EHLO client.test"), whole, "QUIT\r\n"), filter: { on: { greeting: "554 5.7.0 not you" } } },
      "refuses MAIL": { ...pieces(sent("EHLO client.test"), whole, "QUIT\r\n"), filter: { on: { MAIL: "550 5.1.8 bad sender" } } },
      "refuses one recipient": { ...pieces(sent("EHLO client.test", ...mail, "RCPT TO:<bob@example.com>", "DATA"), message, "QUIT\r\n"), filter: { on: { "RCPT TO:<alice@example.com>": "550 5.1.1 no alice" } } },
      "refuses DATA": { ...pieces(sent("EHLO client.test"), whole, "QUIT\r\n"), filter: { on: { DATA: "554 5.5.0 no data" } } },
      "refuses content": { ...pieces(sent("EHLO client.test"), whole, "QUIT\r\n"), filter: { on: { ".": "554 5.7.1 virus" } } },
      "dies at RCPT": { ...pieces(sent("EHLO client.test"), whole, "QUIT\r\n"), filter: { on: { RCPT: { do: "close" } } } },
      "dies at the end": { ...pieces(sent("EHLO client.test"), whole, "QUIT\r\n"), filter: { on: { ".": { do: "close" } } } },
    },
  },
  proxy_actions: {
    settings: {
      mynetworks: "127.0.0.0/8",
      smtpd_proxy_filter: "127.0.0.1:@PORT@",
      smtpd_sender_restrictions: "check_sender_access inline:{ {hold@a.test=HOLD} {discard@a.test=DISCARD} {filter@a.test=FILTER smtp:x.test} {redirect@a.test=REDIRECT x@y.test} {bcc@a.test=BCC x@y.test} {prepend@a.test=PREPEND X-Test: yes} }",
      message_size_limit: "500",
    },
    dialogues: {
      ...Object.fromEntries(["hold", "discard", "filter", "redirect", "bcc", "prepend"].map((action) => [
        action,
        { ...pieces(sent("EHLO client.test", `MAIL FROM:<${action}@a.test>`, "RCPT TO:<alice@example.com>", "DATA"), message, "QUIT\r\n"), filter: {} },
      ])),
      "too large": { ...pieces(sent("EHLO client.test", ...mail, "DATA"), ("x".repeat(98) + "\r\n").repeat(8) + ".\r\n", "QUIT\r\n"), filter: {} },
    },
  },
  footer: {
    settings: {
      smtpd_reject_footer: "Contact postmaster at $server_name about $client_address, $client_port$nothing: $localtime",
    },
    dialogues: { "plain": lines("EHLO client.test", "MAIL FROM:<a@a.test>", "RCPT TO:<nobody@example.com>", "FOO", "QUIT") },
  },
  footer_maps: {
    settings: {
      smtpd_reject_footer: "default footer",
      smtpd_reject_footer_maps: "regexp:{ {/^502/ by map} {/^500/ \\c glued} {/User unknown/ one\\ntwo $$$$server_name} {/^554/ bad $$server_name} {/^5.. .*Syntax/ other $$$$nonsense $$$$(client_name)} }",
    },
    dialogues: { "maps": lines("EHLO client.test", "STARTTLS", "FOO", "MAIL FROM:<a@a.test>", "RCPT TO:<nobody@example.com>", "RCPT TO:<x@elsewhere.test>", "DATA", "RCPT", "QUIT") },
  },
  permits: {
    settings: {
      ...trusted,
      smtpd_log_access_permit_actions: "static:all",
      smtpd_sender_restrictions: "check_sender_access inline:{ {ok@a.test=OK} {permit@a.test=permit} {relay@a.test=RELAY} }, permit_mynetworks",
    },
    dialogues: {
      "all": lines("EHLO client.test", "MAIL FROM:<ok@a.test>", "RCPT TO:<alice@example.com>", "RSET", "MAIL FROM:<permit@a.test>", "RCPT TO:<alice@example.com>", "RSET", "MAIL FROM:<x@a.test>", "RCPT TO:<alice@example.com>", "RCPT TO:<x@elsewhere.test>", "QUIT"),
    },
  },
  permits_some: {
    settings: { ...trusted, smtpd_log_access_permit_actions: "permit_mynetworks", smtpd_sender_restrictions: "check_sender_access inline:{ {ok@a.test=OK} }" },
    dialogues: { "some": lines("EHLO client.test", "MAIL FROM:<ok@a.test>", "RCPT TO:<alice@example.com>", "QUIT") },
  },
  keyword_maps: {
    settings: { smtpd_discard_ehlo_keyword_address_maps: "inline:{ {127.0.0.1=pipelining, CHUNKING dsn} }", smtpd_discard_ehlo_keywords: "etrn" },
    dialogues: { "by address": lines("EHLO client.test", "BDAT 3 LAST", "QUIT") },
  },
  keyword_maps_none: {
    settings: { smtpd_discard_ehlo_keyword_address_maps: "inline:{ {127.0.0.2=pipelining} }", smtpd_discard_ehlo_keywords: "etrn,bogus" },
    dialogues: { "by address": lines("EHLO client.test", "ETRN example.com", "QUIT") },
  },
  keyword_maps_broken: {
    settings: { smtpd_discard_ehlo_keyword_address_maps: "fail:x" },
    dialogues: { "by address": lines("EHLO client.test", "QUIT") },
  },
  early_open: {
    settings: { ...trusted, smtpd_delay_open_until_valid_rcpt: "no" },
    dialogues: {
      "opened at MAIL": lines("EHLO client.test", "MAIL FROM:<a@a.test>", "RCPT TO:<nobody@example.com>", "RSET", "MAIL FROM:<a@a.test>", "QUIT"),
      "a message": pieces(sent("EHLO client.test"), whole, "QUIT\r\n"),
      "lost": lines("EHLO client.test", "MAIL FROM:<a@a.test>"),
      "no recipient": lines("EHLO client.test", "MAIL FROM:<a@a.test>", "RCPT TO:<nobody@example.com>", "DATA", "QUIT"),
    },
  },
  noop: {
    settings: { smtpd_noop_commands: "foo, RSET", smtpd_forbidden_commands: "CONNECT GET POST BAD regexp:{{/^[^A-Z]/ Bogus}}" },
    dialogues: {
      "ignored": lines("FOO bar", "foo", "RSET", "BAR", "bad", "QUIT"),
      "forbidden in small letters": lines("get / HTTP/1.0"),
      "forbidden": lines("BAD x"),
      "digit": lines("123"),
      "label": lines("From: x"),
      "label with a blank": lines("From : x", "QUIT"),
      "octet": lines("\xc3\xa4"),
      "no label": lines("\x01:", "QUIT"),
      "TLS hello": pieces("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n"),
      "star": lines("*"),
    },
  },
  command_filter: {
    settings: { smtpd_command_filter: "regexp:{ {/^HELO *$$/ HELO domain.invalid} {/^\\s*$$/ NOOP} {/^(RCPT TO:<)'([^[:space:]]+)'(>.*)/ $$1$$2$$3} {/^BOTH/ QUIT} }" },
    dialogues: { "replaced": lines("HELO", "", "  NOOP", "MAIL FROM:<a@a.test>", "RCPT TO:<'alice@example.com'> ", "BOTH") },
  },
  command_filter_broken: {
    settings: { smtpd_command_filter: "fail:x" },
    dialogues: { "down": lines("EHLO x", "QUIT") },
  },
  all_keywords: {
    settings: { smtpd_discard_ehlo_keywords: "8bitmime, auth, pipelining, size, vrfy, etrn, starttls, xclient, xforward, enhancedstatuscodes, dsn, smtputf8, chunking, verp, help, bogus" },
    dialogues: {
      "none left": lines("EHLO client.test", "MAIL FROM:<a@a.test> BODY=8BITMIME SIZE=10", "RSET", "MAIL FROM:<a@a.test> SMTPUTF8", "RSET", "VRFY alice", "ETRN example.com", "STARTTLS", "AUTH PLAIN", "QUIT"),
    },
  },
  early_talker: {
    settings: {},
    dialogues: { "early": early(lines("EHLO client.test", "QUIT")) },
  },
  early_talker_allowed: {
    settings: { smtpd_forbid_unauth_pipelining: "no" },
    dialogues: { "early": early(lines("EHLO client.test", "QUIT")), "early and more": early(pieces("EHLO client.test\r\nNOOP\r\n", "QUIT\r\n")) },
  },
  received: {
    settings: trusted,
    dialogues: {
      "two recipients": pieces(sent("EHLO client.test", ...mail, "RCPT TO:<bob@example.com>", "DATA"), message, "QUIT\r\n"),
      "HELO": pieces(sent("HELO client.test", ...mail, "DATA"), message, "QUIT\r\n"),
      "no HELO": pieces(sent(...mail, "DATA"), message, "QUIT\r\n"),
      "EHLO, then HELO": pieces(sent("EHLO client.test", "HELO other.test", ...mail, "DATA"), message, "QUIT\r\n"),
      "by BDAT": pieces(sent("EHLO client.test", ...mail), "BDAT 14 LAST\r\nSubject: x\r\n\r\n", "QUIT\r\n"),
      "parameters": pieces(sent("EHLO client.test", "MAIL FROM:<a@a.test> BODY=8BITMIME RET=HDRS ENVID=q+2Br", "RCPT TO:<alice@example.com> NOTIFY=NEVER ORCPT=rfc822;x+2By", "DATA"), message, "QUIT\r\n"),
    },
  },
  verp: {
    settings: { smtpd_authorized_verp_clients: "127.0.0.1", ...trusted },
    dialogues: {
      "delimiters": lines(
        "EHLO client.test", "MAIL FROM:<a@a.test> XVERP", "RSET", "MAIL FROM:<a@a.test> xverp=-=", "RSET", "MAIL FROM:<a@a.test> XVERP=", "MAIL FROM:<a@a.test> XVERP=x", "MAIL FROM:<a@a.test> XVERP=ab", "MAIL FROM:<a@a.test> XVERP=+=+",
        "MAIL FROM:<> XVERP", "RSET", "MAIL FROM:<a@a.test> XVERP XVERP", "QUIT",
      ),
      "a message": pieces(sent("EHLO client.test", "MAIL FROM:<a@a.test> XVERP", "RCPT TO:<alice@example.com>", "DATA"), message, "QUIT\r\n"),
      "a message with delimiters": pieces(sent("EHLO client.test", "MAIL FROM:<a@a.test> XVERP=-=", "RCPT TO:<alice@example.com>", "DATA"), message, "QUIT\r\n"),
    },
  },
  verp_others: {
    settings: { smtpd_authorized_verp_clients: "192.0.2.1" },
    dialogues: { "not authorized": lines("EHLO client.test", "MAIL FROM:<a@a.test> XVERP", "MAIL FROM:<a@a.test> XVERP=-=", "QUIT") },
  },
  open_relay: {
    settings: { smtpd_hard_error_limit: "1000" },
    dialogues: Object.fromEntries(DISGUISES.map((disguise) => [disguise.name, lines(...relayCommands(disguise))])),
  },
  no_names: {
    settings: { smtpd_peername_lookup: "no", smtpd_client_port_logging: "no" },
    dialogues: { "no name": lines("EHLO x", "MAIL FROM:<a@a.test>", "RCPT TO:<nobody@example.com>", "QUIT") },
  },
  soft: {
    settings: { soft_bounce: "yes" },
    dialogues: { "soft": lines("EHLO x", "MAIL FROM:<a@a.test>", "RCPT TO:<nobody@example.com>", "FOO", "DATA", "RCPT TO:<x@elsewhere.test>", "BDAT x") },
  },
};
