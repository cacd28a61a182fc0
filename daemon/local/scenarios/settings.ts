/** Settings of local, virtual and pipe, one service of master.cf for each, and locks that others hold. */
import { DUMP, lines, mail } from "./parts.ts";
import type { Scenario } from "../world_testing.ts";

const SEEN = "{dir}/lists/dump";

/** Each user of the first column is delivered to by a service with the settings of the second. */
const LOCAL: Readonly<Record<string, readonly string[]>> = {
  fcntl: ["mailbox_delivery_lock=fcntl"],
  flock: ["mailbox_delivery_lock=flock"],
  dotlock: ["mailbox_delivery_lock=dotlock", "stale_lock_time=500s"],
  all: ["mailbox_delivery_lock=dotlock,flock,fcntl", "stale_lock_time=5d"],
  fwd: [
    "forward_path=$home/.fwd-$user-$domain${extension?{+$extension}}${recipient_delimiter}, $home/.forward",
    "forward_expansion_filter=abcdefghijklmnopqrstuvwxyz0123456789.",
  ],
  exec: [
    "command_execution_directory=$home/$extension",
    "execution_directory_expansion_filter=abcdefghijklmnopqrstuvwxyz0123456789/-",
    `mailbox_command=pwd > $HOME/where`,
  ],
  env: [
    "export_environment=TZ FOO=bar PATH=/usr/bin:/bin",
    "command_expansion_filter=abcdefghijklmnopqrstuvwxyz0123456789/-.",
    `mailbox_command=env | grep -v ^_= | sort > $HOME/env; echo "$RECIPIENT $SENDER" >> $HOME/env`,
  ],
  privs: ["default_privs=u30"],
  noext: ["recipient_delimiter=", "home_mailbox=box"],
  exts: ["recipient_delimiter=+_", "forward_path=$home/.f$recipient_delimiter$extension"],
  home: ["require_home_directory=yes", "home_mailbox=box"],
  nohome: ["require_home_directory=no", "home_mailbox=box"],
  biff: ["biff=yes"],
  strict: ["strict_mailbox_ownership=yes"],
  loose: ["strict_mailbox_ownership=no"],
  fewdup: ["duplicate_filter_limit=2"],
  filter: ["local_delivery_status_filter=regexp:{dir}/filter"],
  luser: ["luser_relay=u31+$local@example.com"],
  fallback: ["fallback_transport=discard:far", "luser_relay=u31"],
  prepend: ["prepend_delivered_header=file,forward"],
  files: ["allow_mail_to_files=", "allow_mail_to_commands="],
};

/** `address service` for the transport table. */
const ROUTES: readonly string[] = [
  ..."u01 u02 u03".split(" ").map((user) => `${user}@example.com lfcntl:`),
  ..."u04 u05 u06".split(" ").map((user) => `${user}@example.com lflock:`),
  ..."u07 u08 u09".split(" ").map((user) => `${user}@example.com ldotlock:`),
  "u10@example.com lall:",
  "u11@example.com lfwd:",
  "u12@example.com lexec:",
  "u13@example.com lenv:",
  "privs@example.com lprivs:",
  "u14@example.com lnoext:",
  "u15@example.com lexts:",
  "u16@example.com lhome:",
  "u17@example.com lnohome:",
  "u18@example.com lbiff:",
  "u19@example.com lstrict:",
  "u20@example.com lloose:",
  "dups@example.com lfewdup:",
  "gone@example.com lfilter:",
  "lost@example.com lluser:",
  "away@example.com lfallback:",
  "u21@example.com lprepend:",
  "tofile@example.com lprepend:",
  "nofile@example.com lfiles:",
  "nocmd@example.com lfiles:",
  "outside.example discard:",
];

const settings: Scenario = {
  name: "settings of local",
  main: [
    "transport_maps = texthash:{dir}/transport",
    "smtpd_authorized_xclient_hosts = 127.0.0.1",
    "mynetworks = 127.0.0.0/8 192.0.2.0/24",
  ],
  master: Object.entries(LOCAL).map(([name, values]) =>
    `l${name} unix - n n - - local${values.map((value) => ` -o { ${value.replace("=", " = ")} }`).join("")}`
  ),
  binds: { "/etc/services": "services" },
  comsat: true,
  removed: ["home/u16", "home/u17"],
  locked: { "mail/u01": "fcntl", "mail/u02": "flock", "mail/u04": "flock", "mail/u05": "fcntl" },
  files: {
    services: "smtp 25/tcp\nlmtp 24/tcp\nbiff {port:comsat}/udp comsat\n",
    aliases: lines(
      "privs |id > {dir}/out/privs",
      "dups u23, u24, u23, u24, u25, u23, u24, u25",
      "tofile {dir}/out/file",
      "nofile {dir}/out/nofile",
      "nocmd |cat > {dir}/out/nocmd",
    ),
    transport: lines(...ROUTES),
    filter: "/^5(.1.1 unknown user: .gone.*)$/ 4$1\n",
    "mail/u01": { content: "", owner: "u01", mode: 0o600 },
    "mail/u02": { content: "", owner: "u02", mode: 0o600 },
    "mail/u03.lock": { content: "1", owner: "u03" },
    "mail/u04": { content: "", owner: "u04", mode: 0o600 },
    "mail/u05": { content: "", owner: "u05", mode: 0o600 },
    "mail/u06.lock": { content: "1", owner: "u06" },
    "mail/u07.lock": { content: "1", owner: "u07" },
    "mail/u08.lock": { content: "1", owner: "root" },
    "mail/u10.lock": { content: "1", owner: "u10", age: 86400 },
    "mail/u19": { content: "From x\n", owner: "u20", mode: 0o666 },
    "mail/u20": { content: "From x\n", owner: "u19", mode: 0o666 },
    "home/u11/.fwd-u11-example.com+": "plain@outside.example\n",
    "home/u11/.fwd-u11-example.com+ab.c+": "ext@outside.example\n",
    "home/u11/.fwd-u11-example.com+a__b+": "odd@outside.example\n",
    "home/u11/.forward": "other@outside.example\n",
    "home/u12/sub/": {},
    "home/u12/__/": {},
    "home/u15/.f+a_b": "plus@outside.example\n",
    "home/u15/.f_a+b": "line@outside.example\n",
    "home/u21/.forward": "u21, u32@example.com\n",
  },
  messages: [
    ...Array.from({ length: 10 }, (_, n) => `u${String(n + 1).padStart(2, "0")}`).map((name) =>
      mail(name, name)
    ),
    ..."u11 u11+ab.c u11+A..b u11+a/b u12 u12+sub u12+.. u12+none u14 u14+x u15+a_b u15_a+b u16 u17 u19 u20"
      .split(" ")
      .map((name) => mail(name, name)),
    mail("u18", "u18"),
    mail("u18-again", "u18+ext"),
    mail("u13", "u13+Ext", {
      from: "a'b$c@outside.example",
      commands: [
        "XCLIENT NAME=mail.xc.example ADDR=192.0.2.44 PORT=5566 PROTO=ESMTP HELO=helo.xc.example LOGIN=joe DESTADDR=192.0.2.1 DESTPORT=25",
        "EHLO again.example",
      ],
    }),
    ..."privs dups gone lost away u21 tofile nofile nocmd".split(" ").map((name) => mail(name, name)),
    mail("gone-other", "lost+ext"),
  ],
};

const FLAGS = [..."BDFORXhqu.>"];

const pipeFlags: Scenario = {
  name: "flags of pipe, one by one",
  main: [
    `transport_maps = inline:{ { outside.example = discard: } ${
      FLAGS.map((_, n) => `{ f${n}.example = f${n}: }`).join(" ")
    } { none.example = none: } { filter.example = filter: } { many.example = many: } { time.example = time: } { eol.example = eol: } { sasl.example = sasl: } { chroot.example = noroot: } { null.example = nullsender: } { words.example = words: } }`,
    ...FLAGS.map((_, n) => `f${n}_destination_recipient_limit = 1`),
    "many_destination_recipient_limit = 2",
    "time_time_limit = 1s",
    "smtpd_authorized_xclient_hosts = 127.0.0.1",
    "mynetworks = 127.0.0.0/8 192.0.2.0/24",
  ],
  master: [
    ...FLAGS.map((flag, n) =>
      `f${n} unix - n n - - pipe flags=${flag} user=u01 argv=${SEEN} f${n} \${sender} \${recipient} \${user} \${extension} \${domain} \${nexthop} \${mailbox} \${original_recipient}`
    ),
    `none unix - n n - - pipe user=u01 argv=${SEEN} none \${sender} \${recipient} \${queue_id}`,
    "filter unix - n n - - pipe user=u01 argv=/bin/sh -c {echo 5.6.7 no; exit 69}",
    "  -o { pipe_delivery_status_filter = regexp:{dir}/filter }",
    `many unix - n n - - pipe user=u01 argv=${SEEN} many \${recipient}`,
    "time unix - n n - - pipe user=u01 argv=/bin/sh -c {trap : 15 1 2; sleep 20; sleep 20}",
    `eol unix - n n - - pipe flags=h eol=\\r\\n size=2000 user=u01 argv=${SEEN} eol \${size}`,
    `sasl unix - n n - - pipe user=u01 argv=${SEEN} sasl \${client_address} \${client_helo} \${client_hostname} \${client_port} \${client_protocol} \${sasl_method} \${sasl_username} \${sasl_sender}`,
    `noroot unix - n n - - pipe chroot={dir}/nowhere user=u01 argv=/bin/true`,
    `nullsender unix - n n - - pipe null_sender=nobody@here flags=F user=u01 argv=${SEEN} nullsender \${sender}`,
    `words unix - n n - - pipe user=u01 argv=${SEEN} words { a b } {c d} "e f" 'g' \\h {\${user} x} {{ y }} $$z \${user}\${domain}`,
  ],
  files: { aliases: "", "lists/dump": { content: DUMP, mode: 0o755 }, filter: "/^5(.6.7.*)$/ 4$1\n" },
  messages: [
    ...FLAGS.map((_, n) =>
      mail(`f${n}`, `"Us er+Ex t"@F${n}.example`, {
        body: ["From x", ".dot", ">From y", "last"],
        from: '"A b"@Outside.example',
      })
    ),
    mail("none", "A.B+c@none.example", { from: "" }),
    mail("filter", "x@filter.example"),
    {
      id: "many",
      to: ["c@many.example", "a@many.example", "b@many.example", "d@many.example", "e@many.example"],
    },
    mail("time", "x@time.example"),
    mail("eol", "x@eol.example"),
    mail("eol-big", "x@eol.example", { body: Array.from({ length: 50 }, () => "x".repeat(70)) }),
    mail("sasl", "x@sasl.example", {
      commands: [
        "XCLIENT NAME=mail.xc.example ADDR=192.0.2.44 PORT=5566 PROTO=ESMTP HELO=helo.xc.example",
        "EHLO again.example",
      ],
    }),
    mail("chroot", "x@chroot.example"),
    mail("null", "x@null.example", { from: "" }),
    mail("words", "Us+er@words.example"),
  ],
};

const virtualSettings: Scenario = {
  name: "settings of virtual",
  main: [
    "virtual_mailbox_domains = virt.example",
    "virtual_mailbox_base = {dir}/vmail",
    "virtual_mailbox_maps = texthash:{dir}/vmaps",
    "virtual_uid_maps = static:4010",
    "virtual_gid_maps = static:4010",
    "transport_maps = texthash:{dir}/transport",
  ],
  master: [
    "vfcntl unix - n n - - virtual -o virtual_mailbox_lock=fcntl",
    "vflock unix - n n - - virtual -o virtual_mailbox_lock=flock",
    "vdotlock unix - n n - - virtual -o virtual_mailbox_lock=dotlock -o stale_lock_time=1s",
    "vfilter unix - n n - - virtual -o virtual_delivery_status_filter=regexp:{dir}/filter",
    "vminimum unix - n n - - virtual -o virtual_minimum_uid=5000",
    "vbase unix - n n - - virtual -o virtual_mailbox_base={dir}/out/ -o virtual_uid_maps=static:4011 -o virtual_gid_maps=static:4012",
    "vstrict unix - n n - - virtual -o strict_mailbox_ownership=no",
  ],
  locked: { "vmail/a": "fcntl", "vmail/b": "flock", "vmail/c": "fcntl" },
  disks: { "vmail/u10": "16k" },
  files: {
    aliases: "",
    transport: lines(
      "a@virt.example vfcntl:",
      "b@virt.example vflock:",
      "c@virt.example vflock:",
      "d@virt.example vdotlock:",
      "e@virt.example vdotlock:",
      "gone@virt.example vfilter:",
      "g@virt.example vminimum:",
      "h@virt.example vbase:",
      "i@virt.example vstrict:",
      "outside.example discard:",
    ),
    vmaps: lines(
      ..."abcdefghij".split("").map((name) => `${name}@virt.example ${name}`),
      "full@virt.example u10/box",
      "fulldir@virt.example u10/dir/",
    ),
    "vmail/": { mode: 0o777 },
    filter: "/^5(.1.1 unknown user.*)$/ 4$1\n",
    "vmail/u10/": {},
    ...Object.fromEntries(
      ["a", "b", "c"].map((name) => [`vmail/${name}`, { content: "", owner: "u10", mode: 0o600 }]),
    ),
    "vmail/d.lock": { content: "1", owner: "u10", age: 86400 },
    "vmail/i": { content: "", owner: "u11", mode: 0o666 },
    "vmail/j": { content: "", owner: "u11", mode: 0o666 },
  },
  messages: [
    ..."abcdefghij".split("").map((name) => mail(name, `${name}@virt.example`)),
    mail("gone", "gone@virt.example"),
    mail("full", "full@virt.example", { body: Array.from({ length: 300 }, () => "x".repeat(78)) }),
    mail("fulldir", "fulldir@virt.example", { body: Array.from({ length: 300 }, () => "x".repeat(78)) }),
  ],
};

export const settingsScenarios: readonly Scenario[] = [settings, pipeFlags, virtualSettings];
