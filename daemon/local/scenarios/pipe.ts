/** Commands of pipe(8). */
import { mail } from "./parts.ts";
import type { Scenario } from "../world_testing.ts";

const DUMP = "argv={dir}/lists/dump";
const pipes: Scenario = {
  name: "pipe",
  main: [
    "transport_maps = inline:{ { outside.example = discard: } { plain.example = plain:Next.Hop } { flags.example = flags: } { flags2.example = flags2: } { many.example = many:hop } { null.example = nullsender: } { dir.example = dir: } { nodir.example = nodir: } { size.example = small: } { fail.example = fail: } { slow.example = slow: } { chroot.example = chrooted: } { eol.example = eol: } { macro.example = macro: } { missing.example = missing: } { out.example = out: } { group.example = group: } { early.example = early: } { final.example = final: } { one.example = one: } { dup.example = dup: } { nullp.example = nullp: } }",
    "flags_destination_recipient_limit = 1",
    "flags2_destination_recipient_limit = 1",
    "final_destination_recipient_limit = 1",
    "slow_time_limit = 2s",
    "smtpd_client_port_logging = yes",
    "message_size_limit = 2000000",
    "mailbox_size_limit = 0",
  ],
  master: [
    `plain unix - n n - - pipe user=u01 ${DUMP} plain \${sender} \${recipient} \${user} \${extension} \${domain} \${nexthop} \${mailbox} \${original_recipient} \${client_hostname} \${client_address} \${client_helo} \${client_protocol} \${sasl_method}- \${sasl_username}- \${sasl_sender}- $$x $(sender)`,
    `flags unix - n n - - pipe flags=BDFORXhqu.> user=u01 ${DUMP} flags \${sender} \${recipient} \${user} \${extension} \${domain} \${nexthop} \${mailbox} \${original_recipient}`,
    `flags2 unix - n n - - pipe flags=DR user=u01 ${DUMP} flags2 \${recipient}`,
    `many unix - n n - - pipe flags=hu user=u01 ${DUMP} many -r \${recipient} \${user}@x/\${domain} \${nexthop} { with space \${mailbox} } {}`,
    `nullsender unix - n n - - pipe flags=FRq null_sender= user=u01 ${DUMP} null \${sender} \${recipient}`,
    `dir unix - n n - - pipe directory={dir}/home/u01 user=u01 argv=/bin/sh -c {pwd > {dir}/out/dir; id >> {dir}/out/dir; umask >> {dir}/out/dir; env | grep -v ^_= | sort >> {dir}/out/dir}`,
    `nodir unix - n n - - pipe directory={dir}/nowhere user=u01 ${DUMP} nodir`,
    `small unix - n n - - pipe size=1000 user=u01 ${DUMP} small`,
    'fail unix - n n - - pipe user=u01 argv=/bin/sh -c {echo "what went wrong"; exit ${user}}',
    "slow unix - n n - - pipe user=u01 argv=/bin/sleep 30",
    "chrooted unix - n n - - pipe chroot={dir}/lists user=u01 argv=/no/such/thing",
    `eol unix - n n - - pipe flags=. eol=\\r\\n user=u01 ${DUMP} eol`,
    `macro unix - n n - - pipe user=u01 ${DUMP} macro \${nosuchmacro} \${size}`,
    "missing unix - n n - - pipe user=u01 argv=/no/such/program x",
    "out unix - n n - - pipe user=u01 argv=/bin/echo all is well ${user}",
    "group unix - n n - - pipe user=u01:crew argv=/bin/sh -c {id > {dir}/out/group}",
    "early unix - n n - - pipe user=u01 argv=/bin/sh -c {exec <&-; exit 0}",
    `final unix - n n - - pipe flags=DX user=u01 ${DUMP} final \${recipient}`,
    "one unix - n n - - pipe user=u01 argv=/bin/sh -c {kill -9 $$$$}",
    `nullp unix - n n - - pipe flags=R user=u01 ${DUMP} nullp \${sender}`,
    `dup unix - n n - - pipe flags=D user=u01 ${DUMP} dup`,
  ],
  files: {
    aliases: "",
    "lists/dump": {
      content:
        '#!/bin/sh\nn=$1; shift\nf={dir}/out/$n.$$\nfor a in "$@"; do echo "[$a]"; done > $f\ncat >> $f\nmv $f {dir}/out/$n\n',
      mode: 0o755,
    },
  },
  messages: [
    mail("plain", "User+Ext@Plain.Example", { from: '"A b+c"@outside.example' }),
    mail("flags", '"Us er+Ex t"@FLAGS.example', { body: [".dot", "From x", ">From y", ""] }),
    mail("flags-loop", "x@flags2.example", { headers: ["Delivered-To: X@flags2.example"] }),
    { id: "many", to: ["A+x@Many.example", "b@many.example", '"c d"@many.example'] },
    mail("null", "n@null.example", { from: "" }),
    mail("nullplain", "n@nullp.example", { from: "" }),
    mail("dir", "n@dir.example"),
    mail("nodir", "n@nodir.example"),
    mail("small", "n@size.example", { body: Array.from({ length: 30 }, () => "x".repeat(70)) }),
    ...[1, 64, 65, 67, 69, 73, 75, 77, 78, 99].map((n) => mail(`fail${n}`, `${n}@fail.example`)),
    mail("slow", "n@slow.example"),
    mail("chrooted", "n@chroot.example"),
    mail("eol", "n@eol.example", { body: [".x", "y"] }),
    mail("macro", "n@macro.example"),
    mail("missing", "n@missing.example"),
    mail("out", "n@out.example"),
    mail("group", "n@group.example"),
    mail("early", "n@early.example", { body: Array.from({ length: 5000 }, () => "x".repeat(78)) }),
    mail("final", "n@final.example", { rcpt: " NOTIFY=SUCCESS" }),
    mail("signal", "n@one.example"),
    mail("hostile", '"x-rf;|/../$(id)"@out.example'),
    { id: "dup", to: ["a@dup.example", "b@dup.example"] },
  ],
};

export const pipeScenarios: readonly Scenario[] = [pipes];
