/** The .forward files of users. */
import { lines, mail } from "./parts.ts";
import type { Scenario } from "../world_testing.ts";

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

export const forwardsScenarios: readonly Scenario[] = [forwards];
