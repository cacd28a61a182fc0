/** The examples of Postfix's STANDARD_CONFIGURATION_README, MAILDROP_README and UUCP_README. */
import { DUMP, lines, mail } from "./parts.ts";
import type { Scenario } from "../world_testing.ts";

/** Names of the examples lead to the loopback; mail to them to a port of the scenario. */
const NAMES = {
  binds: { "/etc/hosts": "hosts" },
  lookups: ["smtp_host_lookup = native", "lmtp_host_lookup = native", "smtp_dns_support_level = disabled"],
  hosts:
    "127.0.0.1 localhost example.com gateway.example.com inside-gateway.example.com their.mail.host.tld " +
    "smtprelay.someprovider.com mailhost.example.com\n",
};

const standAlone: Scenario = {
  name: "STANDARD_CONFIGURATION_README: stand-alone host",
  main: [
    "myhostname = host.example.com",
    "mydestination = $myhostname localhost.$mydomain localhost",
    "myorigin = $mydomain",
    "proxy_interfaces = 192.0.2.7",
    "mynetworks_style = host",
    "mynetworks =",
    "relay_domains =",
    "smtpd_relay_restrictions = permit_mynetworks, reject_unauth_destination",
    "smtpd_recipient_restrictions =",
    "smtpd_reject_unlisted_recipient = yes",
    "local_recipient_maps = unix:passwd.byname $alias_maps",
    "transport_maps =",
    "default_transport = smtp:[127.0.0.1]:{port:out}",
  ],
  peers: { out: {} },
  files: { aliases: "" },
  messages: [
    "u01@host.example.com",
    "u01@[192.0.2.7]",
    "u01@[127.0.0.1]",
    "u01@localhost",
    "u01",
    "x@outside.example",
    "nobody-here@host.example.com",
  ]
    .map((name, number) => mail(`m${number}`, name)),
};

const nullClient: Scenario = {
  name: "STANDARD_CONFIGURATION_README: null client",
  main: [
    "myhostname = hostname.example.com",
    "myorigin = $mydomain",
    "relayhost = $mydomain",
    "inet_interfaces = loopback-only",
    "mydestination =",
    "transport_maps =",
    "smtp_tcp_port = {port:mailhost}",
    ...NAMES.lookups,
  ],
  binds: NAMES.binds,
  peers: { mailhost: {} },
  files: { hosts: NAMES.hosts, aliases: "" },
  messages: ["u01", "u01@hostname.example.com", "u01@localhost", "x@outside.example", "u01@[127.0.0.1]"].map((
    name,
    number,
  ) => mail(`m${number}`, name, { headers: ["To: u01, u02@hostname"] })),
};

const gateway: Scenario = {
  name: "STANDARD_CONFIGURATION_README: firewall, with a backup MX beside",
  main: [
    "myorigin = example.com",
    "mydestination =",
    "local_recipient_maps =",
    "local_transport = error:local mail delivery is disabled",
    "virtual_alias_maps = texthash:{dir}/virtual",
    "mynetworks = 192.0.2.0/24",
    "relay_domains = example.com, the.backed-up.domain.tld",
    "parent_domain_matches_subdomains = debug_peer_list smtpd_access_maps",
    "smtpd_relay_restrictions = permit_mynetworks reject_unauth_destination",
    "smtpd_recipient_restrictions =",
    "smtpd_reject_unlisted_recipient = yes",
    "relay_recipient_maps = texthash:{dir}/relay_recipients",
    "transport_maps = texthash:{dir}/transport",
    "smtp_tcp_port = {port:inside}",
    ...NAMES.lookups,
  ],
  binds: NAMES.binds,
  peers: { inside: { on: { "RCPT TO:<user2@example.com>": "550 5.1.1 no such user" } } },
  files: {
    hosts: NAMES.hosts,
    aliases: "",
    virtual: lines("postmaster postmaster@example.com", "abuse abuse@example.com"),
    relay_recipients: lines(
      "user1@example.com x",
      "user2@example.com x",
      "postmaster@example.com x",
      "user1@the.backed-up.domain.tld x",
    ),
    transport: lines(
      "example.com smtp:[inside-gateway.example.com]",
      "the.backed-up.domain.tld relay:[their.mail.host.tld]",
      "outside.example discard:",
    ),
  },
  messages: [
    ..."user1@example.com user2@example.com user3@example.com user1@sub.example.com postmaster abuse@example.com abuse"
      .split(" "),
    ..."u01@mx.example.com u01@localhost user1@the.backed-up.domain.tld user2@the.backed-up.domain.tld x@else.example"
      .split(" "),
    ..."postmaster@[127.0.0.1] @relay.example:user1@example.com user1%example.com@else.example".split(" "),
  ].map((name, number) => mail(`m${number}`, name)),
};

const behindFirewall: Scenario = {
  name: "STANDARD_CONFIGURATION_README: behind a firewall, some accounts here",
  main: [
    "mydestination = $myhostname localhost.$mydomain localhost $mydomain",
    "virtual_alias_maps = texthash:{dir}/virtual",
    "transport_maps = texthash:{dir}/transport",
    "relayhost =",
    "myhostname = mailhost.example.com",
    "append_dot_mydomain = yes",
    "relay_domains = $mydestination",
    "smtp_tcp_port = {port:gateway}",
    ...NAMES.lookups,
  ],
  binds: NAMES.binds,
  peers: { gateway: {} },
  files: {
    hosts: NAMES.hosts,
    aliases: lines("joe joe@joes.preferred.machine", "jane jane@janes.preferred.machine"),
    virtual: lines("root u00@localhost", "u05@example.com u05@localhost"),
    transport: lines("example.com :", ".example.com :", "* smtp:[gateway.example.com]"),
  },
  messages: ["joe", "jane", "root", "u05", "u06@example.com", "x@outside.example", "x@pc", "u07@localhost"]
    .map((name, number) => mail(`m${number}`, name)),
};

const noHostname: Scenario = {
  name: "STANDARD_CONFIGURATION_README: a host without a real name",
  main: [
    "myhostname = hostname.localdomain",
    "mydomain = localdomain",
    "mydestination = $myhostname localhost.$mydomain localhost",
    "myorigin = $myhostname",
    "canonical_maps = inline:{ { u01 = your-account@your-isp.com } }",
    "virtual_alias_maps = inline:{ { your-account@your-isp.com = u01 } }",
    "smtp_generic_maps = texthash:{dir}/generic",
    "relayhost = [smtprelay.someprovider.com]",
    "defer_transports = later",
    "transport_maps = inline:{ { slow.example = later: } }",
    "disable_dns_lookups = yes",
    "smtp_tcp_port = {port:isp}",
  ],
  master: ["later unix - - n - - smtp"],
  binds: NAMES.binds,
  peers: { isp: {} },
  files: {
    hosts: NAMES.hosts,
    aliases: "",
    generic: lines(
      "his@hostname.localdomain hisaccount@hisisp.example",
      "her@hostname.localdomain heraccount@herisp.example",
      "@hostname.localdomain hisaccount+local@hisisp.example",
    ),
  },
  messages: [
    mail("your", "x@outside.example", { from: "u01", headers: ["From: u01", "To: x@outside.example, u01"] }),
    mail("back", "your-account@your-isp.com"),
    mail("his", "x@outside.example", {
      from: "his",
      headers: ["From: his, her, third", "To: x@outside.example"],
    }),
    mail("slow", "x@slow.example"),
  ],
};

const UUX = "argv={dir}/uux -r -n -z -a$sender - $nexthop!rmail ($recipient)";

const maildrop: Scenario = {
  name: "MAILDROP_README",
  main: [
    "maildrop_destination_recipient_limit = 1",
    "maildrop2_destination_recipient_limit = 1",
    "virtual_mailbox_domains = some.domain someother.domain third.domain",
    "virtual_transport = maildrop",
    "virtual_mailbox_maps = texthash:{dir}/virtual_mailbox",
    "virtual_alias_maps = texthash:{dir}/virtual_alias",
    "smtpd_reject_unlisted_recipient = yes",
    "transport_maps = inline:{ { third.domain = maildrop2:Next.Hop } { outside.example = discard: } }",
    "mailbox_command = {dir}/maildrop -d ${USER}",
    "mailbox_command_maps = texthash:{dir}/mailbox_commands",
  ],
  master: [
    "maildrop unix - n n - - pipe",
    "  flags=ODRhu user=u20 argv={dir}/maildrop -d ${recipient}",
    "maildrop2 unix - n n - - pipe",
    "  flags=ODRhu user=u20 argv={dir}/maildrop",
    "  -d ${user}@${domain} ${extension} ${recipient} ${user} ${nexthop}",
  ],
  files: {
    aliases: "",
    maildrop: { content: DUMP, mode: 0o755 },
    virtual_mailbox: lines(
      "user1@some.domain x",
      "user2@some.domain x",
      "user3@someother.domain x",
      "User4@third.domain x",
      "user5@third.domain x",
    ),
    virtual_alias: lines("postmaster@some.domain postmaster", "postmaster@someother.domain postmaster"),
    mailbox_commands: lines("u02 {dir}/maildrop -d mapped-${USER}"),
    "home/u03/.forward": '"|{dir}/maildrop -d forward-${USER}"\n',
  },
  messages: [
    { id: "virtual", to: ["user1@some.domain", "User2@Some.Domain", "user3@someother.domain"] },
    mail("postmaster", "postmaster@some.domain"),
    mail("unknown", "user9@some.domain"),
    { id: "more", to: ["User4+Ext@third.domain", "user5@third.domain"] },
    mail("u01", "u01+ext"),
    mail("u02", "u02"),
    mail("u03", "u03"),
  ],
};

const uucpGateway: Scenario = {
  name: "UUCP_README: Internet to UUCP",
  main: ["transport_maps = texthash:{dir}/transport", "relay_domains = uucp.example"],
  master: ["uucp unix - n n - - pipe", `  flags=F user=u20 ${UUX}`],
  files: {
    aliases: "",
    uux: { content: DUMP, mode: 0o755 },
    transport: lines(
      "uucp.example uucp:uucp-host",
      ".uucp.example uucp:uucp-host",
      "outside.example discard:",
    ),
  },
  messages: [
    { id: "two", to: ["a@uucp.example", "b@deep.uucp.example"], body: ["From the start", ".dot"] },
    mail("null", "c@uucp.example", { from: "" }),
    mail("odd", '"d e"@UUCP.example', { from: '"-x y"@outside.example' }),
    mail("minus", "-f@uucp.example"),
  ],
};

const uucpLan: Scenario = {
  name: "UUCP_README: LAN to UUCP",
  main: ["relayhost = uucp-gateway", "default_transport = uucp", "transport_maps ="],
  master: ["uucp unix - n n - - pipe", `  flags=F user=u20 ${UUX}`],
  files: { aliases: "", uux: { content: DUMP, mode: 0o755 } },
  messages: [{ id: "two", to: ["a@uucp.example", "b@other.example"] }, mail("here", "u01")],
};

const uucpDefault: Scenario = {
  ...uucpLan,
  name: "UUCP_README: LAN to UUCP, next hop in the transport",
  main: ["default_transport = uucp:uucp-gateway", "transport_maps ="],
};

export const readmeSiteScenarios: readonly Scenario[] = [
  standAlone,
  nullClient,
  gateway,
  behindFirewall,
  noHostname,
  maildrop,
  uucpGateway,
  uucpLan,
  uucpDefault,
];
