/** The examples of Postfix's VIRTUAL_README, LOCAL_RECIPIENT_README and ADDRESS_CLASS_README. */
import { DUMP, lines, mail } from "./parts.ts";
import type { Scenario } from "../world_testing.ts";

const VIRTUAL_USERS = lines(
  "postmaster@alias.example postmaster",
  "info@alias.example u01",
  "sales@alias.example u02",
  "postmaster@mbox.example postmaster",
  "postmaster@forward.example postmaster",
  "joe@forward.example joe@hub.example",
  "jane@forward.example jane@hub.example, u03@example.com",
  "@catch.example jim@hub.example",
  "listname-request@lists.example listname-request",
  "listname@lists.example listname",
  "owner-listname@lists.example owner-listname",
  "u04@example.com u04@example.com, u04@example.com@autoreply.mydomain.tld",
);

const hosting: Scenario = {
  name: "VIRTUAL_README",
  main: [
    "mydestination = $myhostname localhost.$mydomain example.com shared.example",
    "local_recipient_maps = unix:passwd.byname $alias_maps",
    "smtpd_reject_unlisted_recipient = yes",
    "virtual_alias_domains = alias.example forward.example catch.example lists.example",
    "virtual_alias_maps = texthash:{dir}/virtual",
    "virtual_mailbox_domains = mbox.example store.example mail.store.example",
    "virtual_mailbox_base = {dir}/vmail",
    "virtual_mailbox_maps = texthash:{dir}/vmailbox",
    "virtual_minimum_uid = 100",
    "virtual_uid_maps = static:4010",
    "virtual_gid_maps = static:4010",
    "transport_maps = texthash:{dir}/transport",
  ],
  master: [
    "autoreply unix - n n - - pipe",
    "  flags= user=nobody argv={dir}/autoreply $sender $mailbox",
  ],
  peers: { hub: {}, store: { lmtp: true, on: { "RCPT TO:<full@store.example>": "452 4.2.2 Mailbox full" } } },
  files: {
    aliases: lines(
      "postmaster u00",
      'listname |{dir}/wrapper "list name" -l',
      "owner-listname u06",
      "listname-request u07",
    ),
    virtual: VIRTUAL_USERS,
    vmailbox: lines(
      "info@mbox.example mbox.example/info",
      "sales@mbox.example mbox.example/sales/",
      "@store.example whatever",
      "@mail.store.example mail.store.example/catchall",
    ),
    transport: lines(
      "autoreply.mydomain.tld autoreply:",
      "hub.example smtp:[127.0.0.1]:{port:hub}",
      "store.example lmtp:inet:127.0.0.1:{port:store}",
      "outside.example discard:",
    ),
    autoreply: { content: DUMP, mode: 0o755 },
    wrapper: { content: DUMP, mode: 0o755 },
    "vmail/": { mode: 0o777 },
  },
  messages: [
    mail("shared", "u01@shared.example"),
    mail("shared2", "u01"),
    mail("shared-unknown", "nobody-here@shared.example"),
    {
      id: "alias",
      to: ["postmaster@alias.example", "info@alias.example", "sales@alias.example", "other@alias.example"],
    },
    mail("alias-domain", "alias.example@alias.example"),
    {
      id: "mailbox",
      to: ["info@mbox.example", "sales@mbox.example", "postmaster@mbox.example", "other@mbox.example"],
    },
    mail("mailbox-ext", "sales+x@mbox.example"),
    { id: "store", to: ["a@store.example", "full@store.example", "B@Store.example"] },
    mail("catchall", "who.ever@mail.store.example"),
    { id: "forward", to: ["joe@forward.example", "jane@forward.example", "nobody@forward.example"] },
    mail("catch", "any+ext@catch.example"),
    mail("list", "listname@lists.example"),
    mail("list-owner", "owner-listname@lists.example"),
    mail("list-request", "listname-request@lists.example"),
    mail("autoreply", "u04"),
    mail("autoreply-odd", "u04", { from: '"$(id);x y"@outside.example' }),
    mail("autoreply-null", "u04", { from: "" }),
  ],
};

const localVirtual: Scenario = {
  name: "LOCAL_RECIPIENT_README: mydestination delivered by virtual",
  main: [
    "mydestination = $myhostname localhost.$mydomain localhost example.com",
    "local_transport = virtual",
    "local_recipient_maps = $virtual_mailbox_maps",
    "virtual_mailbox_maps = inline:{ { info@example.com = box } { u01 = one } { @mx.example.com = all/ } }",
    "virtual_mailbox_base = {dir}/vmail",
    "virtual_uid_maps = static:4010",
    "virtual_gid_maps = static:4010",
    "smtpd_reject_unlisted_recipient = yes",
  ],
  files: { aliases: "", "vmail/": { mode: 0o777 } },
  messages: ["info", "info+x", "u01", "u02", "any@mx.example.com", "postmaster", "u01@localhost"].map((
    name,
  ) => mail(name, name)),
};

const localUnix: Scenario = {
  name: "LOCAL_RECIPIENT_README: the system's users, aliases, and a table of others",
  main: [
    "local_recipient_maps = proxy:unix:passwd.byname, $alias_maps, inline:{ { imap.user = x } { @mx.example.com = x } }",
    "smtpd_reject_unlisted_recipient = yes",
    "fallback_transport = smtp:[127.0.0.1]:{port:store}",
  ],
  peers: { store: { on: { "RCPT TO:<any@mx.example.com>": "550 5.1.1 User unknown" } } },
  files: { aliases: lines("ali u02") },
  messages: [
    "u01",
    "u01+x",
    "ali",
    "imap.user",
    "imap.user+x",
    "any@mx.example.com",
    "other",
    "postmaster",
    "double-bounce",
  ].map((name) => mail(name, name)),
};

const addressClasses: Scenario = {
  name: "ADDRESS_CLASS_README: what becomes of each class, and of who is not known in it",
  main: [
    "local_recipient_maps = unix:passwd.byname",
    "virtual_alias_domains = alias.example",
    "virtual_alias_maps = inline:{ { a@alias.example = u01 } }",
    "virtual_mailbox_domains = mbox.example",
    "virtual_mailbox_maps = inline:{ { a@mbox.example = x } }",
    "relay_domains = relay.example",
    "relay_recipient_maps = inline:{ { a@relay.example = x } { @sub.relay.example = x } }",
    "smtpd_reject_unlisted_recipient = yes",
    "smtpd_recipient_restrictions = permit_mynetworks, reject",
    "unknown_virtual_alias_reject_code = 551",
    "unknown_virtual_mailbox_reject_code = 552",
    "unknown_relay_recipient_reject_code = 553",
    "unknown_local_recipient_reject_code = 450",
    "virtual_transport = error:virtual is off",
    "relay_transport = smtp:[127.0.0.1]:{port:inside}",
    "default_transport = smtp:[127.0.0.1]:{port:outside}",
    "relayhost = [127.0.0.1]:{port:smart}",
    "local_transport = error:4.3.0 local is off",
  ],
  peers: { inside: {}, outside: {}, smart: {} },
  files: { aliases: "" },
  messages: [
    ..."u01 nobody-here a@alias.example b@alias.example a@mbox.example b@mbox.example a@relay.example".split(
      " ",
    ),
    ..."b@relay.example any@sub.relay.example far@else.example a@[127.0.0.1] a@[192.0.2.9]".split(" "),
  ].map((name) => mail(name.replace("@", ".").replace(/[[\]]/g, ""), name)),
};

export const readmeDomainScenarios: readonly Scenario[] = [hosting, localVirtual, localUnix, addressClasses];
