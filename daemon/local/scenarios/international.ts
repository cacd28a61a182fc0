/** Names and domains outside ASCII: which of them are one, who may send them, what commands and lists see. */
import { DUMP, lines, mail } from "./parts.ts";
import type { Scenario, WorldMessage } from "../world_testing.ts";

/** As a client sends it that knows nothing of SMTPUTF8, and as one that asks for it. */
function bothWays(id: string, to: string, more: Partial<WorldMessage> = {}): WorldMessage[] {
  return [mail(`${id}-plain`, to, more), mail(`${id}-utf8`, to, { ...more, mail: " SMTPUTF8" })];
}

function scenario(name: string, enable: "yes" | "no", messages: readonly WorldMessage[]): Scenario {
  return {
    name,
    main: [
      `smtputf8_enable = ${enable}`,
      "mydestination = example.com, mx.example.com, localhost, größe.example, trick.example",
      "canonical_maps = inline:{ { @trick.example = @bücher.example } }",
      "virtual_alias_domains = fußball.example",
      "virtual_alias_maps = texthash:{dir}/valiases",
      "transport_maps = texthash:{dir}/transport",
      "virtual_mailbox_domains = vm.example",
      "virtual_mailbox_base = {dir}/vmail",
      "virtual_mailbox_maps = regexp:{dir}/vmaps",
      "virtual_uid_maps = static:4005",
      "virtual_gid_maps = static:4005",
    ],
    master: [
      "dump unix - n n - - pipe flags=hu user=u01 argv={dir}/lists/dump ${recipient} ${user} ${extension} ${nexthop}",
    ],
    files: {
      aliases: lines(
        "straße u01",
        "änne u02",
        "großi :include:{dir}/lists/members",
        "owner-großi u06",
        "abroad x@bücher.example",
      ),
      valiases: lines("chef@fußball.example u03@example.com"),
      transport: lines(
        "outside.example discard:",
        "dump.example dump:Hop.Straße",
        "bücher.example discard:books",
        "strasse.example discard:street",
      ),
      vmaps: lines("/^strasse@/ folded", "/^straße@/ plain"),
      "vmail/": { owner: "u05" },
      "lists/members": "u07, Straße@example.com\n",
      "lists/dump": { content: DUMP, mode: 0o755 },
    },
    messages,
  };
}

const recipients: Readonly<Record<string, string>> = {
  folds: "x@STRAßE.example",
  ideograph: "x@bücher.example",
  percent: "x%bücher.example@example.com",
  trick: "x@trick.example",
  local: "u04@GRÖSSE.example",
  alias: "Straße@example.com",
  umlaut: "ÄNNE@example.com",
  list: "GROSSI@example.com",
  virtual: "Straße@vm.example",
  team: "chef@FUSSBALL.example",
  nobody: "NIEMANDẞ+Äx@example.com",
  abroad: "abroad@example.com",
};

export const internationalScenarios: readonly Scenario[] = [
  scenario("names outside ASCII", "yes", [
    ...Object.entries(recipients).flatMap(([id, to]) => bothWays(id, to)),
    ...bothWays("command", "Straße+Öß@Dump.example"),
    ...bothWays("fromfolds", "u08", { from: "s@straße.example" }),
    ...bothWays("fromumlaut", "u08", { from: "s@bücher.example" }),
  ]),
  // What is logged shows octets as question marks there.
  scenario("names outside ASCII, not enabled", "no", [
    mail("plain", "x@bücher.example"),
    mail("percent", "x%bücher.example@example.com"),
    mail("from", "u08", { from: "s@bücher.example" }),
    mail("frompercent", "u08", { from: "s%bücher.example@example.com" }),
    mail("vssd", "chef@fussball.example"),
  ]),
];
