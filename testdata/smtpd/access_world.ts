/**
 * What access checks ask others about, the same for the recording and for the tests: a DNS zone, a hosts file, a policy
 * service and an SMTP server that knows or does not know its recipients.
 */
import { a, aaaa, cname, mx, type Zone, type ZoneRecord } from "../../core/dns/testing.ts";
import { startTcpServer } from "../../core/system/tcp_server_testing.ts";

const ns = (data: string): ZoneRecord => ({ type: "NS", data });
const txt = (data: string): ZoneRecord => ({ type: "TXT", data });
const ptr = (data: string): ZoneRecord => ({ type: "PTR", data });

/** The hosts file: which names the clients have. 127.0.0.3 lies in DNS, 127.0.0.4 has none. */
export const hosts = [
  "127.0.0.1 localhost",
  "127.0.0.2 good.client.test",
  "",
].join("\n");

export const zone: Zone = {
  records: {
    "3.0.0.127.in-addr.arpa": [ptr("forged.client.test")],
    "forged.client.test": [a("192.0.2.77")],
    "good.client.test": [a("127.0.0.2"), mx(10, "mail.good.test")],
    "client.test": [ns("ns.client.test")],
    "ns.client.test": [a("192.0.2.53")],
    "mail.good.test": [a("192.0.2.10")],
    "good.test": [mx(10, "mail.good.test"), mx(20, "mail2.good.test"), ns("ns1.good.test"), a("192.0.2.11")],
    "mail2.good.test": [a("192.0.2.12"), aaaa("2001:db8::12")],
    "ns1.good.test": [a("192.0.2.54")],
    "spam.test": [mx(10, "mx.spam.test"), ns("ns.spam.test")],
    "mx.spam.test": [a("198.51.100.1")],
    "ns.spam.test": [a("198.51.100.53")],
    "sub.spam.test": [a("203.0.113.7")],
    "address-only.test": [a("203.0.113.8")],
    "six-only.test": [aaaa("2001:db8::66")],
    "null.test": [mx(0, ".")],
    "txt-only.test": [txt("nothing else")],
    "dangling.test": [mx(10, "nowhere.dangling.test")],
    "lame.test": [ns("ns.dangling.test")],
    "alias.test": [cname("good.test")],
    "looped.test": [mx(10, "localhost")],
    "invalid.test": [mx(10, "bad..name.test")],
    // We are a backup of these: the host of ours is one of their mail exchangers, at a name or by its address.
    "backup.test": [mx(10, "primary.backup.test"), mx(20, "mx.example.com")],
    "primary.backup.test": [a("192.0.2.20")],
    "outside.test": [mx(10, "primary.outside.test"), mx(20, "mx.example.com")],
    "primary.outside.test": [a("198.51.100.20")],
    "byaddress.test": [mx(10, "primary.backup.test"), mx(20, "here.byaddress.test")],
    "here.byaddress.test": [a("127.0.0.1")],
    "notours.test": [mx(10, "primary.backup.test")],
    "weprimary.test": [mx(10, "mx.example.com")],
    "broken-primary.test": [mx(10, "nowhere.broken-primary.test"), mx(20, "mx.example.com")],
    "mx.example.com": [a("127.0.0.1")],
    // Lists
    "2.0.0.127.bl.test": [a("127.0.0.2"), txt("listed, see http://bl.test/?127.0.0.2")],
    "2.0.0.127.two.test": [a("127.0.0.3"), a("127.0.1.9")],
    "2.0.0.127.wl.test": [a("127.0.0.5")],
    "2.0.0.127.bigtext.test": [a("127.0.0.2"), txt("x".repeat(250))],
    "2.0.0.127.odd.test": [a("127.0.0.2"), txt("100% {of} $sender ${helo_name} 554 5.5.5")],
    "good.client.test.rhs.test": [a("127.0.0.2"), txt("client name listed")],
    "spam.test.rhs.test": [a("127.0.0.4")],
    "helo.spam.test.rhs.test": [a("127.0.0.4"), txt("helo listed")],
    "example.com.rhs.test": [a("127.0.0.6")],
    "forged.client.test.rhs.test": [a("127.0.0.7")],
    "good.client.test.rhswl.test": [a("127.0.0.2")],
  },
  faults: {
    "servfail.test": "SERVFAIL",
    "silent.test": "silent",
    "garbage.test": "garbage",
    "refused.test": "REFUSED",
    "notimp.test": "NOTIMP",
    "otherquestion.test": "wrong-question",
    "spam.test.silent.test": "silent",
    "spam.test.garbage.test": "garbage",
    "spam.test.refused.test": "REFUSED",
    "spam.test.notimp.test": "NOTIMP",
    "spam.test.otherquestion.test": "wrong-question",
    "mx mxfail.test": "SERVFAIL",
    "2.0.0.127.dead.test": "SERVFAIL",
    "2.0.0.127.dead2.test": "SERVFAIL",
    "2.0.0.127.dead3.test": "SERVFAIL",
    "2.0.0.127.dead4.test": "SERVFAIL",
    "ns nsfail.test": "SERVFAIL",
    "nowhere.hostfail.test": "SERVFAIL",
  },
};

/** What the policy service answers, by the local part of the recipient. `undefined`: hangs up; `null`: says nothing. */
const policyAnswers: Readonly<Record<string, string | undefined | null>> = {
  dunno: "action=DUNNO\n\n",
  ok: "action=OK\n\n",
  reject: "action=REJECT\n\n",
  "reject-text": "action=reject 5.7.9 not you\n\n",
  code: "action=451 4.2.1 later\n\n",
  "code-bare": "action=550\n\n",
  defer: "action=DEFER\n\n",
  "defer-text": "action=defer 4.2.2 slow down\n\n",
  "defer-if-permit": "action=DEFER_IF_PERMIT greylisted\n\n",
  "defer-if-reject": "action=DEFER_IF_REJECT perhaps\n\n",
  hold: "action=HOLD look at it\n\n",
  discard: "action=DISCARD away\n\n",
  filter: "action=FILTER smtp:[127.0.0.1]:1\n\n",
  redirect: "action=REDIRECT bob@example.com\n\n",
  bcc: "action=BCC bob@example.com\n\n",
  prepend: "action=PREPEND X-Policy: yes\n\n",
  warn: "action=WARN look\n\n",
  info: "action=INFO listen\n\n",
  class: "action=myclass\n\n",
  list: "action=reject_non_fqdn_sender, reject\n\n",
  table: "action=check_sender_access inline:{a=b}\n\n",
  unknown: "action=no such thing\n\n",
  empty: "action=\n\n",
  more: "x=y\naction=REJECT first\nother=z\n\n",
  noaction: "other=z\n\n",
  nothing: "\n\n",
  garbage: "no equals sign here\n\n",
  hangup: undefined,
  silent: null,
};

/** Serves the policy protocol on 127.0.0.1. What was asked is kept. */
export function startPolicyServer(port = 0) {
  const requests: string[] = [];
  const serve = async (conn: Deno.Conn) => {
    const buffer = new Uint8Array(16384);
    let text = "";
    for (;;) {
      const count = await conn.read(buffer).catch(() => null);
      if (count === null) return;
      text += new TextDecoder().decode(buffer.subarray(0, count));
      for (let end = text.indexOf("\n\n"); end >= 0; end = text.indexOf("\n\n")) {
        const request = text.slice(0, end);
        requests.push(request);
        text = text.slice(end + 2);
        const name = /^recipient=(.*?)(@.*)?$/m.exec(request)?.[1] ?? "";
        const answer = name in policyAnswers ? policyAnswers[name] : "action=DUNNO\n\n";
        if (answer === undefined) return conn.close();
        if (answer !== null) await conn.write(new TextEncoder().encode(answer));
      }
    }
  };
  return { ...startTcpServer(serve, port), requests };
}
