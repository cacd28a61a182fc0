/** What is played to real Postfix and to Postel alike: every way that a local, virtual or piped delivery can end. */
import { agentScenarios } from "./scenarios_agents_testing.ts";
import { lines, mail } from "./scenario_parts_testing.ts";
import type { Scenario } from "./world_testing.ts";

const aliases: Scenario = {
  name: "aliases",
  main: [],
  files: {
    aliases: lines(
      "plain u01",
      "two u02, someone@outside.example",
      "nested plain, nested2",
      "nested2 u03",
      "self self, other@outside.example",
      "u04 u04, copy@outside.example",
      "loop1 loop2",
      "loop2 loop1",
      "list m1@outside.example, m2@outside.example, u05",
      "owner-list boss@outside.example",
      "badlist nobody-here",
      "owner-badlist boss@outside.example",
      "cmdlist |exit 1",
      "owner-cmdlist boss@outside.example",
      "tofile {dir}/out/tofile",
      'tofileq "{dir}/out/to file"',
      "todir {dir}/out/maildir/",
      "tocmd |cat > {dir}/out/cmd",
      "bare u24, |cat > {dir}/out/bare",
      "inc :include:{dir}/lists/one",
      "increl :include:lists/one",
      "incnone :include:{dir}/lists/none",
      "incdir :include:{dir}/lists/dir",
      "incworld :include:{dir}/lists/world",
      "incuser :include:{dir}/lists/user",
      "inccmd :include:{dir}/lists/cmd",
      "incfile :include:{dir}/lists/file",
      "incself :include:{dir}/lists/self",
      "incempty :include:{dir}/lists/empty",
      "incsyntax :include:{dir}/lists/syntax",
      "incunreadable :include:{dir}/lists/unreadable",
      "nothing ,",
      "unknown no-such-user",
      'quoted "u06", "odd one"@outside.example',
      "dup u07, U07, u07@example.com, x@outside.example, x@outside.example",
      "group Team: u08, m@outside.example;",
      "angle Some Body <u09>, (comment) \\u10",
      "backslash \\u11",
      "postmaster u12",
      "exe {dir}/out/executable",
      "dirfile {dir}/out",
      "devnull /dev/null",
      "owned |id -u > {dir}/out/owned; id -G >> {dir}/out/owned; umask >> {dir}/out/owned; pwd >> {dir}/out/owned",
      "fileext {dir}/out/ext",
      "bang outside.example!joe",
      "percent joe%outside.example@example.com",
      "route @outside.example:joe@outside.example",
      "nosyntax joe@@@, <>",
      "local.dots u13",
      "withext+x u14",
      "withext u15",
    ),
    "lists/one": lines(
      "# comment",
      "u16",
      "m3@outside.example, m4@outside.example",
      "",
      "  m5@outside.example",
    ),
    "lists/dir/": "",
    "lists/world": { content: "u17\n", mode: 0o666 },
    "lists/user": { content: lines("u18", "|id -u > {dir}/out/incuser"), owner: "u18" },
    "lists/cmd": lines("|cat > {dir}/out/inccmd"),
    "lists/file": "{dir}/out/incfile\n",
    "lists/self": ":include:{dir}/lists/self\nu19\n",
    "lists/empty": "# nothing\n\n",
    "lists/syntax": "u20, <broken\n",
    "lists/unreadable": { content: "u21\n", mode: 0o600 },
    "out/executable": { content: "x", mode: 0o755 },
    "out/todeny": { content: "", mode: 0o600 },
  },
  messages: [
    ...[
      "plain",
      "two",
      "nested",
      "self",
      "u04",
      "loop1",
      "list",
      "badlist",
      "cmdlist",
      "tofile",
      "tofileq",
      "todir",
      "tocmd",
      "bare",
      "inc",
      "increl",
      "incnone",
      "incdir",
      "incworld",
      "incuser",
      "inccmd",
      "incfile",
      "incself",
      "incempty",
      "incsyntax",
      "incunreadable",
      "nothing",
      "unknown",
      "quoted",
      "dup",
      "group",
      "angle",
      "backslash",
      "postmaster",
      "exe",
      "dirfile",
      "devnull",
      "owned",
      "bang",
      "percent",
      "route",
      "nosyntax",
      "local.dots",
      "withext+x",
      "withext+y",
      "no-such-user",
      "no-such-user+ext",
      "fileext+more",
      "PLAIN",
      "Mailer-Daemon",
    ].map((name) => mail(name, name)),
    mail("list-dsn", "list", {
      mail: " RET=HDRS ENVID=abc",
      rcpt: " NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;orig@x",
    }),
    mail("tofile-from", "tofile2", { from: "" }),
    mail("two-dsn", "two", { mail: " ENVID=xyz", rcpt: " NOTIFY=SUCCESS" }),
    mail("loop-header", "u22", { headers: ["Delivered-To: U22@example.com"] }),
    mail("loop-list", "list", { headers: ["Delivered-To: list@example.com"] }),
    mail("dotdot", "../../etc/passwd@example.com"),
    mail("pipechar", '"|touch /tmp/x"@example.com'),
    mail("slash", '"/etc/passwd"@example.com'),
    mail("include", '":include:/etc/passwd"@example.com'),
    mail("semicolon", '"u01;id"@example.com'),
    mail("slashuser", '"u01/x"@example.com'),
    mail("onlyext", '"+ext"@example.com'),
    mail("backslashuser", '"\\\\u23"@example.com'),
  ],
};

const forwards: Scenario = {
  name: "forwards",
  main: ["forward_path = $home/.forward${recipient_delimiter}${extension}, $home/.forward"],
  files: {
    aliases: "postmaster u00\n",
    "home/u01/.forward": "away@outside.example\n",
    "home/u02/.forward": "\\u02, away@outside.example\n",
    "home/u03/.forward": "u03\nu03@example.com\n",
    "home/u04/.forward": "{dir}/home/u04/box\n",
    "home/u05/.forward": '"|id -un > {dir}/out/u05; cat >> {dir}/out/u05"\n',
    "home/u06/.forward": "u07\n",
    "home/u07/.forward": "u06\n",
    "home/u08/.forward+ext": "ext@outside.example\n",
    "home/u08/.forward": "noext@outside.example\n",
    "home/u09/.forward": { content: "x@outside.example\n", mode: 0o666 },
    "home/u10/.forward": { content: "x@outside.example\n", owner: "u09" },
    "home/u11/.forward": { link: "{dir}/home/u11/real" },
    "home/u11/real": "x@outside.example\n",
    "home/u12/.forward/": "",
    "home/u13/.forward": "",
    "home/u14/.forward": "# only a comment\n",
    "home/u15/.forward": ":include:{dir}/home/u15/list\n",
    "home/u15/list": lines("a@outside.example", "u16", "|cat > {dir}/out/u15"),
    "home/u17/.forward": "{dir}/home/u18/box, u19\n",
    "home/u20/.forward": lines("|exit 75"),
    "home/u21/.forward": "u22@example.com, u21+box@example.com, no-such-user\n",
    "home/u23/.forward": { content: "x@outside.example\n", mode: 0 },
    "home/u24/.forward": "{dir}/home/u24/Maildir/\n",
    "home/u25/.forward": "/etc/passwd\n",
    "home/u26/.forward": "{dir}/home/u26/link\n",
    "home/u26/link": { link: "{dir}/home/u26/target" },
    "home/u26/target": "",
    "home/u27/": { mode: 0o700, owner: "u00" },
    "home/u28/.forward": { content: "x@outside.example\n", owner: "nobody-here" },
    "home/u29/.forward": "a@outside.example, |false, b@outside.example\n",
    "home/u30/.forward": "no-such-user, u30\n",
  },
  messages: [
    ...Array.from({ length: 30 }, (_, n) => `u${String(n + 1).padStart(2, "0")}`).map((name) =>
      mail(name, name)
    ),
    mail("u01+ext", "u01+ext"),
    mail("u08+ext", "u08+ext"),
    mail("u08+other", "u08+other"),
    mail("u08+bad", '"u08+../../x;y"@example.com'),
    mail("u02-dsn", "u02", { rcpt: " NOTIFY=SUCCESS,DELAY", mail: " ENVID=e1" }),
    mail("u01-utf", "u01", { from: "bounce+x=y@outside.example" }),
  ],
};

const mailboxes: Scenario = {
  name: "mailboxes",
  main: ["mailbox_size_limit = 20000", "message_size_limit = 19000", "stale_lock_time = 100s"],
  files: {
    aliases: lines(
      "tolong {dir}/out/long",
      "deny {dir}/out/denied",
      "symlink {dir}/out/symlink",
      "hard {dir}/out/hard",
      "locked {dir}/out/locked",
      "gone {dir}/out/gone/file",
    ),
    "mail/u02": { content: "From x\nold\n\n", owner: "u02", mode: 0o600 },
    "mail/u03": { content: "partial line without end", owner: "u03", mode: 0o600 },
    "mail/u04": { content: "From x\n", owner: "u05", mode: 0o660 },
    "mail/u06": { link: "{dir}/home/u06/box" },
    "mail/u07/": { owner: "u07", mode: 0o700 },
    "mail/u08": { content: "x".repeat(19900) + "\n", owner: "u08", mode: 0o600 },
    "mail/u09.lock": { content: "1", owner: "u09" },
    "mail/u10.lock": { content: "1", owner: "u10", age: 200 },
    "mail/u11": { content: "", owner: "u11", mode: 0o400 },
    "out/denied": { content: "", mode: 0o600 },
    "out/symlink": { link: "/etc/hosts" },
    "out/locked.lock": "1",
  },
  disks: { "home/u20": "64k" },
  messages: [
    mail("u01", "u01", {
      body: ["From here", ">From there", ">>From far", "from low", "From", "Fromage", "", "From  two", "."],
    }),
    mail("u01-null", "u12", { from: "" }),
    mail("u01-odd", "u13", { from: '"odd sender"@outside.example' }),
    mail("u01-8bit", "u14", { body: ["caf\u00e9", "x".repeat(990), "", ""] }),
    ...["02", "03", "04", "06", "07", "08", "09", "10", "11"].map((n) => mail(`u${n}`, `u${n}`)),
    mail("u15+ext", "U15+Ext"),
    ...["tolong", "deny", "symlink", "locked", "gone"].map((name) => mail(name, name)),
  ],
};

const homeMailbox: Scenario = {
  name: "home mailbox",
  main: ["home_mailbox = Mailbox", "require_home_directory = yes", "strict_mailbox_ownership = no"],
  files: {
    aliases: "",
    "home/u02/Mailbox": { content: "From x\n", owner: "u03", mode: 0o666 },
    "home/u04/Mailbox": { link: "{dir}/home/u04/x" },
    "home/u05/": { owner: "u06", mode: 0o700 },
    "home/u07/Mailbox/": {},
  },
  disks: { "home/u20": "8k" },
  messages: [
    ...["u01", "u02", "u04", "u05", "u07"].map((name) => mail(name, name)),
    mail("full", "u20", { body: Array.from({ length: 300 }, () => "x".repeat(78)) }),
  ],
};

const maildirs: Scenario = {
  name: "maildirs",
  main: ["home_mailbox = Maildir/", "mailbox_size_limit = 20000", "message_size_limit = 19000"],
  files: {
    aliases: lines("dir {dir}/out/new/deep/", "dirdeny {dir}/lists/denied/"),
    "home/u02/Maildir/new/": {},
    "home/u11/Maildir/": {},
    "home/u03/Maildir": "a file",
    "home/u04/Maildir/": { owner: "u05", mode: 0o700 },
    "home/u06/Maildir": { link: "{dir}/home/u06/real" },
    "home/u06/real/": {},
    "home/u07/": { owner: "u00", mode: 0o755 },
    "home/u08/Maildir/tmp/": { mode: 0o500 },
    "lists/denied/": { mode: 0o700 },
  },
  disks: { "home/u20": "12k" },
  messages: [
    ...["u01", "u02", "u03", "u04", "u06", "u07", "u08", "u11", "dir", "dirdeny"].map((name) =>
      mail(name, name)
    ),
    mail("from", "u09", { body: ["From here", ">From there"], from: "" }),
    mail("ext", "u10+Ext", {}),
    mail("full", "u20", { body: Array.from({ length: 200 }, () => "x".repeat(78)) }),
  ],
};

const spoolDirectory: Scenario = {
  name: "spool of root",
  main: ["mail_spool_directory = {dir}/vmail", "mailbox_delivery_lock = flock, dotlock"],
  files: {
    aliases: "",
    "vmail/": { mode: 0o755 },
    "vmail/u02": { content: "From x\n", owner: "u02", mode: 0o600 },
  },
  messages: ["u01", "u02"].map((name) => mail(name, name)),
};

const spoolMaildir: Scenario = {
  name: "spool of Maildirs",
  main: ["mail_spool_directory = {dir}/vmail/", "prepend_delivered_header ="],
  files: {
    aliases: lines("tofile {dir}/out/file", "tocmd |cat >{dir}/out/cmd", "fwd u05@outside.example"),
    "vmail/": { mode: 0o1777 },
  },
  messages: ["u01", "u02+Ext", "tofile", "tocmd", "fwd"].map((name) => mail(name, name)),
};

const commands: Scenario = {
  name: "commands",
  main: ["command_time_limit = 2s", "message_size_limit = 2000000", "mailbox_size_limit = 0"],
  files: {
    aliases: lines(
      "ok |true",
      ...[1, 64, 65, 66, 67, 68, 69, 70, 71, 72, 73, 74, 75, 76, 77, 78, 127, 200].map((n) =>
        `exit${n} |exit ${n}`
      ),
      "said |echo some output; echo more >&2; exit 67",
      "code |echo 4.7.1 wait a little; exit 1",
      "code5 |echo 5.7.9 never; exit 75",
      "code2 |echo 2.1.5 fine; exit 67",
      "okout |echo all is well",
      "signal |kill -9 $$",
      "signal15 |echo before; kill -15 $$",
      "slow |sleep 30",
      "slowchild |sleep 30 & wait",
      "early |exec <&-; exit 0",
      "flood |yes 0123456789 | head -c 10000000; exit 67",
      "none {dir}-x",
      "missing |/no/such/program",
      "missing2 |no-such-program arg",
      "direct |/usr/bin/env",
      "simple |{dir}/lists/script one two",
      "noexec |{dir}/lists/noexec",
      "builtin |exit 0",
      "quotes |printf '%s\\n' \"a b\" c > {dir}/out/quotes",
      "env |env | grep -v ^_= | sort > {dir}/out/env; id >> {dir}/out/env; umask >> {dir}/out/env; cat >> {dir}/out/env",
      "binary |printf 'a\\001b\\377c\\ttab\\n'; exit 67",
      "multi |printf 'one\\ntwo\\n\\nthree\\n'; exit 67",
    ),
    "lists/script": { content: '#!/bin/sh\necho "$0|$1|$2|$#" > {dir}/out/simple\n', mode: 0o755 },
    "lists/noexec": { content: "#!/bin/sh\n", mode: 0o644 },
    "home/u01/.forward":
      '"|env | grep -v ^_= | sort > {dir}/out/u01; id >> {dir}/out/u01; pwd >> {dir}/out/u01; cat >> {dir}/out/u01"\n',
    "home/u02/.forward": lines("|/bin/kill -9 0"),
  },
  messages: [
    ...[
      "ok",
      "said",
      "code",
      "code5",
      "code2",
      "okout",
      "signal",
      "signal15",
      "slow",
      "slowchild",
      "early",
      "flood",
      "none",
      "missing",
      "missing2",
      "simple",
      "noexec",
      "builtin",
      "quotes",
      "env",
      "binary",
      "multi",
      "u01+Ext",
    ].map((name) => mail(name, name, { from: '"we\'ird;s x"@outside.example' })),
    ...[1, 64, 65, 66, 67, 68, 69, 70, 71, 72, 73, 74, 75, 76, 77, 78, 127, 200].map((n) =>
      mail(`exit${n}`, `exit${n}`)
    ),
    mail("early-big", "early", { body: Array.from({ length: 5000 }, () => "x".repeat(78)) }),
    mail("odd-ext", '"u01+a b;c$(id)"@example.com'),
  ],
};

const mailboxCommand: Scenario = {
  name: "mailbox command",
  main: [
    'mailbox_command = {dir}/lists/deliver -a "$EXTENSION" $USER',
    "mailbox_command_maps = inline:{ { u02 = echo mapped $$USER >> $$HOME/mapped } }",
    "command_execution_directory = $home",
    "local_command_shell =",
    "command_expansion_filter = 1234567890@./-_abcdefghijklmnopqrstuvwxyz",
  ],
  files: {
    aliases: lines("cmd |pwd > {dir}/out/pwd"),
    "lists/deliver": {
      content:
        '#!/bin/sh\npwd > $HOME/got; echo "$#|$1|$2|$3" >> $HOME/got; env | grep -v ^_= | sort >> $HOME/got\n',
      mode: 0o755,
    },
    "home/u03/": { owner: "u04", mode: 0o700 },
    "home/u05/.forward": "u05\n",
  },
  messages: ["u01+ext", "u02", "u03", "u05", "cmd", "nobody-here"].map((name) => mail(name, name)),
};

const commandShell: Scenario = {
  name: "command shell",
  main: [
    "local_command_shell = /bin/sh -c",
    "allow_mail_to_files = alias",
    "allow_mail_to_commands = alias,forward,include",
  ],
  files: {
    aliases: lines(
      "direct |{dir}/lists/script one",
      "inc :include:{dir}/lists/inc",
      "incfile :include:{dir}/lists/incfile",
    ),
    "lists/script": { content: "#!/bin/sh\necho $1 > {dir}/out/script\n", mode: 0o755 },
    "lists/inc": lines("|id -u > {dir}/out/inc"),
    "lists/incfile": "{dir}/out/incfile\n",
    "home/u01/.forward": "{dir}/home/u01/box\n",
  },
  messages: ["direct", "inc", "incfile", "u01"].map((name) => mail(name, name)),
};

const transports: Scenario = {
  name: "other transports",
  main: [
    "mailbox_transport_maps = inline:{ { u01 = discard:one } { u02 = error:5.7.0 not here } }",
    "fallback_transport_maps = inline:{ { gone1 = discard:two } }",
    "fallback_transport = discard:three",
  ],
  files: { aliases: "" },
  messages: ["u01", "u02", "u03", "gone1", "gone2+x"].map((name) => mail(name, name)),
};

const mailboxTransport: Scenario = {
  name: "mailbox transport",
  main: ["mailbox_transport = discard:mt", "luser_relay = catch+$local@outside.example"],
  files: { aliases: "" },
  messages: ["u01", "gone1"].map((name) => mail(name, name)),
};

const luser: Scenario = {
  name: "luser relay",
  main: ["luser_relay = $user+${extension}.${domain}?@outside.example", "home_mailbox ="],
  files: { aliases: "" },
  messages: ["gone1", "gone2+x", "postmaster"].map((name) => mail(name, name)),
};

const luserLocal: Scenario = {
  name: "luser relay at home",
  main: ["luser_relay = u01", "propagate_unmatched_extensions = alias, forward, include, canonical, virtual"],
  files: {
    aliases: "ali u02, x@outside.example\ninc :include:{dir}/lists/inc\n",
    "lists/inc": "u03, y@outside.example\n",
    "home/u04/.forward": "z@outside.example\n",
  },
  messages: ["gone1", "gone2+x", "ali+e", "inc+e", "u04+e"].map((name) => mail(name, name)),
};

const owners: Scenario = {
  name: "owner aliases",
  main: [
    "expand_owner_alias = yes",
    "reset_owner_alias = yes",
    "frozen_delivered_to = no",
    "recipient_delimiter = -",
  ],
  files: {
    aliases: lines(
      "list m1@outside.example, sub, u01",
      "owner-list boss@outside.example",
      "sub m2@outside.example, u02",
      "list2-request u03",
      "list2 u04",
      "owner-multi a@outside.example, b@outside.example",
      "multi m4@outside.example",
      "owner-fail boss@outside.example",
      "fail |exit 67",
    ),
    "home/u04/.forward": "fw@outside.example\n",
  },
  messages: ["list", "sub", "list2-request", "list2-x", "owner-list", "multi", "fail", "list-ext", "u04"].map(
    (name) => mail(name, name),
  ),
};

const badDefaults: Scenario = {
  name: "no home and odd settings",
  main: [
    "forward_path =",
    "mailbox_delivery_lock = flock",
    "alias_maps = texthash:{dir}/aliases, texthash:{dir}/users-aliases",
  ],
  files: {
    aliases: "one u01\n",
    "users-aliases": {
      content: lines(
        "mine |id -un > {dir}/out/mine",
        "minefile {dir}/home/u02/minefile",
        "inc :include:{dir}/lists/inc",
      ),
      owner: "u02",
    },
    "lists/inc": { content: lines("|id -un > {dir}/out/inc", "{dir}/home/u03/incfile"), owner: "u03" },
    "home/u04/.forward": "x@outside.example\n",
  },
  messages: ["one", "mine", "minefile", "inc", "u04"].map((name) => mail(name, name)),
};

const brokenAliases: Scenario = {
  name: "alias tables out of order",
  main: ["alias_maps = texthash:{dir}/nowhere, texthash:{dir}/aliases"],
  files: { aliases: "one u01\n" },
  messages: ["one", "u02"].map((name) => mail(name, name)),
};

export const scenarios: readonly Scenario[] = [
  aliases,
  forwards,
  mailboxes,
  homeMailbox,
  maildirs,
  spoolDirectory,
  spoolMaildir,
  commands,
  mailboxCommand,
  commandShell,
  transports,
  mailboxTransport,
  luser,
  luserLocal,
  owners,
  badDefaults,
  brokenAliases,
  ...agentScenarios,
];
