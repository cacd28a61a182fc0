/** Recipients that would like to be paths, options or commands. */
import { DUMP, lines, mail } from "./parts.ts";
import type { Scenario } from "../world_testing.ts";

const LOCAL_PARTS: Readonly<Record<string, string>> = {
  dots: "../../etc/passwd",
  parent: "..",
  slash: "/etc/passwd",
  bar: "|touch /tmp/x",
  semicolon: "u01;touch x",
  command: "$(touch x)`touch y`",
  dollar: "$HOME/x",
  tab: "u01\tx",
  escape: "u01\x1b[2J",
  include: ":include:/etc/passwd",
  option: "-f",
  blank: " u01 ",
  quote: `u01"' x`,
  backslash: "u01\\",
  highbit: "u01\xff",
  extension: "u01+../../x",
  longuser: `u01+${"x".repeat(300)}`,
  star: "*",
  empty: "",
};

const to = (name: string, domain: string) =>
  mail(`${name}.${domain}`, `${LOCAL_PARTS[name]}@${domain}`, { internal: true });

const hostile: Scenario = {
  name: "hostile local parts",
  main: [
    "mailbox_command = cat > $HOME/got-$EXTENSION",
    "forward_path = $home/.forward${recipient_delimiter}${extension}",
    "luser_relay =",
    "virtual_mailbox_domains = virt.example",
    "virtual_mailbox_base = {dir}/vmail",
    "virtual_mailbox_maps = regexp:{dir}/vmaps",
    "virtual_uid_maps = static:4010",
    "virtual_gid_maps = static:4010",
    "transport_maps = inline:{ { outside.example = discard: } { pipe.example = dump: } }",
    "dump_destination_recipient_limit = 1",
    "local_destination_recipient_limit = 1",
  ],
  master: [
    "dump unix - n n - - pipe flags=Rq user=u01 argv={dir}/lists/dump ${user} ${extension} -- ${recipient}",
  ],
  files: {
    aliases: lines("safe u02"),
    vmaps: "/./ box\n",
    "vmail/": { mode: 0o777 },
    "lists/dump": {
      // Named by the message alone: arguments are no names of files.
      content: DUMP.replace(" $*", () => ""),
      mode: 0o755,
    },
    "home/u01/.forward+x": "far@outside.example\n",
  },
  messages: Object.keys(LOCAL_PARTS).flatMap((name) => [
    to(name, "example.com"),
    to(name, "pipe.example"),
    to(name, "virt.example"),
  ]),
};

export const hostileScenarios: readonly Scenario[] = [hostile];
