/** TLS sessions with the server, played against Postfix when recorded and against Postel in the tests. */

/** One session, or several in a row. */
export interface TlsScenario {
  readonly name: string;
  /** Parameters; DIR stands for the directory with certificates, CLIENT and CLIENTKEY for the client's fingerprints. */
  readonly settings: Readonly<Record<string, string>>;
  /** How openssl s_client connects; absent for a session in the clear. */
  readonly tls?: readonly string[];
  /** TLS from the first octet. */
  readonly wrapper?: boolean;
  readonly say: readonly string[];
  /** Octets to send at the end, raw. */
  readonly garbage?: string;
  readonly times?: number;
  /** Postfix says at its start what Postel says when a client gets that far. */
  readonly anyOrder?: boolean;
}

/** What a scenario showed. */
export interface TlsRecord {
  readonly replies: readonly string[];
  readonly log: readonly string[];
}

export const common: Readonly<Record<string, string>> = {
  // Offered since 3.11 only.
  requiretls_enable: "no",
  myhostname: "mail.example.test",
  mydomain: "example.test",
  mydestination: "mail.example.test",
  mail_name: "Example",
  mynetworks: "127.0.0.0/8",
  inet_protocols: "ipv4",
  compatibility_level: "3.6",
  local_recipient_maps: "",
  smtpd_banner: "$myhostname ESMTP",
  smtpd_relay_restrictions: "permit_mynetworks, reject_unauth_destination",
  smtpd_tls_cert_file: "DIR/server.pem",
  smtpd_tls_key_file: "DIR/server.key",
  smtpd_tls_CAfile: "DIR/ca.pem",
  smtpd_tls_security_level: "may",
  smtpd_tls_loglevel: "1",
  smtpd_tls_received_header: "yes",
  smtpd_forbid_unauth_pipelining: "yes",
};

const ask = { smtpd_tls_ask_ccert: "yes" };
const require = { smtpd_tls_req_ccert: "yes", smtpd_tls_security_level: "encrypt" };
const limited = { smtpd_client_new_tls_session_rate_limit: "1", smtpd_client_event_limit_exceptions: "" };
const client = ["-cert", "DIR/client.pem", "-key", "DIR/client.key"];
const self = ["-cert", "DIR/self.pem", "-key", "DIR/self.key"];
const message = [
  "EHLO y",
  "MAIL FROM:<a@b.test>",
  "RCPT TO:<alice@mail.example.test>",
  "DATA",
  "Subject: x\r\n\r\nx\r\n.",
  "QUIT",
];
const outside = ["EHLO y", "MAIL FROM:<a@b.test>", "RCPT TO:<x@elsewhere.test>", "QUIT"];
const strangers = { mynetworks: "192.0.2.1", smtpd_tls_ask_ccert: "yes" };

export const scenarios: readonly TlsScenario[] = [
  { name: "1.3 not asked", settings: {}, tls: ["-tls1_3"], say: message },
  { name: "1.2 not asked", settings: {}, tls: ["-tls1_2"], say: message },
  { name: "1.3 no certificate", settings: ask, tls: ["-tls1_3"], say: message },
  { name: "1.2 no certificate", settings: ask, tls: ["-tls1_2"], say: message },
  { name: "1.3 client certificate", settings: ask, tls: ["-tls1_3", ...client], say: message },
  { name: "1.2 client certificate", settings: ask, tls: ["-tls1_2", ...client], say: message },
  { name: "1.3 self-signed", settings: ask, tls: ["-tls1_3", ...self], say: message },
  { name: "1.2 self-signed", settings: ask, tls: ["-tls1_2", ...self], say: message },
  { name: "1.3 required, missing", settings: require, tls: ["-tls1_3"], say: ["NOOP"] },
  { name: "1.2 required, missing", settings: require, tls: ["-tls1_2"], say: ["NOOP"] },
  { name: "1.3 required, untrusted", settings: require, tls: ["-tls1_3", ...self], say: ["NOOP"] },
  { name: "1.2 required, untrusted", settings: require, tls: ["-tls1_2", ...self], say: ["NOOP"] },
  { name: "1.3 required, given", settings: require, tls: ["-tls1_3", ...client], say: message },
  { name: "1.2 required, given", settings: require, tls: ["-tls1_2", ...client], say: message },
  { name: "no received header", settings: { smtpd_tls_received_header: "no" }, tls: [], say: message },
  { name: "loglevel 0", settings: { smtpd_tls_loglevel: "0" }, tls: [], say: message },
  { name: "STARTTLS twice", settings: {}, tls: [], say: ["EHLO y", "STARTTLS", "STARTTLS x", "QUIT"] },
  {
    name: "EHLO is forgotten",
    settings: { smtpd_helo_required: "yes" },
    tls: [],
    say: ["MAIL FROM:<a@b.test>", "HELO y", "MAIL FROM:<a@b.test>", "QUIT"],
  },
  { name: "wrapper", settings: { smtpd_tls_wrappermode: "yes" }, wrapper: true, tls: [], say: message },
  {
    name: "wrapper, STARTTLS",
    settings: { smtpd_tls_wrappermode: "yes" },
    wrapper: true,
    tls: [],
    say: ["EHLO y", "STARTTLS", "QUIT"],
  },
  {
    name: "wrapper, plain",
    settings: { smtpd_tls_wrappermode: "yes" },
    wrapper: true,
    say: [],
    garbage: "EHLO y\r\n",
  },
  {
    name: "encrypt, plain",
    settings: { smtpd_tls_security_level: "encrypt" },
    say: [
      "EHLO y",
      "MAIL FROM:<a@b.test>",
      "RSET",
      "VRFY a",
      "ETRN x.test",
      "FOO",
      "DATA",
      "BDAT 0",
      "NOOP",
      "QUIT",
    ],
  },
  {
    name: "enforce",
    settings: { smtpd_tls_security_level: "", smtpd_enforce_tls: "yes" },
    say: ["HELO y", "MAIL FROM:<a@b.test>", "QUIT"],
  },
  {
    name: "use",
    settings: { smtpd_tls_security_level: "", smtpd_use_tls: "yes" },
    say: ["EHLO y", "MAIL FROM:<a@b.test>", "QUIT"],
  },
  {
    name: "none",
    settings: { smtpd_tls_security_level: "none" },
    say: ["EHLO y", "STARTTLS x", "STARTTLS", "QUIT"],
  },
  {
    name: "discarded",
    settings: { smtpd_discard_ehlo_keywords: "starttls" },
    say: ["EHLO y", "STARTTLS", "QUIT"],
  },
  {
    name: "no certificate file",
    settings: { smtpd_tls_cert_file: "DIR/none.pem" },
    say: ["EHLO y", "STARTTLS", "QUIT"],
  },
  { name: "syntax", settings: {}, say: ["EHLO y", "STARTTLS x", "QUIT"] },
  { name: "garbage", settings: {}, say: ["EHLO y", "STARTTLS"], garbage: "GARBAGE GARBAGE GARBAGE\r\n" },
  { name: "gone", settings: {}, say: ["EHLO y", "STARTTLS"] },
  { name: "rate", settings: limited, tls: [], say: ["QUIT"], times: 2 },
  {
    name: "rate, wrapper",
    settings: { ...limited, smtpd_tls_wrappermode: "yes" },
    wrapper: true,
    tls: [],
    say: ["QUIT"],
    times: 2,
  },
  {
    name: "permit_tls_clientcerts by certificate",
    settings: {
      ...strangers,
      relay_clientcerts: "inline:{CLIENT=ok}",
      smtpd_relay_restrictions: "permit_tls_clientcerts, reject_unauth_destination",
    },
    tls: client,
    say: outside,
  },
  {
    name: "permit_tls_clientcerts by key",
    settings: {
      ...strangers,
      relay_clientcerts: "inline:{CLIENTKEY=ok}",
      smtpd_relay_restrictions: "permit_tls_clientcerts, reject_unauth_destination",
    },
    tls: client,
    say: outside,
  },
  {
    name: "permit_tls_clientcerts, another",
    settings: {
      ...strangers,
      relay_clientcerts: "inline:{CLIENT=ok}",
      smtpd_relay_restrictions: "permit_tls_clientcerts, reject_unauth_destination",
    },
    tls: self,
    say: outside,
  },
  {
    name: "permit_tls_all_clientcerts",
    settings: {
      ...strangers,
      smtpd_relay_restrictions: "permit_tls_all_clientcerts, reject_unauth_destination",
    },
    tls: client,
    say: outside,
  },
  {
    name: "permit_tls_all_clientcerts, untrusted",
    settings: {
      ...strangers,
      smtpd_relay_restrictions: "permit_tls_all_clientcerts, reject_unauth_destination",
    },
    tls: self,
    say: outside,
  },
  {
    name: "check_ccert_access",
    settings: { ...ask, smtpd_recipient_restrictions: "check_ccert_access inline:{{CLIENT=REJECT not you}}" },
    tls: client,
    say: outside,
  },
  {
    name: "check_ccert_access without certificate",
    settings: { ...ask, smtpd_recipient_restrictions: "check_ccert_access inline:{{CLIENT=REJECT not you}}" },
    tls: [],
    say: outside,
  },
  {
    name: "check_ccert_access by the key alone",
    settings: {
      ...ask,
      smtpd_recipient_restrictions:
        "check_ccert_access { inline:{{CLIENTKEY=REJECT by key}}, { search_order = pubkey_fingerprint } }",
    },
    tls: client,
    say: outside,
  },
  {
    name: "check_ccert_access by the certificate alone",
    settings: {
      ...ask,
      smtpd_recipient_restrictions:
        "check_ccert_access { inline:{{CLIENTKEY=REJECT by key}}, { search_order = cert_fingerprint } }",
    },
    tls: client,
    say: outside,
  },
  {
    name: "check_ccert_access by one and the other",
    settings: {
      ...ask,
      smtpd_recipient_restrictions:
        "check_ccert_access { inline:{{CLIENT=REJECT certificate} {CLIENTKEY=REJECT key}} { search_order = pubkey_fingerprint cert_fingerprint } }",
    },
    tls: client,
    say: outside,
  },
  {
    name: "check_ccert_access in braces without options",
    settings: {
      ...ask,
      smtpd_recipient_restrictions: "check_ccert_access { inline:{{CLIENT=REJECT not you}} }",
    },
    tls: client,
    say: outside,
  },
  {
    name: "check_ccert_access, nothing to search by",
    settings: {
      ...ask,
      smtpd_recipient_restrictions:
        "check_ccert_access { inline:{{CLIENT=REJECT not you}}, { search_order = } }",
    },
    tls: client,
    say: outside,
  },
  {
    name: "check_ccert_access, unknown search",
    anyOrder: true,
    settings: {
      ...ask,
      smtpd_recipient_restrictions:
        "check_ccert_access { inline:{{CLIENT=REJECT not you}}, { search_order = cert_fingerprint, nonsense } }",
    },
    tls: client,
    say: outside,
  },
  {
    name: "check_ccert_access, unknown option",
    anyOrder: true,
    settings: {
      ...ask,
      smtpd_recipient_restrictions:
        "check_ccert_access { inline:{{CLIENT=REJECT not you}}, { order = cert_fingerprint } }",
    },
    tls: client,
    say: outside,
  },
  {
    name: "check_ccert_access, option without braces",
    anyOrder: true,
    settings: {
      ...ask,
      smtpd_recipient_restrictions:
        "check_ccert_access { inline:{{CLIENT=REJECT not you}}, search_order = cert_fingerprint }",
    },
    tls: client,
    say: outside,
  },
  {
    name: "check_ccert_access, empty braces",
    anyOrder: true,
    settings: {
      ...ask,
      smtpd_recipient_restrictions: "check_ccert_access { }",
    },
    tls: client,
    say: outside,
  },
  {
    name: "check_ccert_access, no table",
    anyOrder: true,
    settings: {
      ...ask,
      smtpd_recipient_restrictions: "check_ccert_access { nothing, { search_order = cert_fingerprint } }",
    },
    tls: client,
    say: outside,
  },
  {
    name: "check_ccert_access, unknown search but no certificate",
    anyOrder: true,
    settings: {
      ...ask,
      smtpd_recipient_restrictions:
        "check_ccert_access { inline:{{CLIENT=REJECT not you}}, { search_order = nonsense } }",
    },
    tls: [],
    say: outside,
  },
  {
    name: "reject_plaintext_session, plain",
    settings: { smtpd_recipient_restrictions: "reject_plaintext_session" },
    say: outside,
  },
  {
    name: "reject_plaintext_session, TLS",
    settings: { smtpd_recipient_restrictions: "reject_plaintext_session" },
    tls: [],
    say: outside,
  },
];

/** Reads replies; the conversation of one client. */
class Replies {
  readonly found: string[] = [];
  #text = "";
  readonly #decoder = new TextDecoder();
  constructor(readonly reader: ReadableStreamDefaultReader<Uint8Array>) {}

  /** One reply; false at the end. */
  async next(): Promise<boolean> {
    for (;;) {
      const match = /^(?:\d{3}-[^\n]*\n)*\d{3}(?: [^\n]*)?\n/.exec(this.#text);
      if (match !== null) {
        this.found.push(match[0].replaceAll("\r", "").trimEnd());
        this.#text = this.#text.slice(match[0].length);
        return true;
      }
      const { value, done } = await this.reader.read().catch(() => ({ value: undefined, done: true }));
      if (done || value === undefined) return false;
      this.#text += this.#decoder.decode(value, { stream: true });
    }
  }
}

/** Milliseconds after which a session is given up. */
const PATIENCE = 8000;

/** Plays one session and returns the replies. */
export async function play(scenario: TlsScenario, port: number, directory: string): Promise<string[]> {
  if (scenario.tls === undefined) return await playPlain(scenario, port);
  const args = ["s_client", "-quiet", "-connect", `127.0.0.1:${port}`, ...fill(scenario.tls, directory)];
  if (scenario.wrapper !== true) args.push("-starttls", "smtp", "-name", "y");
  const signal = AbortSignal.timeout(PATIENCE);
  const process = new Deno.Command("openssl", {
    signal,
    args,
    stdin: "piped",
    stdout: "piped",
    stderr: "null",
  })
    .spawn();
  const writer = process.stdin.getWriter();
  const replies = new Replies(process.stdout.getReader());
  const wrapped = scenario.wrapper === true;
  let alive = !wrapped || await replies.next();
  for (const line of scenario.say) {
    if (!alive) break;
    await writer.write(new TextEncoder().encode(`${line}\r\n`)).catch(() => alive = false);
    alive = alive && await replies.next();
  }
  await writer.close().catch(() => {});
  await replies.reader.cancel();
  await process.status;
  return replies.found;
}

async function playPlain(scenario: TlsScenario, port: number): Promise<string[]> {
  const connection = await Deno.connect({ hostname: "127.0.0.1", port });
  const replies = new Replies(connection.readable.getReader());
  const writer = connection.writable.getWriter();
  const send = (text: string) => writer.write(new TextEncoder().encode(text)).catch(() => {});
  if (scenario.wrapper !== true) await replies.next();
  for (const line of scenario.say) {
    await send(`${line}\r\n`);
    if (!await replies.next()) break;
  }
  if (scenario.garbage !== undefined) {
    await send(scenario.garbage);
    while (await replies.next());
  }
  try {
    connection.close();
  } catch {
    // The streams closed it.
  }
  return replies.found;
}

function fill(words: readonly string[], directory: string): string[] {
  return words.map((word) => word.replaceAll("DIR", directory));
}

/** The parameters of a scenario with everything filled in. */
export function settingsOf(
  scenario: TlsScenario,
  directory: string,
  fingerprints: { readonly certificate: string; readonly key: string },
): Record<string, string> {
  const entries = Object.entries({ ...common, ...scenario.settings });
  return Object.fromEntries(entries.map(([name, value]) => [
    name,
    value.replaceAll("DIR", directory).replaceAll("CLIENTKEY", fingerprints.key)
      .replaceAll("CLIENT", fingerprints.certificate),
  ]));
}

/** Takes what differs from run to run, and what belongs to OpenSSL, out of log lines and replies. */
export function normalize(
  line: string,
  fingerprints: { readonly certificate: string; readonly key: string },
): string {
  return line.replaceAll(fingerprints.certificate, "CLIENT").replaceAll(fingerprints.key, "CLIENTKEY")
    .replace(/queued as \w+/, "queued as ID").replace(/\bid \w+$/, "id ID").replace(/; \w{3}, .*$/, "; DATE")
    .replace(/^[0-9A-Za-z]{10,}: (?=client=|reject:|permit:)/, "ID: ").replace(
      /^NOQUEUE: (?=lost|timeout)/,
      "",
    )
    .replace(/for service \S+/, "for service SERVICE").replace(
      /TLS library problem: .*/,
      "TLS library problem: WHY",
    )
    .replace(
      /cannot (get \w+ certificate from file|open) .*: disabling TLS support/,
      "WHY: disabling TLS support",
    );
}

/** Log lines that say nothing about the session. */
export function isNoise(line: string): boolean {
  return /^connect from|dict_nis_init|^initializing|^statistics/.test(line);
}
