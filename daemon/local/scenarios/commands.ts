/** Commands: of aliases, of .forward files, in place of mailboxes. */
import { lines, mail } from "./parts.ts";
import type { Scenario } from "../world_testing.ts";

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

export const commandsScenarios: readonly Scenario[] = [commands, mailboxCommand, commandShell];
