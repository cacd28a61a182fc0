/** Files below the home directory, and mail whose original recipients are not kept. */
import { DUMP, lines, mail } from "./parts.ts";
import type { Scenario } from "../world_testing.ts";

const tilde: Scenario = {
  name: "files below the home directory",
  main: [],
  files: {
    aliases: lines("system ~/box", "listed :include:{dir}/lists/root", "user :include:{dir}/lists/user"),
    "lists/root": "~/box\n",
    "lists/user": { content: "~/box, u05\n", owner: "u06" },
    "home/u01/.forward": "~/box, ~/Mail/, u02\n",
    "home/u03/.forward": "~u04/box\n",
    "home/u04/.forward": "~\n",
    "home/u07/.forward": "~/../u08/box\n",
    "home/u09/.forward": '"~/a b"\n',
    "home/u10/.forward": ":include:{dir}/home/u10/list\n",
    "home/u10/list": "~/box\n",
    "home/u10/": {},
  },
  messages: ["system", "listed", "user", "u01", "u03", "u04", "u07", "u09", "u10"].map((name) =>
    mail(name, name)
  ),
};

const unkept: Scenario = {
  name: "original recipients not kept",
  main: [
    "enable_original_recipient = no",
    "virtual_mailbox_domains = vm.example",
    "virtual_mailbox_base = {dir}/vmail",
    "virtual_mailbox_maps = inline:{ { x@vm.example = x } }",
    "virtual_uid_maps = static:4005",
    "virtual_gid_maps = static:4005",
    "virtual_alias_maps = inline:{ { va@example.com = u03@example.com } }",
    "transport_maps = inline:{ { outside.example = discard: } { p.example = p: } { hub.example = smtp:[127.0.0.1]:{port:hub} } }",
  ],
  master: [
    "p unix - n n - - pipe flags=DORhu user=u01 argv={dir}/lists/dump ${recipient} ${original_recipient} ${size}",
  ],
  peers: { hub: {} },
  files: {
    aliases: lines("list u01, u02", "cmd |{dir}/lists/env"),
    "vmail/": { owner: "u05" },
    "lists/dump": { content: DUMP.replace("$*", "$1"), mode: 0o755 },
    "lists/env": {
      content: "#!/bin/sh\n(env | grep RECIP | sort; cat) > {dir}/out/env\n",
      mode: 0o755,
    },
  },
  messages: [
    mail("user", "u01+x"),
    mail("list", "list"),
    mail("valias", "va"),
    mail("virtual", "x@vm.example"),
    mail("pipe", "one@p.example"),
    { id: "pipes", to: ["two@p.example", "three@p.example"] },
    mail("hub", "x@hub.example"),
    mail("cmd", "cmd"),
    mail("bounce", "nobody"),
  ],
};

export const originalsScenarios: readonly Scenario[] = [tilde, unkept];
