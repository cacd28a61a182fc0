/** Address verification: what is asked of a real Postfix (verify_record.ts) and of our daemon (daemon/e2e/verify_test.ts). */

/** Ports of a run. */
export interface VerifyPorts {
  /** The SMTP server of `startMailServer`. */
  readonly server: number;
  /** Nobody listens there. */
  readonly closed: number;
  /** Another such server, for those that hang up: a destination in trouble is left alone for a while. */
  readonly moody: number;
}

/** main.cf lines. */
export const mainLines = ({ server, closed, moody }: VerifyPorts): string[] => [
  "compatibility_level = 3.6",
  "mydestination = example.com",
  "relay_domains = far.test moody.test nobody.test closed.test swallowed.test",
  `transport_maps = inline:{ {far.test=smtp:[127.0.0.1]:${server}} {moody.test=smtp:[127.0.0.1]:${moody}} {nobody.test=smtp:[127.0.0.1]:${closed}} {closed.test=error:5.2.1 closed for good} {swallowed.test=discard:} }`,
  "local_recipient_maps =",
  "alias_maps = inline:{ {team=x@far.test} }",
  "virtual_alias_maps = inline:{ {alias@example.com=good@far.test} }",
  "mynetworks = 127.0.0.0/8",
  "smtpd_relay_restrictions = permit_mynetworks, reject_unauth_destination",
  "smtpd_reject_unlisted_recipient = no",
  "address_verify_poll_delay = 1s",
  "address_verify_poll_count = 9",
  "smtp_connect_timeout = 5s",
  "smtpd_client_connection_count_limit = 0",
];

/** master.cf services by name: their `-o` settings. */
export const services: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  recipient: { smtpd_recipient_restrictions: "reject_unverified_recipient, permit" },
  sender: { smtpd_recipient_restrictions: "reject_unverified_sender, permit" },
  codes: {
    smtpd_recipient_restrictions: "reject_unverified_recipient, reject_unverified_sender, permit",
    unverified_recipient_reject_code: "551",
    unverified_sender_reject_code: "552",
    unverified_recipient_defer_code: "452",
    unverified_sender_defer_code: "453",
  },
  reasons: {
    smtpd_recipient_restrictions: "reject_unverified_recipient, reject_unverified_sender, permit",
    unverified_recipient_reject_code: "550",
    unverified_recipient_reject_reason: "no such mailbox here",
    unverified_sender_reject_reason: "5.9.9 nobody could answer you",
  },
  lenient: {
    smtpd_recipient_restrictions: "reject_unverified_recipient, permit",
    unverified_recipient_reject_code: "250",
    unverified_recipient_defer_code: "250",
  },
  tempfail: {
    smtpd_recipient_restrictions: "reject_unverified_recipient, reject",
    unverified_recipient_tempfail_action: "defer",
  },
  later: { smtpd_recipient_restrictions: "reject_unverified_recipient, reject" },
  impatient: { smtpd_recipient_restrictions: "reject_unverified_recipient, permit", address_verify_poll_count: "1" },
  warn: { smtpd_recipient_restrictions: "warn_if_reject reject_unverified_recipient, permit", unverified_recipient_reject_code: "550" },
};

export interface VerifyCase {
  readonly service: string;
  readonly sender: string;
  readonly recipient: string;
}

const case_ = (service: string, recipient: string, sender = "good@far.test"): VerifyCase => ({ service, sender, recipient });

/** First these, all at once; then all once more, when the cache knows. */
export const cases: readonly VerifyCase[] = [
  ...["good@far.test", "bad@far.test", "later@far.test", "hangup@moody.test", "quiet@far.test", "x@nobody.test", "x@closed.test", "x@swallowed.test", "postmaster@example.com", "nosuchuser@example.com", "alias@example.com", "team@example.com", "\"odd one\"@far.test", "Mixed@Far.Test"].flatMap((recipient) => [
    case_("recipient", recipient),
    case_("codes", recipient),
    case_("reasons", recipient),
  ]),
  ...["bad@far.test", "later@far.test", "good@far.test", "", "x@closed.test"].flatMap((sender) => [case_("sender", "alias@example.com", sender), case_("codes", "good@far.test", sender), case_("reasons", "good@far.test", sender)]),
  ...["bad@far.test", "later@far.test"].flatMap((recipient) => ["lenient", "tempfail", "later", "warn"].map((service) => case_(service, recipient))),
];

/** What the cache does not know yet: the answer while a probe is under way. */
export const impatient: readonly VerifyCase[] = [case_("impatient", "slow@far.test")];

/** An SMTP server: `good` and others are welcome, `bad` is not, `later` later, with `hangup` it hangs up. */
export function startMailServer(port = 0) {
  const listener = Deno.listen({ hostname: "127.0.0.1", port });
  const commands: string[] = [];
  const open = new Set<Deno.Conn>();
  const serve = async (conn: Deno.Conn) => {
    const say = (text: string) => conn.write(new TextEncoder().encode(text + "\r\n"));
    const buffer = new Uint8Array(4096);
    let text = "";
    await say("220 far.test ESMTP");
    for (;;) {
      const count = await conn.read(buffer);
      if (count === null) return;
      text += new TextDecoder().decode(buffer.subarray(0, count));
      for (let end = text.indexOf("\r\n"); end >= 0; end = text.indexOf("\r\n")) {
        const line = text.slice(0, end);
        text = text.slice(end + 2);
        commands.push(line);
        if (/^EHLO/i.test(line)) await say("250-far.test\r\n250 SIZE");
        else if (/^QUIT/i.test(line)) return await say("221 bye");
        else if (/^DATA/i.test(line)) await say("354 go on");
        else if (/^RCPT TO:<hangup/i.test(line)) return;
        else if (/^RCPT TO:<bad/i.test(line)) await say("550 5.1.1 <bad@far.test> nobody here by that name");
        else if (/^RCPT TO:<later/i.test(line)) await say("451 4.2.1 busy");
        else await say("250 2.0.0 fine");
      }
    }
  };
  const accepting = (async () => {
    for await (const conn of listener) {
      open.add(conn);
      serve(conn).catch(() => {}).finally(() => {
        open.delete(conn);
        try {
          conn.close();
        } catch {
          // Closed with the server.
        }
      });
    }
  })();
  return {
    port: (listener.addr as Deno.NetAddr).port,
    commands,
    async close() {
      listener.close();
      for (const conn of open) {
        try {
          conn.close();
        } catch {
          // Closed already.
        }
      }
      await accepting;
    },
  };
}

/** The reply to RCPT. */
export async function ask(port: number, { sender, recipient }: VerifyCase): Promise<string> {
  const conn = await Deno.connect({ hostname: "127.0.0.1", port });
  try {
    const buffer = new Uint8Array(4096);
    const reply = async () => {
      let text = "";
      while (!/^\d{3} .*\r\n$/m.test(text)) {
        const count = await conn.read(buffer);
        if (count === null) return text;
        text += new TextDecoder().decode(buffer.subarray(0, count));
      }
      return text.trimEnd();
    };
    let last = await reply();
    for (const line of ["EHLO client.test", `MAIL FROM:<${sender}>`, `RCPT TO:<${recipient}>`]) {
      await conn.write(new TextEncoder().encode(line + "\r\n"));
      last = await reply();
    }
    await conn.write(new TextEncoder().encode("QUIT\r\n"));
    await reply();
    return last;
  } finally {
    conn.close();
  }
}

/** What both logs say of the probes, without what differs from run to run. */
export function probeLines(log: string, { server, closed, moody }: VerifyPorts): string[] {
  const lines = log.split("\n").filter((line) => /status=(un)?deliverable|reject_warning/.test(line)).map((line) =>
    line.slice(line.indexOf(": ") + 2)
      .replace(/^[0-9A-F]{6,}: /, "")
      .replace(/delay=[^,]*, delays=[^,]*, /, "")
      // Probes that come close together share a session.
      .replace(/conn_use=\d+, /, "")
      .replaceAll(`:${server}`, ":SERVER").replaceAll(`:${closed}`, ":CLOSED").replaceAll(`:${moody}`, ":MOODY")
      .replace(/from \S+\[127\.0\.0\.1\]:/, "from CLIENT:")
  );
  return [...new Set(lines)].sort();
}
