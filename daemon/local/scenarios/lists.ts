/** Lists with owners: what goes along to the members, and who is told of failures. */
import { lines, mail } from "./parts.ts";
import type { Scenario, WorldMessage } from "../world_testing.ts";

/** What a sender may ask to be told of. */
const ASKED: Readonly<Record<string, Partial<WorldMessage>>> = {
  nothing: {},
  all: { mail: " RET=FULL ENVID=e1", rcpt: " NOTIFY=SUCCESS,FAILURE,DELAY ORCPT=rfc822;o@x" },
  failure: { mail: " RET=HDRS ENVID=e2", rcpt: " NOTIFY=FAILURE" },
  success: { rcpt: " NOTIFY=SUCCESS" },
  never: { rcpt: " NOTIFY=NEVER" },
};

const FAILING = ["nouser", "command", "mixed", "relative", "missing", "directory", "world", "unread"];

const lists: Scenario = {
  name: "lists with owners, extensions that go along",
  main: [
    "transport_maps = inline:{ { hub.example = smtp:[127.0.0.1]:{port:hub} } }",
    "propagate_unmatched_extensions = alias",
  ],
  peers: { hub: {} },
  files: {
    aliases: lines(
      "list m@hub.example, u01",
      "nouser nobody-here",
      "command |exit 67",
      'mixed m@hub.example, "|exit 67", n@hub.example',
      "relative :include:lists/x",
      "missing :include:/no/such/file",
      "directory :include:{dir}/lists",
      "world :include:{dir}/lists/world",
      "unread :include:{dir}/lists/unread",
      ...["list", ...FAILING].map((name) => `owner-${name} boss-of-${name}@hub.example`),
      "two x@hub.example, u03, :include:{dir}/lists/more",
      "u10 u10, self@hub.example",
    ),
    "lists/world": { content: "w@hub.example\n", mode: 0o666 },
    "lists/unread": { content: "w@hub.example\n", mode: 0, owner: "u30" },
    "lists/more": "y@hub.example\nu04\n",
    "home/u01/.forward": "f1@hub.example\n",
  },
  messages: [
    ...["list", "mixed"].flatMap((name) =>
      Object.entries(ASKED).map(([asked, parameters]) =>
        mail(`${name}-${asked}`, name, { from: "sender@hub.example", ...parameters })
      )
    ),
    ...FAILING.map((name) => mail(name, name, { from: "sender@hub.example" })),
    ...["two+e", "Two+E", "u10+e", "u10"].map((name) => mail(name, name)),
  ],
};

/** What stands behind a member that must be tried again: on the same line, and on the next one. */
const afterDeferral: Scenario = {
  name: "behind a member that must be tried again",
  main: [
    "allow_mail_to_commands = alias, forward, include",
    "allow_mail_to_files = alias, forward, include",
  ],
  files: {
    aliases: lines(
      'same "|exit 75", {dir}/out/same, u03',
      "next :include:{dir}/lists/next, {dir}/out/behind",
      "line :include:{dir}/lists/line",
      "outer same, {dir}/out/outer",
    ),
    "lists/next": '"|exit 75"\n{dir}/out/next\n',
    "lists/line": '"|exit 75", {dir}/out/line\n',
    "home/u01/.forward": '"|exit 75"\n{dir}/home/u01/file\n',
    "home/u02/.forward": '"|exit 75", {dir}/home/u02/file\n',
  },
  messages: ["same", "next", "line", "outer", "u01", "u02"].map((name) => mail(name, name)),
};

export const listsScenarios: readonly Scenario[] = [lists, afterDeferral];
