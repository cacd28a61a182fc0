/**
 * AUTH dialogues, in the form of testdata/smtpd/cases.ts. `record.ts` plays them to a real Postfix with the Cyrus library,
 * a password file and `smtpd.conf`; the tests play them to our server with the same files.
 */

export const base: Readonly<Record<string, string>> = {
  compatibility_level: "3.6",
  inet_interfaces: "127.0.0.1",
  inet_protocols: "ipv4",
  myhostname: "mx.example.com",
  mydomain: "example.com",
  mydestination: "example.com, localhost",
  mynetworks: "192.0.2.0/24",
  local_recipient_maps: "",
  alias_maps: "",
  alias_database: "",
  smtpd_error_sleep_time: "0",
  smtpd_hard_error_limit: "100",
  smtpd_client_connection_count_limit: "0",
  smtpd_relay_restrictions: "permit_sasl_authenticated, reject_unauth_destination",
  smtpd_sasl_auth_enable: "yes",
  smtpd_sasl_local_domain: "mx.example.com",
};

/** Users in the password file: name and password, all of the realm mx.example.com. */
export const users: readonly (readonly [string, string])[] = [["alice", "wonder land"], ["bob", "builder"]];

/** smtpd.conf; DIRECTORY stands for the directory of the instance. */
export const applicationConfig =
  "pwcheck_method: auxprop\nauxprop_plugin: sasldb\nsasldb_path: DIRECTORY/sasldb2\nmech_list: PLAIN LOGIN\n";

export interface Group {
  readonly settings: Readonly<Record<string, string>>;
  readonly dialogues: Readonly<Record<string, readonly string[]>>;
}

const lines = (...commands: string[]) => commands.map((command) => command + "\r\n");
const plain = (user: string, password: string, authorization = "") =>
  btoa(`${authorization}\0${user}\0${password}`);
const alice = plain("alice", "wonder land");
const hello = "EHLO client.test";
const logins =
  "inline:{{alice@example.com=alice@mx.example.com} {shared@example.com=alice@mx.example.com,bob@mx.example.com}}";
const tryAll = [
  "MAIL FROM:<alice@example.com>", "RCPT TO:<x@example.com>", "RSET",
  "MAIL FROM:<shared@example.com>", "RCPT TO:<x@example.com>", "RSET",
  "MAIL FROM:<nobody@example.com>", "RCPT TO:<x@example.com>", "RSET",
  "MAIL FROM:<>", "RCPT TO:<x@example.com>", "QUIT",
];
const senders = {
  "nobody": lines(hello, ...tryAll),
  "alice": lines(hello, `AUTH PLAIN ${alice}`, ...tryAll),
  "bob": lines(hello, `AUTH PLAIN ${plain("bob", "builder")}`, ...tryAll),
};

export const groups: Readonly<Record<string, Group>> = {
  plain: {
    settings: {},
    dialogues: {
      "before hello": lines(`AUTH PLAIN ${alice}`, "QUIT"),
      "hello": lines("HELO client.test", `AUTH PLAIN ${alice}`, "QUIT"),
      "keywords": lines(hello, "QUIT"),
      "initial response": lines(hello, `AUTH PLAIN ${alice}`, `AUTH PLAIN ${alice}`, hello, "QUIT"),
      "lower case": lines(hello, `auth plain ${alice}`, "QUIT"),
      "full name": lines(hello, `AUTH PLAIN ${plain("alice@mx.example.com", "wonder land")}`, "QUIT"),
      "two steps": lines(hello, "AUTH PLAIN", alice, "QUIT"),
      "login": lines(hello, "AUTH LOGIN", btoa("alice"), btoa("wonder land"), "QUIT"),
      "login with name": lines(hello, `AUTH LOGIN ${btoa("alice")}`, btoa("wonder land"), "QUIT"),
      "login wrong": lines(hello, "AUTH LOGIN", btoa("alice"), btoa("wrong"), "QUIT"),
      "wrong password": lines(hello, `AUTH PLAIN ${plain("alice", "wrong")}`, "QUIT"),
      "unknown user": lines(hello, `AUTH PLAIN ${plain("nobody", "wrong")}`, "QUIT"),
      "empty": lines(hello, `AUTH PLAIN ${plain("", "")}`, `AUTH PLAIN ${plain("alice", "")}`, "QUIT"),
      "other realm": lines(hello, `AUTH PLAIN ${plain("alice@other.test", "wonder land")}`, "QUIT"),
      "authorization": lines(hello, `AUTH PLAIN ${plain("alice", "wonder land", "alice")}`, "QUIT"),
      "authorization of another": lines(hello, `AUTH PLAIN ${plain("alice", "wonder land", "bob")}`, "QUIT"),
      "cancel": lines(hello, "AUTH LOGIN", "*", "AUTH LOGIN", btoa("alice"), "*", "AUTH PLAIN", "*", "QUIT"),
      "syntax": lines(hello, "AUTH", "AUTH PLAIN a b", "AUTH PLAIN !!!!", "AUTH PLAIN abc", "AUTH XYZZY", "AUTH XYZZY abcd", "QUIT"),
      "bad base64 in a response": lines(hello, "AUTH LOGIN", "!!!!", "AUTH LOGIN", btoa("alice"), "a", "AUTH PLAIN", "", "AUTH LOGIN", "", "", "QUIT"),
      "malformed PLAIN": lines(hello, `AUTH PLAIN ${btoa("alice")}`, `AUTH PLAIN ${btoa("\0alice")}`, `AUTH PLAIN ${btoa("\0a\0b\0c")}`, "QUIT"),
      "in a transaction": lines(hello, "MAIL FROM:<a@a.test>", `AUTH PLAIN ${alice}`, "QUIT"),
      "relay": lines(hello, "MAIL FROM:<a@a.test>", "RCPT TO:<x@far.test>", "RSET", `AUTH PLAIN ${alice}`, "MAIL FROM:<a@a.test>", "RCPT TO:<x@far.test>", "QUIT"),
      "AUTH= of MAIL": lines(hello, "MAIL FROM:<a@a.test> AUTH=<>", "RSET", "MAIL FROM:<a@a.test> AUTH=a+40b.test", "RSET", "MAIL FROM:<a@a.test> AUTH=a+4", "RSET", "MAIL FROM:<a@a.test> AUTH=", "RSET", `AUTH PLAIN ${alice}`, "MAIL FROM:<a@a.test> AUTH=<>", "RSET", "MAIL FROM:<a@a.test> AUTH=a+40b.test", "RSET", "MAIL FROM:<a@a.test> AUTH=<a@b.test>", "QUIT"),
      "pipelined": [hello + "\r\n", `AUTH PLAIN ${alice}\r\nNOOP\r\n`, "QUIT\r\n"],
      "long response": lines(hello, "AUTH PLAIN", "A".repeat(12400), "AUTH LOGIN", "A".repeat(1600), "QUIT"),
    },
  },
  broken: { settings: { broken_sasl_auth_clients: "yes" }, dialogues: { "keywords": lines(hello, `AUTH PLAIN ${alice}`, "QUIT") } },
  disabled: {
    settings: { smtpd_sasl_auth_enable: "no" },
    dialogues: { "all": lines(hello, `AUTH PLAIN ${alice}`, "MAIL FROM:<a@a.test> AUTH=<>", "AUTH", "QUIT") },
  },
  exceptions: {
    settings: { smtpd_sasl_exceptions_networks: "127.0.0.0/8" },
    dialogues: { "all": lines(hello, `AUTH PLAIN ${alice}`, "QUIT") },
  },
  tlsOnly: {
    settings: { smtpd_tls_auth_only: "yes" },
    dialogues: { "all": lines(hello, `AUTH PLAIN ${alice}`, "MAIL FROM:<a@a.test> AUTH=<>", "QUIT") },
  },
  helo: {
    settings: { smtpd_helo_required: "yes" },
    dialogues: { "all": lines(`AUTH PLAIN ${alice}`, "QUIT") },
  },
  noRealm: {
    settings: { smtpd_sasl_local_domain: "" },
    dialogues: {
      "all": lines(hello, `AUTH PLAIN ${alice}`, "QUIT"),
      "full": lines(hello, `AUTH PLAIN ${plain("alice@mx.example.com", "wonder land")}`, "QUIT"),
    },
  },
  rate: {
    settings: { smtpd_client_auth_rate_limit: "2", smtpd_client_event_limit_exceptions: "" },
    dialogues: { "all": lines(hello, "AUTH PLAIN", "*", "AUTH PLAIN", "*", "AUTH PLAIN", `AUTH PLAIN ${alice}`, "QUIT") },
  },
  mismatch: { settings: { smtpd_sender_login_maps: logins, smtpd_sender_restrictions: "reject_sender_login_mismatch" }, dialogues: senders },
  authenticatedMismatch: {
    settings: { smtpd_sender_login_maps: logins, smtpd_sender_restrictions: "reject_authenticated_sender_login_mismatch" },
    dialogues: senders,
  },
  unauthenticatedMismatch: {
    settings: { smtpd_sender_login_maps: logins, smtpd_sender_restrictions: "reject_unauthenticated_sender_login_mismatch" },
    dialogues: senders,
  },
  knownMismatch: {
    settings: { smtpd_sender_login_maps: logins, smtpd_sender_restrictions: "reject_known_sender_login_mismatch" },
    dialogues: senders,
  },
  saslAccess: {
    settings: { smtpd_sender_restrictions: "check_sasl_access inline:{{alice@mx.example.com=REJECT not you} {bob@mx.example.com=HOLD}}" },
    dialogues: senders,
  },
};
